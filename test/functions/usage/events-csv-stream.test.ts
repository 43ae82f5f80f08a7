import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fillEvents } from '../../support/fill-events.ts';
import { type OwnStack, startOwnStack } from '../../support/own-stack.ts';

// 115 MB in 34 parts: more than all sockets on the way can hold, each of which grows to some 30 MB
const events = 170_000;

let stack: OwnStack;

beforeAll(async () => {
  stack = await startOwnStack();
  await fillEvents(stack.sql, stack.keyId, events, {
    occurred_at: `now() - n * interval '1 s'`,
    target_host: `repeat('x', 255)`,
    served_by_node_id: `repeat('n', 100)`,
    method: `repeat('M', 20)`,
    count: '(n % 10 <> 3)::integer',
  });
});

afterAll(() => stack.stop());

/** How many parts of CSV are being read or waited for. */
async function countExports(waiting = false): Promise<number> {
  const [row] = await stack.sql`
    select count(*)::integer from pg_stat_activity
    where usename = 'authenticator' and state = 'active'
      and query like '%export_proxy_key_events%'
      and (${waiting} = false or wait_event_type = 'Lock')`;
  return Number(row?.count);
}

/** Resolves when no part of a CSV is requested during many later requests. */
async function untilQuiet(): Promise<void> {
  for (let quiet = 0; quiet < 30; quiet += 1) {
    await (await stack.request('/api/v1/health')).text();
    if ((await countExports()) > 0) quiet = 0;
  }
}

/** The peak memory of the function `api` in MiB; 0 on other systems than Linux. */
function peakMemory(): number {
  if (process.platform !== 'linux') return 0;
  const status = readFileSync(`/proc/${stack.pidOf('Function api')}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** Starts to read the CSV, takes the first bytes, and pauses until the server stops sending. */
async function beginToRead() {
  const response = await stack.request(`/api/v1/proxy/keys/${stack.keyId}/events`, {
    headers: { Accept: 'text/csv' },
  });
  expect(response.status).toBe(200);
  if (!response.body) throw new Error('an answer without a body');
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const lines: string[] = [];
  let rest = '';
  const take = (bytes?: Uint8Array) => {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split('\r\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  };
  take((await reader.read()).value);
  await untilQuiet();
  return {
    leave: () => reader.cancel(),
    async readOn() {
      for (let part = await reader.read(); !part.done; part = await reader.read()) take(part.value);
    },
    /** All complete rows so far, starting with the header row. */
    lines,
    rest: () => rest,
  };
}

/** The sums of all rows after the first. */
function addUp([names = '', ...lines]: string[]) {
  const fields = names.split(',');
  const [sent, received, count] = ['bytesSent', 'bytesReceived', 'count'].map((name) =>
    fields.indexOf(name),
  ) as [number, number, number];
  const sum = { events: lines.length, requests: 0, sent: 0, received: 0 };
  for (const line of lines) {
    const values = line.split(',');
    sum.requests += Number(values[count]);
    sum.sent += Number(values[sent]);
    sum.received += Number(values[received]);
  }
  return sum;
}

/** Blocks every part that is requested from now on; returns a function that unblocks them. */
async function holdPartsBack(): Promise<() => Promise<void>> {
  const connection = await stack.sql.reserve();
  await connection`begin`;
  await connection`lock table proxy_private.proxy_usage_events in access exclusive mode`;
  return async () => {
    await connection`commit`;
    connection.release();
  };
}

async function untilPartWaits(): Promise<void> {
  while ((await countExports(true)) === 0);
}

it('a part is requested only after the client has read the previous ones, so memory stays low', async () => {
  const { readOn, lines, rest } = await beginToRead();
  const letGo = await holdPartsBack();
  const all = readOn();
  // fails if the export ends without another part
  await Promise.race([untilPartWaits(), all.then(() => expect.unreachable())]);
  await letGo();
  await all;
  expect(rest()).toBe('');
  const [kept] = await stack.sql`
    select sum(count)::float8 as requests,
      sum(bytes_sent)::float8 as sent, sum(bytes_received)::float8 as received
    from proxy_private.proxy_usage_events where api_key_id = ${stack.keyId}`;
  expect(addUp(lines)).toEqual({ events, ...kept });
  // about 140 in parts, over 210 with everything in memory
  expect(peakMemory()).toBeLessThan(200);
});

it('a disconnected client ends the reading', async () => {
  const { readOn, leave } = await beginToRead();
  const letGo = await holdPartsBack();
  const reading = readOn();
  await Promise.race([untilPartWaits(), reading.then(() => expect.unreachable())]);
  await leave();
  await reading;
  // unblock the waiting part, but block any part after it
  const held = holdPartsBack();
  await letGo();
  const letAllGo = await held;
  try {
    for (let answered = 0; answered < 30; answered += 1) {
      await (await stack.request('/api/v1/health')).text();
      expect(await countExports()).toBe(0);
    }
  } finally {
    await letAllGo();
  }
});

it('a failure after the first part breaks the stream off', async () => {
  const { readOn, lines } = await beginToRead();
  await stack.sql`delete from auth.users where id = ${stack.adminId}`;
  await expect(readOn()).rejects.toThrow();
  expect(lines.length).toBeGreaterThan(5_000);
  expect(lines.length).toBeLessThan(events);
});
