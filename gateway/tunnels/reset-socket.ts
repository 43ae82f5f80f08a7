import type { Socket } from 'node:net';
import { carrierOf } from '../clients/carrier.ts';

/**
 * Closes a socket at once, with a reset, so that its peer does not take a part for the whole.
 * Node's own `resetAndDestroy` first waits for unsent data, and a socket that is destroyed
 * meanwhile is never closed: https://github.com/nodejs/node/blob/v24.0.0/lib/net.js, `_destroy`.
 * Under TLS the TCP connection is reset, as TLS itself has no reset.
 */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  // everything is sent, including the end: libuv does not reset a socket whose end is on its way
  const ending = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  // what `resetAndDestroy` sets; a Node without it closes the socket as usual
  if (!ending && !socket.connecting) Object.assign(carrierOf(socket), { resetAndClosing: true });
  socket.destroy();
}
