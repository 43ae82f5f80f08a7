import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { basename, dirname } from 'node:path';
import postgres from 'postgres';
import { expect, test } from 'vitest';
import { databaseUrl } from '../../scripts/stack/postgres.ts';
import {
  isListening,
  portOf,
  type ReadyLine,
  type StartCommand,
  startCommand,
  temporaryFolder,
  until,
} from '../support/stack/start-command.ts';
import { expectToListenOnLoopback } from './listeners.ts';

test('stacks share nothing, and a start cleans up only what a killed one left', async () => {
  const temporary = temporaryFolder();
  const [killed, spared] = [startCommand({ temporary }), startCommand({ temporary })] as const;
  const lines = await Promise.all([killed.readyLine(), spared.readyLine()]);
  for (const name of ['url', 'dbUrl', 'gatewayUrl', 'publishableKey', 'secretKey'] as const) {
    expect(lines[0][name]).not.toBe(lines[1][name]);
  }
  await expectToBeReady(killed, lines[0]);
  await expectToBeReady(spared, lines[1]);

  const left = folderOf(killed);
  killed.child.kill('SIGKILL');
  await killed.ended;
  expect(killed.processes()).not.toEqual([]);
  expect(readdirSync(temporary).toSorted()).toEqual([left, folderOf(spared)].toSorted());
  const next = startCommand({ temporary });
  const line = await next.readyLine();
  expect(killed.processes()).toEqual([]);
  expect(readdirSync(temporary)).not.toContain(left);
  await expectToAnswer(lines[1]);

  next.ctrlC();
  expect(await next.ended).toBe(0);
  await expectNoProgramLeft(next, line);
  // stopping prints nothing more
  expect(next.stdout()).toMatch(/^\{[^\n]+\}\n$/);
  await expectToAnswer(lines[1]);
  spared.child.kill('SIGTERM');
  spared.child.kill('SIGTERM');
  await expectNothingLeft(spared);
  await expectNoProgramLeft(spared, lines[1]);
});

const endings = {
  SIGTERM: (command: StartCommand) => void command.child.kill('SIGTERM'),
  'Ctrl-C': (command: StartCommand) => command.ctrlC(),
  'the exit of its parent': (command: StartCommand) => command.child.disconnect(),
};
type Moment = [keyof typeof endings, string, (command: StartCommand) => Promise<unknown>];

test.each<Moment>([
  ['SIGTERM', 'while initdb runs', (command) => runs(command, 'initdb')],
  ['Ctrl-C', 'while initdb runs', (command) => runs(command, 'initdb')],
  ['SIGTERM', 'while the bootstrap runs', bootstraps],
  ['SIGTERM', 'while the migrations run', (command) => runs(command, 'db push')],
  ['Ctrl-C', 'while the migrations run', (command) => runs(command, 'db push')],
  ['SIGTERM', 'when the migrations are done', (command) => command.step('migrations')],
  ['SIGTERM', 'when the demo accounts are made', (command) => command.step('demo accounts')],
])('%s %s, during a first start, leaves nothing behind', async (ending, _, moment) => {
  const command = startCommand({ scratch: true });
  await moment(command);
  endings[ending](command);
  await expectNothingLeft(command);
});

test.each<Moment>([
  ['SIGTERM', 'when Postgres is up', (command) => command.step('Postgres 17')],
  ['SIGTERM', 'when a function is up', (command) => command.step('function ')],
  ['SIGTERM', 'when the gateway is up', (command) => command.step('the CONNECT gateway')],
  ['the exit of its parent', 'when everything is up', (command) => command.readyLine()],
])('%s %s leaves nothing behind', async (ending, _, moment) => {
  const command = startCommand();
  await moment(command);
  endings[ending](command);
  await expectNothingLeft(command);
});

test.each([
  ['process.exit(3)', 3],
  ["process.kill(process.pid, 'SIGINT')", 130],
])('a process that ends with %s leaves no program of its stack running', async (end, code) => {
  const command = startCommand({
    script: `
      const { startDatabase } = await import('./scripts/stack/start-database.ts');
      const { postgresUser } = await import('./scripts/stack/process-user.ts');
      const { openStateDirectory } = await import('./scripts/stack/state-directory.ts');
      const { createSupervisor } = await import('./scripts/stack/supervisor.ts');
      const report = () => {};
      const state = openStateDirectory({ ephemeral: true, user: postgresUser() });
      const supervisor = await createSupervisor(state.processesFile, report);
      await startDatabase({ supervisor, state, durable: false, report });
      // one that runs to its end
      supervisor.run({ name: 'a', command: 'sleep', args: ['86400'], env: {}, logFile: '/dev/null' });
      console.log('running');
      await new Promise((go) => process.once('message', go));
      ${end};`,
    args: [],
  });
  await command.output();
  const running = command.processes().map(({ command: line }) => line);
  for (const program of ['/postgres -D', 'sleep 86400']) {
    expect(running).toContainEqual(expect.stringContaining(program));
  }
  command.child.send('go');
  expect(await command.ended).toBe(code);
  await until(() => command.processes().length === 0);
});

function runs(command: StartCommand, program: string): Promise<void> {
  return until(() => command.processes().some((process) => process.command.includes(program)));
}

/** Resolves while the one long statement runs that turns a new database into the platform's. */
async function bootstraps(command: StartCommand): Promise<void> {
  await command.step('Postgres 17');
  const server = command.processes().find((process) => process.command.includes('/postgres -D'));
  const port = Number(/ port=(\d+)/.exec(server?.command ?? '')?.[1]);
  const sql = postgres(databaseUrl('supabase_admin', port), { max: 1 });
  await until(async () => {
    const [seen] = await sql`
      select from pg_stat_activity
      where (state = 'active' and query like 'begin;%')
        -- too late to see it
        or to_regclass('auth.users') is not null`;
    return seen !== undefined;
  });
  await sql.end({ timeout: 0 });
}

async function expectToBeReady(command: StartCommand, line: ReadyLine): Promise<void> {
  expect(command.stdout()).toMatch(/^\{[^\n]+\}\n$/);
  expect(Object.keys(line).sort()).toEqual([
    'dbUrl',
    'gatewayDbUrl',
    'gatewayUrl',
    'publishableKey',
    'restUrl',
    'secretKey',
    'url',
  ]);
  await expectToAnswer(line);
  expectToListenOnLoopback([command.child.pid ?? 0, ...command.processes().map(({ pid }) => pid)]);
}

/** The name of an ephemeral stack's folder. */
function folderOf(command: StartCommand): string {
  const server = command.processes().find((process) => process.command.includes('/postgres -D'));
  return basename(dirname(/ -D (\S+)/.exec(server?.command ?? '')?.[1] ?? ''));
}

async function expectToAnswer(line: ReadyLine): Promise<void> {
  const health = await fetch(`${line.url}/api/v1/health`);
  expect(health.status).toBe(200);
  const rest = await fetch(`${line.restUrl}/rpc/proxy_health`, {
    headers: { apikey: line.publishableKey },
  });
  expect(rest.status).toBe(200);
  const users = await fetch(`${line.url}/auth/v1/admin/users`, {
    headers: { apikey: line.secretKey },
  });
  expect(users.status).toBe(200);
  expect(await connectStatus(line.gatewayUrl)).toBe(407);
  for (const [url, role] of [
    [line.dbUrl, 'postgres'],
    [line.gatewayDbUrl, 'proxy_gateway_local'],
  ] as const) {
    const sql = postgres(url, { max: 1 });
    expect(await sql`select current_user as role`).toEqual([{ role }]);
    await sql.end();
  }
}

/** The proxy's status for a CONNECT without a key. */
async function connectStatus(proxy: string): Promise<number | undefined> {
  const { hostname, port } = new URL(proxy);
  const asked = request({ hostname, port, method: 'CONNECT', path: 'example.com:443' }).end();
  const [answer] = (await once(asked, 'connect')) as [IncomingMessage];
  asked.destroy();
  return answer.statusCode;
}

async function expectNoProgramLeft(command: StartCommand, line: ReadyLine): Promise<void> {
  expect(command.processes()).toEqual([]);
  for (const url of [line.url, line.dbUrl, line.gatewayUrl]) {
    expect(await isListening(portOf(url))).toBe(false);
  }
}

async function expectNothingLeft(command: StartCommand): Promise<void> {
  expect(await command.ended).toBe(0);
  expect(command.processes()).toEqual([]);
  expect(readdirSync(command.temporary)).toEqual([]);
}
