import { afterAll, beforeAll, expect, it } from 'vitest';
import { fillEvents } from '../support/fill-events.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { recordUsage, usageEvent } from '../support/usage-events.ts';
import { asUser } from './database-role.ts';

const events = 100_000;
/** The common prefix of the ids of the initial events; their number follows. */
const ours = '00000000-0000-4000-8000-';

let database: OwnDatabase;
let keyId: string;
let userId: string;

beforeAll(async () => {
  database = await startOwnDatabase();
  keyId = (await database.newKeys(1))[0]?.id ?? '';
  const [key] =
    await database.sql`select user_id as owner from proxy_private.proxy_keys where id = ${keyId}`;
  userId = key?.owner;
  await fillEvents(database.sql, keyId, events, {
    // the event's number is its id; ten events share each microsecond, over three months
    event_id: `('${ours}' || lpad(to_hex(n), 12, '0'))::uuid`,
    occurred_at: `now() - (n / 10) * interval '750 s'`,
    count: '(n % 10 <> 3)::integer',
  });
});

afterAll(() => database.stop());

interface Page {
  items: { event_id: string }[];
  next_cursor: string | null;
}

async function readPage(cursor: string | null): Promise<Page> {
  const [page] = await asUser(
    database.sql,
    userId,
    (transaction) => transaction<Page[]>`
      select * from public.list_proxy_key_events(${keyId}, 200, ${cursor})`,
  );
  if (!page) throw new Error('list_proxy_key_events returned no row');
  return page;
}

it('cursors page through 100,000 events, each once, while others are recorded', async () => {
  const seen = new Uint8Array(events + 1);
  let [pages, recorded, later] = [0, 0, 0];
  const record = async () => {
    // half of them are late: at times on pages that are still to come or already read
    const batch = Array.from({ length: 100 }, (_, n) => {
      const ago = n % 2 === 0 ? 0 : Math.random() * 85 * 86_400_000;
      return usageEvent(keyId, { occurredAt: new Date(Date.now() - ago).toISOString() });
    });
    recorded += (await recordUsage(database.gateway, batch)).recorded;
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
    // runs while the next pages are read
    if (pages % 25 === 0) recording = recording.then(record);
    cursor = page.next_cursor;
  } while (cursor !== null);
  await recording;

  expect(seen.subarray(1).every((times) => times === 1)).toBe(true);
  // the pages included some of the new events
  expect(later).toBeGreaterThan(0);
  expect(recorded).toBeGreaterThan(later);
  expect(pages).toBe(Math.ceil((events + later) / 200));
});
