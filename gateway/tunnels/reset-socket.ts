import type { Socket } from 'node:net';
import { carrierOf } from '../clients/carrier.ts';

/**
 * Closes a socket at once, with a reset: its peer does not take what it got for the whole. Node's own
 * `resetAndDestroy` first waits for what is unsent, and a socket that is destroyed meanwhile is never
 * closed: https://github.com/nodejs/node/blob/v24.0.0/lib/net.js, `_destroy`.
 * Under TLS it is the TCP connection that is reset: that of TLS has no reset.
 */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  // all is sent, and the end with it: libuv resets no socket whose end is on its way
  const ending = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  // what `resetAndDestroy` sets; a Node without it closes the socket as ever
  if (!ending && !socket.connecting) Object.assign(carrierOf(socket), { resetAndClosing: true });
  socket.destroy();
}
