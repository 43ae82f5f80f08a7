import type { Connection } from './network.ts';
import { Undelivered } from './outcome.ts';

/** The part of a response that is kept. */
export interface Answer {
  status: number;
  /** The start of the body: at most 500 bytes, as text without control characters. */
  beginning: string;
}

const mostHeadBytes = 16_384;
const mostBodyBytes = 500;
/** How long to wait for the start of the body after the header section, in ms. */
const bodyMs = 1_000;

/** Reads the header section of an HTTP/1.1 response and the start of its body. Throws `Undelivered`. */
export async function readAnswer(connection: Connection): Promise<Answer> {
  let bytes = new Uint8Array(0);
  const chunk = new Uint8Array(4_096);
  const more = async () => {
    const length = await connection.read(chunk);
    if (length === null) return false;
    const joined = new Uint8Array(bytes.length + length);
    joined.set(bytes);
    joined.set(chunk.subarray(0, length), bytes.length);
    bytes = joined;
    return true;
  };
  for (;;) {
    const end = endOfHead(bytes);
    if (end === -1) {
      if (bytes.length > mostHeadBytes || !(await more())) throw new Undelivered('broke_off');
      continue;
    }
    const head = latin1(bytes.subarray(0, end));
    const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |\r\n)/.exec(head)?.[1]);
    if (Number.isNaN(status)) throw new Undelivered('broke_off');
    bytes = bytes.slice(end);
    // an interim response: another follows
    if (status < 200 && status !== 101) continue;
    const chunked = /\r\ntransfer-encoding:[^\r]*chunked/i.test(head);
    // allows for the size lines between chunks
    const wanted = chunked ? mostBodyBytes + 100 : mostBodyBytes;
    const enough = () => bytes.length >= wanted || bytes.length >= lengthOf(head);
    await within(bodyMs, async () => {
      while (!enough() && (await more().catch(() => false)));
    });
    const body = chunked ? joinChunks(bytes) : bytes;
    return { status, beginning: asText(body.subarray(0, mostBodyBytes)) };
  }
}

function endOfHead(bytes: Uint8Array): number {
  for (let at = 3; at < bytes.length; at += 1) {
    if (bytes[at] === 10 && bytes[at - 1] === 13 && bytes[at - 2] === 10 && bytes[at - 3] === 13) {
      return at + 1;
    }
  }
  return -1;
}

const latin1 = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');

function lengthOf(head: string): number {
  return Number(/\r\ncontent-length: *(\d{1,15})\r\n/i.exec(head)?.[1] ?? Number.POSITIVE_INFINITY);
}

function joinChunks(bytes: Uint8Array): Uint8Array {
  const joined: number[] = [];
  let at = 0;
  while (at < bytes.length) {
    const line = latin1(bytes.subarray(at, at + 20));
    const [prefix, size = ''] = /^([0-9a-f]{1,8})[^\r]*\r\n/i.exec(line) ?? [];
    if (prefix === undefined || Number.parseInt(size, 16) === 0) break;
    at += prefix.length;
    joined.push(...bytes.subarray(at, at + Number.parseInt(size, 16)));
    at += Number.parseInt(size, 16) + 2;
  }
  return Uint8Array.from(joined.slice(0, mostBodyBytes));
}

/** Text that the database can store, and that a log or a page can show. */
function asText(bytes: Uint8Array): string {
  return new TextDecoder()
    .decode(bytes)
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
}

/** Waits for `run`, at most `ms`. */
async function within(ms: number, run: () => Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([run(), late]);
  clearTimeout(timer);
}
