import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import {
  readConnectionRoom,
  TooFewConnections,
} from '../../../gateway/database/connection-room.ts';
import { gatewayLogin } from '../../../scripts/gateway-login/gateway-login.ts';
import {
  connectRequest,
  type GatewayFixture,
  sendRaw,
  startTestGateway,
} from '../../support/gateway/gateway-fixture.ts';
import { startGatewayProcess } from '../../support/gateway/gateway-process.ts';
import { type KeyOwner, newKeyOwner } from '../../support/gateway/key-owner.ts';
import { startTcpTarget, type TargetServer } from '../../support/gateway/targets.ts';
import { startTcpProxy } from '../../support/gateway/tcp-proxy.ts';
import { callCommand } from '../../support/operator-command.ts';
import { connectOwner } from '../../support/personas.ts';
import { overrideLimits } from '../../support/seeded-keys.ts';

const stack = inject('stack');
const sql = connectOwner();
let owner: KeyOwner;
let echo: TargetServer;

beforeAll(async () => {
  [owner, echo] = await Promise.all([
    newKeyOwner(sql),
    startTcpTarget((socket) => socket.pipe(socket)),
  ]);
});
afterAll(async () => {
  await Promise.all([echo.close(), sql.end()]);
});

/** A gateway login for this test, dropped after it. */
async function newLogin(connections: number): Promise<{ login: string; url: string }> {
  const name = `room_${crypto.randomUUID().slice(0, 8)}`;
  const run = (...args: string[]) => callCommand(gatewayLogin, args, stack.dbUrl);
  const { stdout, stderr } = await run('create', name, '--connections', String(connections));
  expect(stderr).toBe('');
  onTestFinished(async () => expect(await run('drop', name)).toMatchObject({ code: 0 }));
  const [, url = ''] = /GATEWAY_DATABASE_URL="(.*)"/.exec(stdout) ?? [];
  return { login: `proxy_gateway_${name}`, url };
}

async function start(databaseUrl: string, databaseConnections: number): Promise<GatewayFixture> {
  const gateway = await startTestGateway({ databaseUrl, databaseConnections });
  onTestFinished(() => gateway.stop());
  return gateway;
}

const readiness = async ({ operationsUrl }: GatewayFixture) => {
  const response = await fetch(`${operationsUrl}/readyz`);
  return { status: response.status, text: await response.text() };
};

describe('a start with a login that allows fewer connections than the gateway opens', () => {
  it('is refused with the current limit, the needed one, and what to do', async () => {
    const { login, url } = await newLogin(5);
    const refusal = await start(url, 6).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(TooFewConnections);
    expect(refusal).toMatchObject({ code: 'database_login_limit_too_small' });
    const { message } = refusal as Error;
    expect(message).toContain('GATEWAY_DATABASE_CONNECTIONS to 5,');
    const [, remedy = ''] = /as role postgres: (.*)\.$/.exec(message) ?? [];
    expect(remedy).toContain(login);

    await sql.unsafe(remedy);
    const gateway = await start(url, 6);
    await vi.waitFor(async () => expect(await readiness(gateway)).toMatchObject({ status: 200 }));
    expect(gateway.logged.join('\n')).not.toContain('too_small');
  });

  it('ends the process with exit code 1, without a stack trace', async () => {
    const { login, url } = await newLogin(3);
    await sql.unsafe(`alter role ${login} connection limit 2`);
    const folder = mkdtempSync(join(tmpdir(), 'gateway-test-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const child = startGatewayProcess({
      GATEWAY_DATABASE_URL: url,
      GATEWAY_SPOOL_DIR: join(folder, 'spool'),
      GATEWAY_PORT: '0',
      GATEWAY_METRICS_PORT: '0',
    });
    onTestFinished(async () => void (await child.kill()));
    expect(await child.ended).toBe(1);
    const [first = '', ...more] = child.stderr().trimEnd().split('\n');
    expect(first).toMatch(/^database_login_limit_too_small: .*\.$/);
    // no allowed value of the variable would help
    expect(first).not.toContain('GATEWAY_DATABASE_CONNECTIONS');
    expect(first).toContain(`alter role ${login} connection limit 20.`);
    expect(more.join('\n')).not.toMatch(/^\s+at /m);
    expect(child.stderr()).not.toContain(new URL(url).password);
  });

  it('is refused because of the server’s limit, too', async () => {
    const { url } = await newLogin(1_000);
    await expect(start(url, 1_000)).rejects.toMatchObject({
      code: 'database_server_limit_too_small',
      message: expect.stringMatching(
        / allows 97 .*\(max_connections 100, minus 3 .* to 97, or raise /,
      ),
    });
  });
});

it('the limits are read for the current login', async () => {
  const { login, url } = await newLogin(7);
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  onTestFinished(() => pool.end());
  expect(await readConnectionRoom(pool)).toEqual({
    login,
    loginLimit: 7,
    serverLimit: 100,
    reserved: 3,
  });
});

describe('a start that cannot read the limits', () => {
  const tooSmall = /^database_login_limit_too_small: [^\n]+ may hold 4 [^\n]+ up to 5: [^\n]+\.$/m;

  it.each(['cut', 'blackHole'] as const)(
    'accepts CONNECTs while the database is away (%s), and reports the problem once it is back',
    async (away) => {
      const { login, url } = await newLogin(4);
      const proxy = await startTcpProxy(url);
      onTestFinished(() => proxy.close());
      proxy[away]();
      const gateway = await start(proxy.through(url), 5);
      expect((await readiness(gateway)).text).not.toMatch(tooSmall);
      proxy.restore();
      await vi.waitFor(async () => expect((await readiness(gateway)).text).toMatch(tooSmall));
      const errors = gateway.logged.filter((line) => line.includes('limit_too_small'));
      expect(errors.map((line) => JSON.parse(line))).toMatchObject([
        { level: 50, code: 'database_login_limit_too_small' },
      ]);

      await sql.unsafe(`alter role ${login} connection limit 5`);
      await vi.waitFor(async () => expect(await readiness(gateway)).toMatchObject({ status: 200 }));
    },
  );

  it('accepts CONNECTs while others hold all of the login’s connections, and is ready when they close', async () => {
    const { url } = await newLogin(3);
    const others = [1, 2, 3].map(() => new pg.Client({ connectionString: url }));
    await Promise.all(others.map((client) => client.connect()));
    const gateway = await start(url, 3);
    expect(await readiness(gateway)).toMatchObject({ status: 503 });
    await Promise.all(others.map((client) => client.end()));
    await vi.waitFor(async () => expect(await readiness(gateway)).toMatchObject({ status: 200 }));
  });
});

it('three connections are enough to serve, record and listen, and a fourth is never opened', async () => {
  const { login, url } = await newLogin(3);
  const gateway = await start(url, 3);
  await vi.waitFor(async () => expect(await readiness(gateway)).toMatchObject({ status: 200 }));
  const key = await owner.newKey();
  await overrideLimits(sql, key.id, { rate_limit: 1_000_000 });

  let loaded = true;
  const counts: number[] = [];
  onTestFinished(() => {
    loaded = false;
  });
  const counting = (async () => {
    while (loaded) {
      const [row] = await sql`
        select count(*)::integer as open from pg_stat_activity where usename = ${login}`;
      counts.push(row?.open);
    }
  })();
  const good = connectRequest(`127.0.0.1:${echo.port}`, key.basicAuth);
  const statuses: Record<number, number> = {};
  for (let round = 0; round < 10; round++) {
    const requests = Array.from({ length: 20 }, () => [
      good,
      // each causes one more lookup
      connectRequest(
        `127.0.0.1:${echo.port}`,
        `avp_live_${crypto.randomUUID().replaceAll('-', '').slice(0, 12)}:${'0'.repeat(64)}`,
      ),
    ]).flat();
    const answers = await Promise.all(requests.map((request) => sendRaw(gateway.port, request)));
    for (const { status, socket } of answers) {
      statuses[status] = (statuses[status] ?? 0) + 1;
      socket.destroy();
    }
  }
  await owner.eventsOf(key, 200);
  loaded = false;
  await counting;
  expect(statuses).toEqual({ 200: 200, 407: 200 });
  expect(counts.length).toBeGreaterThan(20);
  expect(Math.max(...counts)).toBe(3);
  // the server would have refused a fourth
  expect(gateway.logged.join('\n')).not.toContain('too many connections');

  const open = await sendRaw(gateway.port, good);
  expect(open.status).toBe(200);
  const closed = new Promise((resolve) => open.socket.once('close', resolve));
  open.socket.resume();
  await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${key.id}`;
  await closed;
  expect(await sendRaw(gateway.port, good)).toMatchObject({ status: 403 });
});
