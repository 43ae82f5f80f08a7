import { afterAll, beforeAll, expect, it } from 'vitest';
import { countExports, type OwnApi, startOwnApi } from '../../database/own-api.ts';

// 100 MB in 30 parts: more than all sockets on the way can hold, of which each grows to some 30 MB
const events = 150_000;

let api: OwnApi;

beforeAll(async () => {
  api = await startOwnApi();
  await api.fill(events, {
    occurred_at: `now() - n * interval '1 s'`,
    target_host: `repeat('x', 255)`,
    served_by_node_id: `repeat('n', 100)`,
    tunnel_id: `repeat('t', 100)`,
  });
});

afterAll(() => api.stop());

/** Begins to read the CSV, takes what comes first, and no more until the server has stopped. */
async function beginToRead() {
  const response = await api.get(`/api/v1/proxy/keys/${api.keyId}/events`, 'text/csv');
  expect(response.status).toBe(200);
  if (!response.body) throw new Error('an answer without a body');
  const reader = response.body.getReader();
  const first = await reader.read();
  await api.untilQuiet();
  let lines = countLines(first.value);
  return {
    leave: () => reader.cancel(),
    /** Reads to the end and says how many lines there were. */
    async readOn() {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return lines;
        lines += countLines(value);
      }
    },
    lines: () => lines,
  };
}

const countLines = (bytes: Uint8Array = new Uint8Array()) =>
  bytes.reduce((count, byte) => (byte === 10 ? count + 1 : count), 0);

/** Holds back every part that is asked for from now on; returns what lets them go. */
async function holdPartsBack(): Promise<() => Promise<void>> {
  const connection = await api.sql.reserve();
  await connection`begin`;
  await connection`lock table private.proxy_usage_events in access exclusive mode`;
  return async () => {
    await connection`commit`;
    connection.release();
  };
}

async function untilPartWaits(): Promise<void> {
  while ((await countExports(api.sql, true)) === 0);
}

it('a part is asked for when the client has taken those before it', async () => {
  const { readOn } = await beginToRead();
  const letGo = await holdPartsBack();
  const all = readOn();
  // fails if the end comes without another part
  await Promise.race([untilPartWaits(), all.then(() => expect.unreachable())]);
  await letGo();
  expect(await all).toBe(events + 1);
});

it('a client that goes away ends the reading', async () => {
  const { readOn, leave } = await beginToRead();
  const letGo = await holdPartsBack();
  const reading = readOn();
  await Promise.race([untilPartWaits(), reading.then(() => expect.unreachable())]);
  await leave();
  await reading;
  // the part that waits is let through, and what would come after it held back
  const held = holdPartsBack();
  await letGo();
  const letAllGo = await held;
  try {
    for (let answered = 0; answered < 100; answered += 1) {
      await (await api.get('/api/v1/health', '*/*')).text();
      expect(await countExports(api.sql)).toBe(0);
    }
  } finally {
    await letAllGo();
  }
});

it('a failure after the first part breaks the stream off', async () => {
  const { readOn, lines } = await beginToRead();
  await api.sql`delete from auth.users where id = ${api.userId}`;
  await expect(readOn()).rejects.toThrow();
  expect(lines()).toBeGreaterThan(5_000);
  expect(lines()).toBeLessThan(events);
});
