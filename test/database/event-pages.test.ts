import { afterAll, beforeAll, expect, it } from 'vitest';
import { asUser } from './database-role.ts';
import { type OwnApi, startOwnApi } from './own-api.ts';
import { monthFromNow } from './own-stack.ts';
import { recordUsage, usageEvent } from './usage-events.ts';

const events = 1_000_000;
/** How the ids of the first million begin: their numbers follow. */
const ours = '00000000-0000-4000-8000-';
const months = [-3, -2, -1, 0].map(monthFromNow);

let api: OwnApi;

beforeAll(async () => {
  api = await startOwnApi();
  await api.fill(events, {
    // the number of the event is its id; each ten in one microsecond, over three months
    event_id: `('${ours}' || lpad(to_hex(n), 12, '0'))::uuid`,
    occurred_at: `now() - (n / 10) * interval '75 s'`,
    slice: '(n % 10 = 3)::integer',
  });
  for (const month of months) await api.sql`select count(*) from private.reconcile_usage(${month})`;
}, 600_000);

afterAll(() => api.stop());

interface Page {
  items: { event_id: string }[];
  next_cursor: string | null;
}

async function readPage(cursor: string | null): Promise<Page> {
  const [page] = await asUser(
    api.sql,
    api.userId,
    (transaction) => transaction<Page[]>`
      select * from public.list_proxy_key_events(${api.keyId}, 200, ${cursor})`,
  );
  if (!page) throw new Error('list_proxy_key_events answered with no row');
  return page;
}

it('cursors lead through a million events, each once, while others are recorded', async () => {
  const seen = new Uint8Array(events + 1);
  let [pages, recorded, later] = [0, 0, 0];
  const record = async () => {
    // half of them late: at times that the pages have yet to come to, or have passed
    const batch = Array.from({ length: 100 }, (_, n) => {
      const ago = n % 2 === 0 ? 0 : Math.random() * 85 * 86_400_000;
      return usageEvent(api.keyId, { occurredAt: new Date(Date.now() - ago).toISOString() });
    });
    recorded += (await recordUsage(api.gateway, batch)).recorded;
  };
  let recording = record();
  let cursor: string | null = null;
  do {
    const page: Page = await readPage(cursor);
    for (const { event_id: id } of page.items) {
      if (id.startsWith(ours)) {
        const number = Number.parseInt(id.slice(ours.length), 16);
        seen[number] = (seen[number] ?? 0) + 1;
      } else later += 1;
    }
    pages += 1;
    // goes on beside the next pages
    if (pages % 25 === 0) recording = recording.then(record);
    cursor = page.next_cursor;
  } while (cursor !== null);
  await recording;

  expect(seen.subarray(1).every((times) => times === 1)).toBe(true);
  // the pages met some of the others
  expect(later).toBeGreaterThan(0);
  expect(recorded).toBeGreaterThan(later);
  expect(pages).toBe(Math.ceil((events + later) / 200));
}, 600_000);

it('a CSV of a million has what the rollups say, in little memory, though it is read slowly', async () => {
  const response = await api.get(`/api/v1/proxy/keys/${api.keyId}/events`, 'text/csv');
  if (!response.body) throw new Error('an answer without a body');
  // whoever read ahead for this client would have to hold it all
  await api.untilQuiet();
  const sum = { events: 0, requests: 0, sent: 0, received: 0 };
  let rest = '';
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (rest + decoder.decode(part.value, { stream: true })).split('\r\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [eventId, , , , , , sent, received, , , , slice] = line.split(',');
      if (eventId === 'eventId') continue;
      sum.events += 1;
      sum.requests += slice === '0' ? 1 : 0;
      sum.sent += Number(sent);
      sum.received += Number(received);
    }
  }
  expect(rest).toBe('');
  const [kept] = await api.sql`
    select sum(requests)::float8 as requests, sum(bytes_sent)::float8 as sent,
      sum(bytes_received)::float8 as received,
      (
        select count(*)::integer from private.proxy_usage_events where api_key_id = ${api.keyId}
      ) as events
    from private.proxy_usage_monthly where api_key_id = ${api.keyId}`;
  expect(sum).toEqual(kept);
  expect(sum.events).toBeGreaterThan(events);
  expect(api.peakMemory() ?? 0).toBeLessThan(256);
}, 600_000);
