import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectAnswer, usageAnswer } from '../../support/contract.ts';
import { listKeys, mintAgedKey, mintKey } from '../../support/key-scenes.ts';
import { connectGateway, connectOwner, newUser, type Persona } from '../../support/personas.ts';
import { recordUsage, usageEvent } from '../../support/usage-events.ts';

const sql = connectOwner();
const gateway = connectGateway();
let thisMonth: Date;

beforeAll(async () => {
  const [row] = await sql<{ month: Date }[]>`
    select date_trunc('month', now() at time zone 'UTC') at time zone 'UTC' as month`;
  if (!row) throw new Error('the database has no clock');
  thisMonth = row.month;
});

afterAll(() => Promise.all([sql.end(), gateway.end()]));

interface Connect {
  apiKeyId: string;
  bytesSent: number;
  bytesReceived: number;
  occurredAt?: Date;
  durationMs?: number;
  eventId?: string;
  count?: number;
}

/** Reports CONNECTs as a gateway does. */
async function report(...connects: Connect[]): Promise<void> {
  const events = connects.map(({ apiKeyId, ...fields }) => usageEvent(apiKeyId, fields));
  expect(await recordUsage(gateway, events)).toMatchObject({
    recorded: events.length,
    rejected: [],
  });
}

async function usageOf(user: Persona) {
  return expectAnswer(await user.request('GET', '/api/v1/proxy/usage'), 200, usageAnswer);
}

describe('a user who reads usage', () => {
  it('gets zeros before any usage', async () => {
    expect(await usageOf(await newUser())).toEqual({
      totalBandwidthBytes: 0,
      totalRequests: 0,
      activeKeys: 0,
      tierBreakdown: {},
    });
  });

  it('gets the bytes in both directions and the requests of all keys, including deleted ones', async () => {
    const user = await newUser();
    const [one, two] = [await mintKey(user), await mintKey(user, { tier: 'team' })];
    await report(
      { apiKeyId: one.id, bytesSent: 1_000, bytesReceived: 20 },
      { apiKeyId: one.id, bytesSent: 300, bytesReceived: 0 },
      { apiKeyId: two.id, bytesSent: 0, bytesReceived: 4 },
    );
    await user.request('DELETE', `/api/v1/proxy/keys/${two.id}`);
    await report({ apiKeyId: two.id, bytesSent: 50_000, bytesReceived: 0 });
    expect(await usageOf(user)).toEqual({
      totalBandwidthBytes: 51_324,
      totalRequests: 4,
      activeKeys: 1,
      tierBreakdown: { developer: 1 },
    });
  });

  it('gets the number of active keys by tier', async () => {
    const user = await newUser();
    await mintKey(user);
    await mintKey(user, { liveMode: false });
    await mintKey(user, { tier: 'team' });
    const [deleted, suspended] = [await mintKey(user), await mintKey(user, { tier: 'team' })];
    await user.request('DELETE', `/api/v1/proxy/keys/${deleted.id}`);
    await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${suspended.id}`;
    expect(await usageOf(user)).toMatchObject({
      activeKeys: 3,
      tierBreakdown: { developer: 2, team: 1 },
    });
  });

  it('gets this calendar month in UTC from its first moment, and nothing before it', async () => {
    const user = await newUser();
    const { id } = await mintAgedKey(sql, user);
    const lastMoment = new Date(thisMonth.getTime() - 1);
    await report(
      { apiKeyId: id, bytesSent: 1_000, bytesReceived: 1_000, occurredAt: lastMoment },
      { apiKeyId: id, bytesSent: 1, bytesReceived: 1, occurredAt: thisMonth, durationMs: 0 },
    );
    expect(await usageOf(user)).toMatchObject({ totalBandwidthBytes: 2, totalRequests: 1 });
    expect(await listKeys(user)).toMatchObject([
      { bandwidthUsedThisPeriodBytes: 2, lastUsedAt: thisMonth.toISOString() },
    ]);
  });

  it('gets a tunnel of several hours as one request with all its bytes', async () => {
    const user = await newUser();
    const { id } = await mintAgedKey(sql, user);
    const row = { apiKeyId: id, eventId: randomUUID(), bytesSent: 10, bytesReceived: 5 };
    const at = (n: number) => new Date(thisMonth.getTime() + n);
    await report(
      { ...row, occurredAt: at(0) },
      { ...row, occurredAt: at(1), count: 0 },
      { ...row, occurredAt: at(2), count: 0 },
    );
    expect(await usageOf(user)).toMatchObject({ totalBandwidthBytes: 45, totalRequests: 1 });
  });

  it('gets exact sums beyond 32 bits', async () => {
    const user = await newUser();
    const { id } = await mintKey(user);
    const bytes = 2 ** 40;
    await report(
      { apiKeyId: id, bytesSent: bytes, bytesReceived: bytes, durationMs: 200_000 },
      { apiKeyId: id, bytesSent: 0, bytesReceived: 1 },
    );
    expect(await usageOf(user)).toMatchObject({ totalBandwidthBytes: 2 * bytes + 1 });
    expect(await listKeys(user)).toMatchObject([{ bandwidthUsedThisPeriodBytes: 2 * bytes + 1 }]);
  });
});

describe('a user who lists keys', () => {
  it('sees each with its own bytes and last use', async () => {
    const user = await newUser();
    const [unused, used] = [await mintKey(user), await mintKey(user)];
    const [earlier, later] = [new Date(Date.now() - 60_000), new Date()];
    const durationMs = 7_000;
    const usage = { apiKeyId: used.id, bytesSent: 3, bytesReceived: 4, durationMs };
    await report({ ...usage, occurredAt: later });
    await report({ ...usage, bytesSent: 0, bytesReceived: 0, occurredAt: earlier });
    const lastUsedAt = new Date(later.getTime() + durationMs).toISOString();
    expect(await listKeys(user)).toMatchObject([
      { id: used.id, bandwidthUsedThisPeriodBytes: 7, lastUsedAt },
      { id: unused.id, bandwidthUsedThisPeriodBytes: 0, lastUsedAt: null },
    ]);
  });

  it('sees a last use in last month without its bytes', async () => {
    const user = await newUser();
    const { id } = await mintAgedKey(sql, user);
    const occurredAt = new Date(thisMonth.getTime() - 1_000);
    await report({ apiKeyId: id, bytesSent: 3, bytesReceived: 4, occurredAt, durationMs: 0 });
    expect(await listKeys(user)).toMatchObject([
      { bandwidthUsedThisPeriodBytes: 0, lastUsedAt: occurredAt.toISOString() },
    ]);
  });
});
