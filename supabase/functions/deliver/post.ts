import { dial } from './dial.ts';
import type { Connection } from './network.ts';
import { type Outcome, Undelivered } from './outcome.ts';
import { readAnswer } from './read-answer.ts';
import type { Settings } from './settings.ts';

/** A POST request with a JSON body. */
export interface PostRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
}

/** Its result. */
export interface Posted {
  outcome: Outcome;
  durationMs: number;
  status: number | null;
  answer: string | null;
}

/** How long an attempt may take, in ms. */
const timeoutMs = 10_000;

/** Sends one request, follows no redirect, and keeps the status and the start of the response. */
export async function post(request: PostRequest, settings: Settings): Promise<Posted> {
  const startedAt = performance.now();
  const abort = new AbortController();
  let connection: Connection | undefined;
  const timer = setTimeout(() => {
    abort.abort();
    // aborts a pending read or write
    close(connection);
  }, timeoutMs);
  const ended = (outcome: Outcome, status: number | null = null, answer: string | null = null) => ({
    outcome,
    durationMs: Math.round(performance.now() - startedAt),
    status,
    answer,
  });
  try {
    const url = new URL(request.url);
    connection = await dial(url, settings, abort.signal);
    await write(connection, url, request);
    const { status, beginning } = await readAnswer(connection);
    return ended(outcomeOf(status), status, beginning);
  } catch (error) {
    if (abort.signal.aborted) return ended('timed_out');
    return ended(error instanceof Undelivered ? error.outcome : 'broke_off');
  } finally {
    clearTimeout(timer);
    close(connection);
  }
}

function outcomeOf(status: number): Outcome {
  if (status >= 200 && status < 300) return 'delivered';
  return status >= 300 && status < 400 ? 'redirected' : 'refused_status';
}

async function write(
  connection: Connection,
  url: URL,
  { headers, body }: PostRequest,
): Promise<void> {
  const encoder = new TextEncoder();
  const content = encoder.encode(body);
  const fields = {
    Host: url.host,
    'User-Agent': 'ProxyKeys/1.0 (+webhooks)',
    'Content-Type': 'application/json',
    'Content-Length': String(content.length),
    Connection: 'close',
    ...headers,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = encoder.encode(
    `POST ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('')}\r\n`,
  );
  const message = new Uint8Array(head.length + content.length);
  message.set(head);
  message.set(content, head.length);
  for (let at = 0; at < message.length; ) at += await connection.write(message.subarray(at));
}

function close(connection: Connection | undefined): void {
  try {
    connection?.close();
  } catch {
    // already closed by the other side or on timeout
  }
}
