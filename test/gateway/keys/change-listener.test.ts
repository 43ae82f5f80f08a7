import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import postgres from 'postgres';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  inject,
  it,
  vi,
} from 'vitest';
import { createDatabaseClock } from '../../../gateway/database-clock.ts';
import { type ChangeListener, startChangeListener } from '../../../gateway/keys/change-listener.ts';
import { checkChannel } from '../../../gateway/readiness/notification-check.ts';
import { askBy } from '../../support/both-ways.ts';
import { calls } from '../../support/calls.ts';
import { startTcpProxy, type TcpProxy } from '../../support/gateway/tcp-proxy.ts';
import { connectOwner, newAdmin, newUser, type Persona } from '../../support/personas.ts';
import { overrideLimits, type SeededKey, seedKey } from '../../support/seeded-keys.ts';

const stack = inject('stack');
const sql = connectOwner();
/** Long timeouts, because a slow machine is not under test. */
const patient = { timeout: 60_000 };
const hour = 3_600_000;

let owner: Persona;
let admin: Persona;
let key: SeededKey;
let network: TcpProxy;
let listener: ChangeListener | undefined;
/** The listener's callbacks, in order. */
let seen: string[];
let logged: {
  level: number;
  msg: string;
  reason?: string;
  keyId?: string;
  occurredAt?: string;
}[];

beforeAll(async () => {
  [owner, admin] = await Promise.all([newUser(), newAdmin()]);
});
beforeEach(async () => {
  key = await seedKey(sql, owner.id);
  network = await startTcpProxy(stack.gatewayDbUrl);
});
afterEach(async () => {
  await listener?.stop();
  listener = undefined;
  await network.close();
});
afterAll(() => sql.end());

/** Listens through the test's network; a healthy connection answers well within `timeoutMs`. */
function listen(options: { heartbeatMs?: number; timeoutMs?: number; url?: string } = {}) {
  const { url = stack.gatewayDbUrl, heartbeatMs = hour, timeoutMs = hour } = options;
  seen = [];
  logged = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => logged.push(JSON.parse(line)) });
  listener = startChangeListener({
    databaseUrl: network.through(url),
    sendCheck: (payload) => sql.notify(checkChannel, payload),
    onChange: (keyId) => seen.push(keyId),
    onListening: () => seen.push('listening'),
    onLost: () => seen.push('lost'),
    clock: createDatabaseClock({ log }),
    log,
    heartbeatMs,
    timeoutMs,
  });
  return listener;
}

/** The changes between listening and lost, in order; keys of other tests change meanwhile. */
const turns = () => seen.filter((word) => word === 'listening' || word === 'lost');
const timesSeen = (word: string) => seen.filter((other) => other === word).length;
const until = (word: string, times = 1) =>
  vi.waitFor(() => expect(timesSeen(word)).toBe(times), patient);
const suspend = () =>
  sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${key.id}`;
const warnings = () => logged.filter(({ level }) => level >= 40);

/** Waits until a change is received; earlier changes have been received by then. */
async function hears(): Promise<void> {
  const word = randomUUID();
  await sql.notify('proxy_key_changed', word);
  await until(word);
}

describe('a change is received', () => {
  it.each([
    ['a rotation by route', () => askBy.route(calls.rotate(owner, key.id))],
    ['a rotation by RPC', () => askBy.rpc(calls.rotate(owner, key.id))],
    ['a deletion', () => askBy.route(calls.delete(owner, key.id))],
    ['a suspension', suspend],
    ['an override of the rate limit', () => overrideLimits(sql, key.id, { rate_limit: 1 })],
    [
      'an override of the bandwidth limit',
      () => overrideLimits(sql, key.id, { bandwidth_limit_bytes: 1 }),
    ],
  ])('%s', async (_, change) => {
    listen();
    await until('listening');
    expect(listener?.listening).toBe(true);
    await change();
    await until(key.keyId);
  });

  it('with a log line that has the key’s id and the database’s time', async () => {
    listen();
    await until('listening');
    const before = Date.now();
    await suspend();
    await until(key.keyId);
    await hears();
    const lines = logged.filter(({ msg }) => msg === 'a key changed');
    const ours = lines.filter(({ keyId }) => keyId === key.keyId);
    expect(ours).toMatchObject([{ level: 30, occurredAt: expect.stringMatching(/^[-\dT:.]+Z$/) }]);
    expect(Math.abs(Date.parse(ours[0]?.occurredAt ?? '') - before)).toBeLessThan(60_000);
    // text that is not a key's id is not logged
    expect(lines.filter(({ keyId = '' }) => !/^avp_(live|test)_[0-9a-f]{12}$/.test(keyId))).toEqual(
      [],
    );
  });

  it('a reactivation', async () => {
    listen();
    await until('listening');
    await suspend();
    await askBy.rpc(calls.reactivate(admin, key.id));
    await until(key.keyId, 2);
  });
});

describe('a connection that is reset', () => {
  it('is reported as lost once, while new connections fail, and recovers by itself', async () => {
    listen();
    await until('listening');
    network.cut();
    await until('lost');
    expect(listener?.listening).toBe(false);
    await vi.waitFor(() => expect(network.accepted).toBeGreaterThanOrEqual(4), patient);
    expect(turns()).toEqual(['listening', 'lost']);
    await suspend();
    network.restore();
    await until('listening', 2);
    expect(listener?.listening).toBe(true);
    await hears();
    expect(turns()).toEqual(['listening', 'lost', 'listening']);
    // the change in between was missed, so the caller must look keys up again
    expect(seen).not.toContain(key.keyId);
    expect(timesSeen('lost')).toBe(1);
    expect(warnings()).toHaveLength(1);
  });

  it('again and again is reported as lost each time', async () => {
    listen();
    for (let round = 1; round <= 5; round += 1) {
      await until('listening', round);
      await hears();
      network.cut();
      await until('lost', round);
      network.restore();
    }
    await until('listening', 6);
    await hears();
    expect(timesSeen('lost')).toBe(5);
    expect(warnings()).toHaveLength(5);
    await vi.waitFor(() => expect(network.connections).toBe(1), patient);
  });
});

describe('a black hole', () => {
  it('is detected by the heartbeat, and no restart is needed afterwards', async () => {
    listen({ heartbeatMs: 20, timeoutMs: 1_000 });
    await until('listening');
    await hears();
    network.blackHole();
    await suspend();
    await until('lost');
    expect(listener?.listening).toBe(false);
    // new connections get no answer, time out, and are retried
    const accepted = network.accepted;
    await vi.waitFor(() => expect(network.accepted).toBeGreaterThan(accepted + 1), patient);
    expect(turns()).toEqual(['listening', 'lost']);
    network.restore();
    await until('listening', 2);
    await hears();
    expect(timesSeen('lost')).toBe(1);
    expect(seen).not.toContain(key.keyId);
  });

  it('at the start is waited out', async () => {
    network.blackHole();
    listen({ timeoutMs: 500 });
    await vi.waitFor(() => expect(network.accepted).toBeGreaterThan(1), patient);
    expect(turns()).toEqual([]);
    network.restore();
    await until('listening');
    await hears();
    expect(seen).not.toContain('lost');
  });
});

describe('Postgres', () => {
  const role = `listener_${randomUUID().slice(0, 8)}`;
  const url = Object.assign(new URL(stack.gatewayDbUrl), { username: role, password: role }).href;
  const operator = postgres(
    Object.assign(new URL(stack.dbUrl), { username: 'supabase_admin' }).href,
    { max: 1, onnotice: () => {} },
  );
  beforeAll(() => operator.unsafe(`create role ${role} login password '${role}'`));
  afterAll(async () => {
    await operator.unsafe(`drop role ${role}`);
    await operator.end();
  });

  it('that refuses logins at the start is retried until it accepts, with one warning', async () => {
    await operator.unsafe(`alter role ${role} nologin`);
    listen({ url });
    await vi.waitFor(() => expect(network.accepted).toBeGreaterThanOrEqual(3), patient);
    expect(turns()).toEqual([]);
    expect(warnings()).toHaveLength(1);
    await operator.unsafe(`alter role ${role} login`);
    await until('listening');
    await hears();
    expect(seen).not.toContain('lost');
    expect(JSON.stringify(logged)).not.toContain(`${role}:`);
  });

  it('that closes the connection gets a new one', async () => {
    listen({ url });
    await until('listening');
    const ended = await operator`
      select pg_terminate_backend(pid) from pg_stat_activity where usename = ${role}`;
    expect(ended).toHaveLength(1);
    await until('listening', 2);
    await hears();
    expect(turns()).toEqual(['listening', 'lost', 'listening']);
  });
});

it('after a stop, only the loss is reported', async () => {
  const stopped = listen();
  await until('listening');
  await stopped.stop();
  expect(turns()).toEqual(['listening', 'lost']);
  expect(stopped.listening).toBe(false);
  expect(warnings()).toEqual([]);
  await stopped.stop();
  await vi.waitFor(() => expect(network.connections).toBe(0), patient);
  expect(network.accepted).toBe(1);
});
