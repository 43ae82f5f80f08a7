import type { Socket } from 'node:net';
import type { DropReason } from './dropped-connections.ts';
import { readProxyHeader } from './proxy-header.ts';

/** A header of `length` bytes with the client's address, null for the sender's own; or why it failed. */
export type Announcement =
  | { address: string | null; length: number }
  | { failure: Extract<DropReason, `proxy_header_${string}`> };

/**
 * Reads the header of the PROXY protocol that a connection begins with, and leaves what follows it on
 * the socket, which is paused. `done` is called once, or never where the connection closes before.
 * `deadlineMs`: how long the header may take.
 */
export function readAnnouncement(
  socket: Socket,
  deadlineMs: number,
  done: (read: Announcement) => void,
): void {
  let received = Buffer.alloc(0);
  const finish = (read: Announcement) => {
    stop();
    socket.off('data', take).off('end', end).off('close', stop).pause();
    done(read);
  };
  const take = (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    const header = readProxyHeader(received);
    if (header.state === 'incomplete') return;
    if (header.state !== 'complete') return finish({ failure: `proxy_header_${header.state}` });
    const rest = received.subarray(header.length);
    // paused before, so that nobody is given it yet
    socket.pause();
    if (rest.length > 0) socket.unshift(rest);
    finish(header);
  };
  // a check of the port sends nothing, and is no failure
  const end = () => {
    if (received.length === 0) socket.destroy();
    else finish({ failure: 'proxy_header_cut' });
  };
  const deadline = setTimeout(() => finish({ failure: 'proxy_header_late' }), deadlineMs);
  const stop = () => clearTimeout(deadline);
  socket.on('data', take).once('end', end).once('close', stop);
}
