import type { Socket } from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';

/**
 * The steps of one side of a connection. Text is Latin-1, one character per byte.
 * - `send`: all at once; `trickle`: a few bytes at a time, each after a turn of the event loop.
 * - `hear`: waits until a text or a number of whole answers arrives, at most this many ms.
 * - `drip`: sends a byte every 20 ms for as long as possible.
 * After its last step a side waits until the other ends, ends too, and waits for the close.
 */
export type Step =
  | ['send', text: string]
  | ['trickle', text: string, size: number]
  | ['pause', ms: number]
  | ['hear', what: string | number, ms?: number]
  | ['end']
  | ['reset']
  | ['drip'];

export interface Seen {
  text: string;
  /** How the other side ended it; `left` if this side reset it. */
  ended: 'end' | 'reset' | 'left';
}

export interface ConversationOptions {
  /** Skips its remaining steps once the other side has ended, as clients do. */
  endsWithOther: boolean;
  /** Resets the connection once this text has arrived. */
  leavesAt?: string | undefined;
  /** The number of whole answers in the received text. */
  answersIn?: (text: string) => number;
}

/** Runs one side of a connection. Resolves when the connection is closed; never rejects. */
export async function converse(
  socket: Socket,
  steps: readonly Step[],
  { endsWithOther, leavesAt, answersIn = () => 0 }: ConversationOptions,
): Promise<Seen> {
  const seen: Seen = { text: '', ended: 'reset' };
  let done = false;
  let left = false;
  let wake = () => {};
  const leave = () => {
    if (socket.destroyed) return;
    left = true;
    socket.resetAndDestroy();
  };
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    seen.text += chunk.toString('latin1');
    if (leavesAt !== undefined && seen.text.includes(leavesAt)) leave();
    wake();
  });
  let ended = false;
  socket.once('end', () => {
    ended = true;
    if (done) socket.end();
    wake();
  });
  socket.once('close', () => wake());
  const over = () => socket.destroyed || (endsWithOther && ended);
  const send = (text: string) => socket.writable && socket.write(Buffer.from(text, 'latin1'));

  for (const [does, what, detail] of steps) {
    if (over()) break;
    if (does === 'send') send(what);
    else if (does === 'trickle') {
      for (let at = 0; at < what.length && !over(); at += detail) {
        send(what.slice(at, at + detail));
        await turn();
      }
    } else if (does === 'pause') await Promise.race([sleep(what), closed]);
    else if (does === 'hear') {
      const known = () =>
        typeof what === 'string' ? seen.text.includes(what) : answersIn(seen.text) >= what;
      const giveUp = detail === undefined ? undefined : performance.now() + detail;
      while (
        !over() &&
        !ended &&
        !known() &&
        (giveUp === undefined || performance.now() < giveUp)
      ) {
        const event = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const timer = giveUp && setTimeout(() => wake(), giveUp - performance.now() + 1);
        await event;
        clearTimeout(timer);
      }
    } else if (does === 'end') socket.end();
    else if (does === 'reset') leave();
    else {
      while (socket.writable) {
        send('x');
        await Promise.race([sleep(20), closed]);
      }
    }
  }
  done = true;
  if (ended) socket.end();
  await closed;
  seen.ended = left ? 'left' : ended ? 'end' : 'reset';
  return seen;
}
