import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import type { UsageEvent } from './usage-event.ts';

/** Only the shape: the database checks the values. */
const eventSchema = z.object({
  eventId: z.string(),
  apiKeyId: z.string(),
  occurredAt: z.string(),
  targetHost: z.string(),
  targetSite: z.string().exactOptional(),
  method: z.string(),
  statusCode: z.number(),
  bytesSent: z.number(),
  bytesReceived: z.number(),
  durationMs: z.number(),
  servedByNodeId: z.string(),
  code: z.string().exactOptional(),
  count: z.number().exactOptional(),
  reported: z.object({ sent: z.number(), received: z.number() }).exactOptional(),
});

const newline = 0x0a;
const checksumLength = 8;
/** Lines that are decoded before other work gets a turn: tunnels run on the same thread. */
const linesATurn = 500;

/** The decoded content of a segment. */
export interface DecodedRecords {
  events: UsageEvent[];
  /** Up to the end of the last whole record. */
  wholeBytes: number;
  /** Lines before that end that are not valid records. */
  damagedLines: number;
}

/** A record: the CRC-32 of the event's JSON as 8 hexadecimal digits, a space, the JSON, a newline. */
export function encodeRecord(event: UsageEvent): string {
  const json = JSON.stringify(event);
  return `${checksumOf(json)} ${json}\n`;
}

/** Every whole record of a segment, in order. A last line without its newline is not a record. */
export async function decodeRecords(bytes: Buffer): Promise<DecodedRecords> {
  const decoded: DecodedRecords = { events: [], wholeBytes: 0, damagedLines: 0 };
  // bad lines are damage only if a whole record follows them
  let bad = 0;
  let lines = 0;
  for (let start = 0; ; ) {
    const end = bytes.indexOf(newline, start);
    if (end === -1) return decoded;
    const event = decodeLine(bytes.subarray(start, end));
    start = end + 1;
    if (event === null) {
      bad += 1;
    } else {
      decoded.events.push(event);
      decoded.damagedLines += bad;
      decoded.wholeBytes = start;
      bad = 0;
    }
    lines += 1;
    if (lines % linesATurn === 0) await nextTurn();
  }
}

function decodeLine(line: Buffer): UsageEvent | null {
  const json = line.subarray(checksumLength + 1);
  if (line.toString('latin1', 0, checksumLength + 1) !== `${checksumOf(json)} `) return null;
  try {
    return parseEvent(JSON.parse(json.toString()));
  } catch {
    return null;
  }
}

/** The value as an event; null if it does not have the shape of one. */
export function parseEvent(value: unknown): UsageEvent | null {
  return eventSchema.safeParse(value).data ?? null;
}

function checksumOf(json: string | Buffer): string {
  return crc32(json).toString(16).padStart(checksumLength, '0');
}
