import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import postgres from 'postgres';
import { expect, test, vi } from 'vitest';
import { databaseUrl } from '../../scripts/stack/postgres.ts';
import { expectToListenOnLoopback } from './listeners.ts';
import {
  isListening,
  portOf,
  type ReadyLine,
  type StartCommand,
  startCommand,
  temporaryFolder,
  until,
} from './start-command.ts';

// a test starts up to three whole stacks, on a machine that runs other tests
vi.setConfig({ testTimeout: 300_000 });

test('a ready stack prints one line of JSON, and answers, on the loopback address alone', async () => {
  const command = startCommand();
  const line = await command.readyLine();

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
  await expectToStopWhole(command, line, () => command.ctrlC());
  // a stop writes nothing more
  expect(command.stdout()).toMatch(/^\{[^\n]+\}\n$/);
});

const moments: [string, (command: StartCommand) => Promise<void>][] = [
  ['while initdb runs', (command) => runs(command, 'initdb')],
  ['when Postgres is up', (command) => command.step('Postgres 17')],
  ['while the bootstrap runs', bootstraps],
  ['while the migrations run', (command) => runs(command, 'db push')],
  ['when the migrations are done', (command) => command.step('migrations')],
  ['when the demo accounts are made', (command) => command.step('demo accounts')],
  ['when a function is up', (command) => command.step('function ')],
  ['when the gateway is up', (command) => command.step('the CONNECT gateway')],
  ['when all of it is up', (command) => command.step('API gateway')],
];

test.each(moments)('SIGTERM %s leaves nothing', async (_, moment) => {
  const command = startCommand({ scratch: true });
  await moment(command);
  command.child.kill('SIGTERM');
  await expectNothingLeft(command);
});

test.each(['initdb', 'db push'])('Ctrl-C while %s runs leaves nothing', async (program) => {
  const command = startCommand({ scratch: true });
  await runs(command, program);
  command.ctrlC();
  await expectNothingLeft(command);
});

test('two stacks at once have ports, data and keys of their own, and each stops whole alone', async () => {
  const temporary = temporaryFolder();
  const commands = [startCommand({ temporary }), startCommand({ temporary })] as const;
  const lines = await Promise.all([commands[0].readyLine(), commands[1].readyLine()]);
  for (const name of ['url', 'dbUrl', 'gatewayUrl', 'publishableKey', 'secretKey'] as const) {
    expect(lines[0][name]).not.toBe(lines[1][name]);
  }

  // a parent that is gone
  commands[0].child.disconnect();
  expect(await commands[0].ended).toBe(0);
  await expectNoProgramLeft(commands[0], lines[0]);
  await expectToAnswer(lines[1]);
  await expectToStopWhole(commands[1], lines[1], () => {
    commands[1].child.kill('SIGTERM');
    commands[1].child.kill('SIGTERM');
  });
});

test('what a killed stack left is cleared up by the next, which spares a running one', async () => {
  const temporary = temporaryFolder();
  const killed = startCommand({ temporary });
  await killed.readyLine();
  killed.child.kill('SIGKILL');
  await killed.ended;
  const left = killed.processes();
  expect(left).not.toEqual([]);
  const folders = readdirSync(temporary);
  expect(folders).toHaveLength(1);

  const second = startCommand({ temporary });
  const line = await second.readyLine();
  expect(killed.processes()).toEqual([]);
  expect(readdirSync(temporary)).not.toContain(folders[0]);

  const third = startCommand({ temporary });
  await third.step('Postgres 17');
  await expectToAnswer(line);
  third.child.kill('SIGINT');
  await third.ended;
  await expectToStopWhole(second, line, () => second.child.kill('SIGINT'));
});

test.each([
  ['process.exit(3)', 3],
  ["process.kill(process.pid, 'SIGINT')", 130],
])('a process ended by %s leaves no program of its stack running', async (end, code) => {
  const command = startCommand({
    script: `
      const { startStack } = await import('./scripts/stack/stack.ts');
      await startStack({ ephemeral: true });
      ${end};`,
    args: [],
  });
  expect(await command.ended).toBe(code);
  await until(() => command.processes().length === 0);
});

function runs(command: StartCommand, program: string): Promise<void> {
  return until(() => command.processes().some((process) => process.command.includes(program)));
}

/** Resolves when the one long statement that makes a new database the platform's is under way. */
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

/** What a proxy answers to a CONNECT that brings no key. */
async function connectStatus(proxy: string): Promise<number | undefined> {
  const { hostname, port } = new URL(proxy);
  const asked = request({ hostname, port, method: 'CONNECT', path: 'example.com:443' }).end();
  const [answer] = (await once(asked, 'connect')) as [IncomingMessage];
  asked.destroy();
  return answer.statusCode;
}

async function expectToStopWhole(
  command: StartCommand,
  line: ReadyLine,
  stop: () => void,
): Promise<void> {
  expect(command.processes()).not.toEqual([]);
  stop();
  await expectNothingLeft(command);
  await expectNoProgramLeft(command, line);
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
