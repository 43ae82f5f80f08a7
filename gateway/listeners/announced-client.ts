import type { Socket } from 'node:net';
import type { DropReason } from './dropped-connections.ts';
import { readProxyHeader } from './proxy-header.ts';

/** The client's address, null for the sender's own, and the header's `length`; or the failure. */
export type Announcement =
  | { address: string | null; length: number }
  | { failure: Extract<DropReason, `proxy_header_${string}`> };

/**
 * Reads the PROXY protocol's header at the start of a connection, and leaves what follows on the
 * paused socket. `done` is called once, or never if the connection closes first. `deadlineMs`: how
 * long the header may take.
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
    // paused first, so that no listener gets it yet
    socket.pause();
    if (rest.length > 0) socket.unshift(rest);
    finish(header);
  };
  // a port check sends nothing, and is not a failure
  const end = () => {
    if (received.length === 0) socket.destroy();
    else finish({ failure: 'proxy_header_cut' });
  };
  const deadline = setTimeout(() => finish({ failure: 'proxy_header_late' }), deadlineMs);
  const stop = () => clearTimeout(deadline);
  socket.on('data', take).once('end', end).once('close', stop);
}
