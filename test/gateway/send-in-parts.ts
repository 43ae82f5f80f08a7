import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const bytes = randomBytes(65_536);
/** The pause between two parts, in ms, which makes a tunnel last. */
const pauseMs = 25;

/** Sends this many bytes in this many parts, as fast as possible; stops if the socket closes. */
export async function sendInParts(socket: Socket, total: number, parts: number): Promise<void> {
  let sent = 0;
  for (let part = 1; part <= parts; part += 1) {
    const upTo = Math.round((total * part) / parts);
    while (sent < upTo) {
      if (!socket.writable) return;
      const length = Math.min(bytes.length, upTo - sent);
      sent += length;
      if (!socket.write(bytes.subarray(0, length))) await drained(socket);
    }
    if (part < parts) await sleep(pauseMs);
  }
}

async function drained(socket: Socket): Promise<void> {
  const closed = new AbortController();
  const abort = () => closed.abort();
  socket.once('close', abort);
  if (!socket.destroyed) await once(socket, 'drain', closed).catch(() => {});
  socket.off('close', abort);
}
