import { describe, expect, it } from 'vitest';
import { admit } from '../../gateway/admission.ts';
import { type Client, parseClientRanges } from '../../gateway/keys/client-ranges.ts';
import { type Credentials, parseCredentials } from '../../gateway/keys/credentials.ts';
import type { KeyRecord } from '../../gateway/keys/key-lookup.ts';
import { KeysInUse, type TunnelHolder } from '../../gateway/keys/keys-in-use.ts';
import { QuotaLedger } from '../../gateway/limits/quota-ledger.ts';
import { keyCacheScene, keyRecord } from './keys/key-cache-scene.ts';

const keyId = 'avp_live_0123456789ab';
const headerOf = (digit: string) =>
  `Basic ${Buffer.from(`${keyId}:${digit.repeat(64)}`).toString('base64')}`;
const credentialsOf = (header: string) => parseCredentials(header) as Credentials;
const hashOf = (header: string) => credentialsOf(header).secretHash;
const current = headerOf('1');
const previous = headerOf('0');
const inside = { remoteAddress: '10.1.2.3' };
const outside = { remoteAddress: '192.0.2.1' };
const tens = parseClientRanges(['10.0.0.0/8']);

const record = (changes: Partial<KeyRecord> = {}): KeyRecord => ({
  ...keyRecord(keyId),
  secretHash: hashOf(current),
  ...changes,
});

/** An admission whose clock, rate limit and database answers the test controls. */
function scene({ waitSeconds = 0 } = {}) {
  const { cache, clock, asked, fill } = keyCacheScene();
  const now = () => clock.now;
  const taken: string[] = [];
  const ledger = new QuotaLedger(now);
  const inUse = new KeysInUse({ keys: cache, ledger, log: { debug: () => {} }, now });
  /** The reasons why tunnels were closed. */
  const closed: string[] = [];
  const holder: TunnelHolder = { closeTunnels: (_, { reason }) => closed.push(reason) };
  const options = {
    keys: cache,
    ledger,
    limiter: {
      async take(key: string) {
        taken.push(key);
        return waitSeconds;
      },
    },
    inUse,
    now,
  };
  return {
    clock,
    cache,
    asked,
    taken,
    fill: (changes: Partial<KeyRecord> = {}) => fill(keyId, record(changes)),
    inUse,
    closed,
    admit: (header = current, client: Client = inside) =>
      admit(credentialsOf(header), client, holder, options),
    /** `admitted`, or the code of the refusal, with a * if the caller proved to hold the key. */
    async judge(header = current, client: Client = inside) {
      try {
        const { refusal } = await admit(credentialsOf(header), client, holder, options);
        return refusal ? `${refusal.code}*` : 'admitted';
      } catch (error) {
        return (error as { code: string }).code;
      }
    },
  };
}

describe('a warm cache', () => {
  it('accepts both secrets until a grace ends, counted from the start of the lookup', async () => {
    const { clock, asked, cache, judge } = scene();
    const looked = cache.get(keyId);
    // the lookup takes time: its answer was true at some moment since it started
    clock.now += 2_000;
    asked[0]?.answer(record({ previousHash: hashOf(previous), previousEndsInMs: 10_000 }));
    await looked;
    clock.now += 7_999;
    expect([await judge(current), await judge(previous)]).toEqual(['admitted', 'admitted']);
    clock.now += 1;
    expect([await judge(current), await judge(previous)]).toEqual([
      'admitted',
      'credentials_required',
    ]);
    expect(asked).toHaveLength(1);
  });

  it('refuses a key from its deadline on, counted from the start of the lookup', async () => {
    const { clock, asked, cache, judge } = scene();
    const looked = cache.get(keyId);
    clock.now += 2_000;
    asked[0]?.answer(record({ expiresInMs: 10_000 }));
    await looked;
    clock.now += 7_999;
    expect(await judge()).toBe('admitted');
    clock.now += 1;
    expect(await judge()).toBe('credentials_required*');
    expect(asked).toHaveLength(1);
  });

  it('answers 503 for the old secret after its grace, while changes are not received', async () => {
    const { clock, cache, asked, fill, judge } = scene();
    await fill({ previousHash: hashOf(previous), previousEndsInMs: 10_000 });
    cache.switchOff();
    const whileAway = (header: string) => {
      const answer = judge(header);
      asked.at(-1)?.fail();
      return answer;
    };
    expect(await whileAway(previous)).toBe('admitted');
    clock.now += 10_000;
    expect(await whileAway(previous)).toBe('unavailable');
    expect(await whileAway(current)).toBe('admitted');
  });
});

describe('checks run in order', () => {
  const exhausted = { bandwidthLimitBytes: 0 };
  it.each<[string, Partial<KeyRecord>, string, string, number]>([
    ['the secret', { active: false, suspended: true }, '2', 'credentials_required', 0],
    ['a suspension', { active: false, suspended: true, expiresInMs: -1 }, '1', 'key_suspended*', 0],
    ['an expiry', { expiresInMs: 0 }, '1', 'credentials_required*', 0],
    ['the address', {}, '1', 'address_forbidden*', 0],
    ['the rate', { allowedIps: [] }, '1', 'rate_limited*', 1],
  ])('%s is checked before the rest', async (_, changes, digit, code, tokens) => {
    const { fill, judge, taken } = scene({ waitSeconds: 1 });
    await fill({ ...exhausted, allowedIps: tens, ...changes });
    expect(await judge(headerOf(digit), outside)).toBe(code);
    expect(taken).toHaveLength(tokens);
  });

  it('the quota is checked last', async () => {
    const { fill, judge, taken } = scene();
    await fill({ ...exhausted, allowedIps: tens });
    expect(await judge(current, inside)).toBe('quota_exceeded*');
    expect(await judge(current, outside)).toBe('address_forbidden*');
    expect(taken).toHaveLength(1);
  });
});

it('a client that has disconnected has no allowed address', async () => {
  const { fill, judge } = scene();
  await fill({ allowedIps: tens });
  expect(await judge(current, { remoteAddress: undefined })).toBe('address_forbidden*');
  expect(await judge(current, { remoteAddress: '::ffff:10.1.2.3' })).toBe('admitted');
});

it('regression: a CONNECT is not judged by a newer lookup that shows the key as inactive', async () => {
  const { clock, fill, admit, asked, inUse, closed } = scene();
  await fill({ bandwidthLimitBytes: 0 });
  clock.now += 1_000;
  const admitting = admit();
  await new Promise((resolve) => setImmediate(resolve));
  asked[1]?.answer(record({ active: false }));
  const { refusal, mark } = await admitting;
  expect(refusal).toBe(null);
  // its tunnel is open by now and can be closed
  inUse.opened(keyId, mark);
  await new Promise((resolve) => setImmediate(resolve));
  expect(closed).toEqual(['key out of service']);
});
