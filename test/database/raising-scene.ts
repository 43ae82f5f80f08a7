import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { connectGateway, connectOwner, newUser } from '../support/personas.ts';
import { seedKeys } from '../support/seeded-keys.ts';
import { findDrift, readRollups, recordUsage, usageEvent } from '../support/usage-events.ts';

export type Event = ReturnType<typeof usageEvent>;

/** What `record_usage` returns if it rejects nothing. */
export const outcome = (recorded: number, repeated: number) => ({
  recorded,
  repeated,
  rejected: [],
});

/** A key for each test of a file; afterwards the rollups of all keys are recounted. */
export function raisingScene() {
  const sql = connectOwner();
  const gateway = connectGateway(1);
  let ownerId: string;
  /** Every key that a test has used: their rollups are recounted after each test. */
  const used: string[] = [];
  let id: string;

  beforeAll(async () => {
    ownerId = (await newUser()).id;
  });
  beforeEach(async () => {
    [id] = (await newKeys(1)) as [string];
  });
  afterEach(async () => {
    expect(await findDrift(sql, used)).toEqual([]);
    const drift = await sql`
      select d.* from unnest(array[now(), now() - interval '1 day']) as t,
        proxy_private.usage_drift(t::date) as d
      where d.api_key_id = any(${used})`;
    expect([...drift]).toEqual([]);
  });
  afterAll(() => Promise.all([sql.end(), gateway.end()]));

  async function newKeys(count: number): Promise<string[]> {
    const keys = await seedKeys(sql, ownerId, count);
    used.push(...keys.map((key) => key.id));
    return keys.map((key) => key.id);
  }

  /** A tunnel of the key; each report has everything that was moved so far. */
  function newTunnel(fields: Record<string, unknown> = {}) {
    const first = usageEvent(id, fields);
    return (sent: number, received: number, durationMs: number, more: object = {}): Event => ({
      ...first,
      bytesSent: sent,
      bytesReceived: received,
      durationMs,
      ...more,
    });
  }

  async function readRows(apiKeyId = id) {
    const rows = await sql`
      select bytes_sent::float8 as sent, bytes_received::float8 as received, duration_ms as ms, count,
        status_code as status, code
      from proxy_private.proxy_usage_events where api_key_id = ${apiKeyId}
      order by occurred_at, event_id`;
    return [...rows];
  }

  /** The figures in the key's rollups, which must be the same by hour and by month. */
  async function readSums(apiKeyId = id) {
    const sums = [];
    for (const by of ['hour', 'month'] as const) {
      const sum = { requests: 0, sent: 0, received: 0 };
      for (const rollup of await readRollups(sql, apiKeyId, by)) {
        sum.requests += Number(rollup.requests);
        sum.sent += Number(rollup.bytesSent);
        sum.received += Number(rollup.bytesReceived);
      }
      sums.push(sum);
    }
    expect(sums[0]).toEqual(sums[1]);
    return sums[0];
  }

  async function readLastUse(): Promise<string | undefined> {
    const [row] = await sql<{ at: Date }[]>`
      select max(last_used_at) as at from proxy_private.proxy_usage_monthly where api_key_id = ${id}`;
    return row?.at?.toISOString();
  }

  const record = (...events: Event[]) => recordUsage(gateway, events);

  return {
    sql,
    /** The last use of the test's key. */
    get id() {
      return id;
    },
    newKeys,
    newTunnel,
    readRows,
    readSums,
    readLastUse,
    record,
  };
}
