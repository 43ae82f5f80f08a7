import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createLogin } from '../../../scripts/gateway-login/logins.ts';
import { freePort } from '../../../scripts/stack/ports.ts';
import { type GatewayFixture, startTestGateway } from '../../support/gateway/gateway-fixture.ts';
import { type OwnDatabase, startOwnDatabase } from '../../support/own-stack.ts';
import { beginnings, untilNotReady, untilOver, untilReady } from './read-readiness.ts';
import { startStandby } from './standby-database.ts';

let database: OwnDatabase;
let operator: postgres.Sql;
beforeAll(async () => {
  database = await startOwnDatabase();
  const url = Object.assign(new URL(database.dbUrl), { username: 'supabase_admin' }).href;
  operator = postgres(url, { max: 1, onnotice: () => {} });
});
afterAll(async () => {
  await operator.end({ timeout: 1 });
  await database.stop();
});

async function start(databaseUrl = database.gatewayDbUrl): Promise<GatewayFixture> {
  const gateway = await startTestGateway({ databaseUrl, drainMs: 0 });
  onTestFinished(() => gateway.stop());
  return gateway;
}

/** The gateway's connection string with other parts. */
function urlWith(parts: {
  username?: string;
  password?: string;
  port?: string;
  pathname?: string;
}) {
  return Object.assign(new URL(database.gatewayDbUrl), parts).href;
}

describe('a schema', () => {
  const setVersion = (version: number, oldestGateway: number) => database.sql`
    update proxy_private.schema_version
    set version = ${version}, oldest_gateway_version = ${oldestGateway}`;
  afterEach(() => setVersion(1, 1));

  it('of the gateway’s own version is ready, and no problem is logged at the start', async () => {
    const gateway = await start();
    await untilReady(gateway);
    expect(beginnings(gateway).filter(({ level }) => level > 30)).toEqual([]);
  });

  it('that is newer and supports this gateway is ready', async () => {
    await setVersion(1_000, 1);
    await untilReady(await start());
  });

  it('that stops supporting this gateway is detected while it runs, and so is the recovery', async () => {
    const gateway = await start();
    await untilReady(gateway);
    await setVersion(1_000, 2);
    await untilNotReady(gateway, ['gateway_too_old']);
    await setVersion(1_000, 1);
    await untilReady(gateway);
    await untilOver(gateway, 'gateway_too_old');
  });

  it('without a version is detected while the gateway runs', async () => {
    const gateway = await start();
    await untilReady(gateway);
    await database.sql`alter function gateway.schema_version() rename to hidden`;
    await untilNotReady(gateway, ['schema_too_old']);
    await database.sql`alter function gateway.hidden() rename to schema_version`;
    await untilReady(gateway);
  });

  it('is missing if no migration was applied', async () => {
    await operator`create database empty`;
    await untilNotReady(await start(urlWith({ pathname: '/empty' })), ['schema_missing']);
  });
});

describe('a gateway is not ready if its login', () => {
  it('is at its connection limit', async () => {
    const password = randomUUID();
    const login = { name: 'full', password, connections: 12 };
    const username = await createLogin(database.sql, login);
    const url = urlWith({ username, password });
    const other = postgres(url, { max: login.connections });
    const held = await Promise.all(Array.from({ length: 12 }, () => other.reserve()));
    const gateway = await start(url);
    await untilNotReady(gateway, ['connection_limit', 'clock_unmeasured'], [password]);
    for (const connection of held) connection.release();
    await other.end();
    await untilReady(gateway);
  });

  it('has a wrong password', async () => {
    const gateway = await start(urlWith({ password: 'not-the-password' }));
    await untilNotReady(gateway, ['login_refused', 'clock_unmeasured'], ['not-the-password']);
  });

  it('has no gateway rights', async () => {
    const password = randomUUID();
    await operator.unsafe(`create role stranger login password '${password}'`);
    const gateway = await start(urlWith({ username: 'stranger', password }));
    await untilNotReady(gateway, ['login_without_rights'], [password]);
  });
});

describe('a gateway is not ready if its database', () => {
  it('is away', async () => {
    const gateway = await start(urlWith({ port: String(await freePort()) }));
    await untilNotReady(gateway, ['database_away', 'clock_unmeasured']);
  });

  it('has another name', async () => {
    const gateway = await start(urlWith({ pathname: '/another' }));
    await untilNotReady(gateway, ['database_missing', 'clock_unmeasured']);
  });

  it('is a standby', async () => {
    const standby = await startStandby();
    onTestFinished(() => standby.stop());
    await untilNotReady(await start(standby.gatewayDbUrl), ['standby_database']);
  });
});

it('a host clock that is off by an hour causes a warning, and the gateway is ready', async () => {
  const hourMs = 3_600_000;
  const gateway = await startTestGateway({ drainMs: 0, hostNow: () => Date.now() + hourMs });
  onTestFinished(() => gateway.stop());
  await untilReady(gateway);
  const warnings = gateway.logged.filter((line) => JSON.parse(line).offsetSeconds < -3_590);
  expect(warnings.map((line) => JSON.parse(line).level)).toEqual([40]);
});
