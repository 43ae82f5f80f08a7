import type { Socket } from 'node:net';

/**
 * The TCP connection that carries a socket: for a TLS socket the one below it, else the socket
 * itself. Node has no public API for it:
 * https://github.com/nodejs/node/blob/v24.0.0/lib/_tls_wrap.js, `_init`.
 */
export function carrierOf(socket: Socket): Socket {
  const { _parent: below } = socket as Socket & { _parent?: Socket | null };
  return below ?? socket;
}
