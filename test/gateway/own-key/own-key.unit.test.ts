import { describe, expect, it } from 'vitest';
import { parseCredentials } from '../../../gateway/keys/credentials.ts';
import type { KeyRecord } from '../../../gateway/keys/key-lookup.ts';
import { KeysInUse } from '../../../gateway/keys/keys-in-use.ts';
import { QuotaLedger } from '../../../gateway/limits/quota-ledger.ts';
import { describeOwnKey, type OwnKey } from '../../../gateway/own-key.ts';
import { readBlock } from '../../../scripts/docs/fenced-blocks.ts';
import { keyCacheScene, keyRecord } from '../keys/key-cache-scene.ts';

const keyId = 'avp_live_0123456789ab';
const pair = `${keyId}:${'1'.repeat(64)}`;
const credentials =
  parseCredentials(`Basic ${Buffer.from(pair).toString('base64')}`) ?? expect.fail();

/** A key whose clocks and database answers the test controls. */
function scene(databaseTime: string) {
  const { cache, clock, asked, fill } = keyCacheScene({ begin: 0 });
  const now = () => clock.now;
  const ledger = new QuotaLedger(now);
  const record = (changes: Partial<KeyRecord> = {}): KeyRecord => ({
    ...keyRecord(keyId),
    secretHash: credentials.secretHash,
    ...changes,
  });
  return {
    clock,
    asked,
    ledger,
    record,
    fill: (changes?: Partial<KeyRecord>) => fill(keyId, record(changes)),
    async own() {
      const { refusal, state } = await describeOwnKey(
        credentials,
        {},
        {
          keys: cache,
          ledger,
          limiter: { take: () => 0 },
          inUse: new KeysInUse({ keys: cache, ledger, log: { debug: () => {} }, now }),
          now,
          clock: () => Date.parse(databaseTime) + clock.now,
        },
      );
      return state ?? refusal;
    },
  };
}

describe('the period', () => {
  it.each([
    ['2026-11-30T23:59:59.999Z', '2026-11', '2026-12-01T00:00:00.000Z'],
    ['2026-12-01T00:00:00.000Z', '2026-12', '2027-01-01T00:00:00.000Z'],
    ['2028-02-29T12:00:00.000Z', '2028-02', '2028-03-01T00:00:00.000Z'],
  ])('at %s is %s and ends at %s', async (time, period, resetsAt) => {
    const { asked, record, own } = scene(time);
    const state = own();
    for (const { answer } of asked.splice(0)) answer(record());
    // a lookup at the exact start of a month may be from the month before
    await new Promise((resolve) => setImmediate(resolve));
    for (const { answer } of asked) answer(record());
    expect(await state).toMatchObject({ period, resetsAt });
  });

  it('that has just started ignores a figure of the previous month, however recent', async () => {
    const { clock, asked, record, fill, own } = scene('2026-11-30T23:59:59.500Z');
    await fill({ bandwidthUsedBytes: 900 });
    expect(await own()).toMatchObject({ period: '2026-11', bandwidthUsedThisPeriodBytes: 900 });
    clock.now += 499;
    expect(await own()).toMatchObject({ period: '2026-11', bandwidthUsedThisPeriodBytes: 900 });
    clock.now += 2;
    const state = own();
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toHaveLength(2);
    asked[1]?.answer(record());
    expect(await state).toMatchObject({ period: '2026-12', bandwidthUsedThisPeriodBytes: 0 });
    clock.now += 20_000;
    expect(await own()).toMatchObject({ period: '2026-12' });
    expect(asked).toHaveLength(2);
  });
});

describe('the bytes that are left', () => {
  it('are never negative, and are looked up again before they are 0', async () => {
    const { clock, asked, ledger, record, fill, own } = scene('2026-11-15T00:00:00Z');
    await fill({ bandwidthUsedBytes: 900 });
    ledger.add(record().id, 300);
    clock.now += 5_000;
    const state = own();
    await new Promise((resolve) => setImmediate(resolve));
    asked[1]?.answer(record({ bandwidthUsedBytes: 850 }));
    expect(await state).toMatchObject({
      bandwidthUsedThisPeriodBytes: 1_150,
      bandwidthLeftBytes: 0,
    });
  });

  it('of a deleted account are null', async () => {
    const { fill, own } = scene('2026-11-15T00:00:00Z');
    await fill();
    expect(await own()).toMatchObject({ account: null, bandwidthLeftBytes: 1_000 });
  });
});

it('docs/own-key.md shows exactly the fields of the answer', async () => {
  const shown = readBlock('docs/own-key.md', 'json', 'key');
  const { fill, own } = scene('2026-11-15T00:00:00Z');
  await fill({ account: { id: 'their account', limitBytes: 5_000, usedBytes: 0 } });
  const state = await own();
  const { key } = JSON.parse(shown);
  expect(Object.keys(key)).toEqual(Object.keys(state ?? {}));
  expect(Object.keys(key.account)).toEqual(Object.keys((state as OwnKey).account ?? {}));
});

it('expiry and grace are counted from the start of the lookup, in whole seconds', async () => {
  const { clock, fill, own } = scene('2026-11-15T00:00:00.200Z');
  await fill({ expiresInMs: 60_000, previousHash: Buffer.from([9]), previousEndsInMs: 29_700 });
  clock.now += 10_000;
  expect(await own()).toMatchObject({
    expiresAt: '2026-11-15T00:01:00.000Z',
    graceEndsAt: '2026-11-15T00:00:30.000Z',
  });
});
