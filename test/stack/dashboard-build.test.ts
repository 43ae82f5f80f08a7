import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { runBuild } from '../support/stack/build-command.ts';
import { copyDashboard, type DashboardCopy } from '../support/stack/dashboard-copy.ts';
import { type StartCommand, startCommand, until } from '../support/stack/start-command.ts';

const parent = mkdtempSync(join(tmpdir(), 'dashboard-stack-'));
/** While this file exists, a build starts but does not finish. */
const gate = join(parent, 'closed');
let checkout: DashboardCopy;
let dist: string;
beforeAll(async () => {
  // Postgres may run as another user
  chmodSync(parent, 0o755);
  checkout = await copyDashboard(parent);
  dist = join(checkout.folder, 'dashboard/dist');
  const file = join(checkout.folder, 'dashboard/vite.config.ts');
  writeFileSync(
    file,
    `import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
while (existsSync(${JSON.stringify(gate)})) await sleep(10);
${readFileSync(file, 'utf8')}`,
  );
});
afterAll(() => rmSync(parent, { recursive: true, force: true, maxRetries: 5 }));
beforeEach(() => {
  rmSync(gate, { force: true });
  rmSync(dist, { recursive: true, force: true });
  checkout.write('document.title = "as it was";');
});

const startKept = () => startCommand({ args: [], checkout: checkout.folder });
const builders = (command: StartCommand) =>
  command.processes().filter(({ command: line }) => line.includes('scripts/build.ts'));
/** The folders with the dashboard in a persistent stack's state. */
const kept = () => readdirSync(checkout.state).filter((name) => name.startsWith('dashboard'));

test('a persistent stack builds the dashboard before it is ready, and the next start reuses it', async () => {
  writeFileSync(gate, '');
  const first = startKept();
  for (const part of ['PostgREST', 'function api', 'function admin', 'the CONNECT gateway']) {
    await first.step(part);
  }
  expect(builders(first)).toHaveLength(1);
  const url = `http://127.0.0.1:${checkout.apiPort}`;
  expect((await fetch(`${url}/developer/`)).status).toBe(503);
  expect(first.stdout()).toBe('');
  rmSync(gate);
  expect(await first.output()).toMatch(/^Dashboard +http:\/\/127\.0\.0\.1:\d+\/developer$/m);
  expect(builders(first)).toEqual([]);

  // no request waits for a build, whatever happens to the sources
  writeFileSync(gate, '');
  checkout.write('document.title = "changed";');
  expect(await loadScript(url)).toContain('as it was');
  expect(builders(first)).toEqual([]);
  expect(existsSync(dist)).toBe(false);
  first.child.kill('SIGINT');
  expect(await first.ended).toBe(0);
  expect(first.processes()).toEqual([]);

  // while the gate is closed, it could not build again
  checkout.write('document.title = "as it was";');
  const second = startKept();
  await second.output();
  expect(await loadScript(url)).toContain('as it was');
  expect(kept()).toEqual(['dashboard']);
});

test('an ephemeral stack serves the output of `npm run build` for the same sources, even after it is deleted', async () => {
  expect(await runBuild(dist, {}, checkout.folder)).toMatchObject({ code: 0 });
  writeFileSync(gate, '');
  const command = startCommand({ checkout: checkout.folder });
  const { url } = await command.readyLine();
  expect(command.stdout()).toMatch(/^\{[^\n]+\}\n$/);
  rmSync(dist, { recursive: true });
  expect(await loadScript(url)).toContain('as it was');
});

test('a build is made only for new sources, and replaces the previous one', async () => {
  const folder = join(parent, 'page');
  const builds = async () => {
    const origin = await prepare(folder);
    expect(readdirSync(parent).filter((name) => name.startsWith('page'))).toEqual(['page']);
    const [script = ''] = readdirSync(join(folder, 'assets')).filter((name) => /js$/.test(name));
    return [origin, readFileSync(join(folder, 'assets', script), 'utf8')];
  };
  const asItWas = expect.stringContaining('as it was');
  // as a killed start leaves it
  mkdirSync(`${folder}.unfinished/build`, { recursive: true });
  expect(await builds()).toEqual(['built', asItWas]);
  expect(await builds()).toEqual(['kept', asItWas]);
  checkout.write('document.title = "of today";');
  expect(await builds()).toEqual(['built', expect.stringContaining('of today')]);
});

test("a build that fails, or has no sources, ends the start with the builder's message", async () => {
  const expectToFail = async (...words: string[]) => {
    const command = startKept();
    expect(await command.ended).toBe(1);
    for (const word of words) expect(command.stderr()).toContain(word);
    expect(command.stderr()).toContain('then start again');
    // a message, without a stack trace or a terminal's colors
    expect(command.stderr()).not.toContain('\u001b');
    expect(command.stderr()).not.toMatch(/^\s+at /m);
    expect(command.stdout()).toBe('');
    expect(command.processes()).toEqual([]);
    expect(kept()).toEqual([]);
  };
  checkout.write('import "./missing.ts";');
  const log = join(checkout.state, 'logs/dashboard-build.log');
  await expectToFail('The dashboard could not be built.', 'missing.ts', log);

  const lock = join(checkout.folder, 'package-lock.json');
  const text = readFileSync(lock);
  rmSync(lock);
  try {
    await expectToFail('package-lock.json');
  } finally {
    writeFileSync(lock, text);
  }
});

test.each([
  ['SIGTERM', 'an ephemeral stack', '--ephemeral'],
  ['SIGINT', 'an ephemeral stack', '--ephemeral'],
  ['Ctrl-C', 'a persistent stack'],
] as const)(
  '%s while the dashboard of %s is built leaves nothing behind',
  async (signal, _, ...args) => {
    writeFileSync(gate, '');
    const command = startCommand({ args, checkout: checkout.folder });
    await until(() => builders(command).length > 0);
    if (signal === 'Ctrl-C') command.ctrlC();
    else command.child.kill(signal);
    expect(await command.ended).toBe(0);
    expect(command.processes()).toEqual([]);
    expect(readdirSync(command.temporary)).toEqual([]);
    expect(kept()).toEqual([]);
  },
);

/** Runs only the dashboard part of a start. */
async function prepare(folder: string): Promise<string> {
  const command = startCommand({
    checkout: checkout.folder,
    script: `
      const { prepareDashboardBuild } = await import('./scripts/stack/dashboard-build.ts');
      const { createSupervisor } = await import('./scripts/stack/supervisor.ts');
      const [folder] = process.argv.slice(1);
      const supervisor = await createSupervisor(folder + '-processes.json', () => {});
      console.log(await prepareDashboardBuild({ folder, supervisor, logFile: folder + '.log' }));
      await supervisor.stopAll();`,
    args: [folder],
  });
  expect(await command.ended).toBe(0);
  rmSync(`${folder}.log`, { force: true });
  return command.stdout().trim();
}

/** The dashboard's script, as its HTML names it. */
async function loadScript(url: string): Promise<string> {
  const page = await fetch(`${url}/developer/`);
  expect(page.status).toBe(200);
  const [, path = ''] = /src="\.\/([^"]+\.js)"/.exec(await page.text()) ?? [];
  return (await fetch(`${url}/developer/${path}`)).text();
}
