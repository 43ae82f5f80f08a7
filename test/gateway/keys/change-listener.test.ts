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
/** What keeps a busy machine from being slow to answer must not be what is tested. */
const patient = { timeout: 60_000 };
const hour = 3_600_000;

let owner: Persona;
let admin: Persona;
let key: SeededKey;
let network: TcpProxy;
let listener: ChangeListener | undefined;
/** What the listener told, in order. */
let told: string[];
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

/** Listens through the network that can fail; a live connection answers well within `timeoutMs`. */
function listen(options: { heartbeatMs?: number; timeoutMs?: number; url?: string } = {}) {
  const { url = stack.gatewayDbUrl, heartbeatMs = hour, timeoutMs = hour } = options;
  told = [];
  logged = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => logged.push(JSON.parse(line)) });
  listener = startChangeListener({
    databaseUrl: network.through(url),
    sendCheck: (payload) => sql.notify(checkChannel, payload),
    onChange: (keyId) => told.push(keyId),
    onListening: () => told.push('listening'),
    onLost: () => told.push('lost'),
    clock: createDatabaseClock({ log }),
    log,
    heartbeatMs,
    timeoutMs,
  });
  return listener;
}

/** Whether it listened, in order; keys of other tests change meanwhile. */
const turns = () => told.filter((word) => word === 'listening' || word === 'lost');
const timesTold = (word: string) => told.filter((other) => other === word).length;
const until = (word: string, times = 1) =>
  vi.waitFor(() => expect(timesTold(word)).toBe(times), patient);
const suspend = () =>
  sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${key.id}`;
const warnings = () => logged.filter(({ level }) => level >= 40);

/** A change is heard now; those that were heard before it have been told by then. */
async function hears(): Promise<void> {
  const word = randomUUID();
  await sql.notify('proxy_key_changed', word);
  await until(word);
}

describe('a change is heard:', () => {
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

  it('with a line in the log that names the key, and the time by the database', async () => {
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
    // anybody's words are not logged
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

describe('a connection that is cut', () => {
  it('is lost once, however often a new one fails, and comes back by itself', async () => {
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
    // what was changed meanwhile has not been heard: the caller is told to ask
    expect(told).not.toContain(key.keyId);
    expect(timesTold('lost')).toBe(1);
    expect(warnings()).toHaveLength(1);
  });

  it('again and again is lost as often', async () => {
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
    expect(timesTold('lost')).toBe(5);
    expect(warnings()).toHaveLength(5);
    await vi.waitFor(() => expect(network.connections).toBe(1), patient);
  });
});

describe('a black hole', () => {
  it('is noticed by the heartbeat, and a restored network needs no restart', async () => {
    listen({ heartbeatMs: 20, timeoutMs: 1_000 });
    await until('listening');
    await hears();
    network.blackHole();
    await suspend();
    await until('lost');
    expect(listener?.listening).toBe(false);
    // a new connection is taken and gets no answer: it is given up, and tried again
    const accepted = network.accepted;
    await vi.waitFor(() => expect(network.accepted).toBeGreaterThan(accepted + 1), patient);
    expect(turns()).toEqual(['listening', 'lost']);
    network.restore();
    await until('listening', 2);
    await hears();
    expect(timesTold('lost')).toBe(1);
    expect(told).not.toContain(key.keyId);
  });

  it('at the start is waited out', async () => {
    network.blackHole();
    listen({ timeoutMs: 500 });
    await vi.waitFor(() => expect(network.accepted).toBeGreaterThan(1), patient);
    expect(turns()).toEqual([]);
    network.restore();
    await until('listening');
    await hears();
    expect(told).not.toContain('lost');
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

  it('that refuses logins at the start is asked until it does not, and warned of once', async () => {
    await operator.unsafe(`alter role ${role} nologin`);
    listen({ url });
    await vi.waitFor(() => expect(network.accepted).toBeGreaterThanOrEqual(3), patient);
    expect(turns()).toEqual([]);
    expect(warnings()).toHaveLength(1);
    await operator.unsafe(`alter role ${role} login`);
    await until('listening');
    await hears();
    expect(told).not.toContain('lost');
    expect(JSON.stringify(logged)).not.toContain(`${role}:`);
  });

  it('that ends the connection is connected to again', async () => {
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

it('who stops is told of the loss and of nothing after it', async () => {
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
