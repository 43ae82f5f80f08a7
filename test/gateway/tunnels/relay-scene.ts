import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { onTestFinished } from 'vitest';
import { newCertificate } from '../../support/certificates.ts';

/** Two separate connections: one from a client, one to a target. */
export interface RelayScene {
  /** The client's socket, and the gateway's socket of the same connection. */
  clientEnd: Socket;
  client: Socket;
  /** The gateway's connection to the target, and the target's socket. */
  target: Socket;
  targetEnd: Socket;
}

/** Makes both, the client's over TLS or not; they are closed after the test. */
export async function makeRelayScene(secured = false): Promise<RelayScene> {
  const [[plainEnd, plain], [target, targetEnd]] = await Promise.all([pair(), pair()]);
  const [clientEnd, client] = secured ? await secure(plainEnd, plain) : [plainEnd, plain];
  return { clientEnd, client, target, targetEnd };
}

const certificate = newCertificate();

/** Starts TLS on both ends of a connection, as the gateway does. */
async function secure(from: Socket, to: Socket): Promise<[from: Socket, to: Socket]> {
  const server = createTlsServer(certificate);
  server.emit('connection', to);
  const secureFrom = connectTls({ socket: from, rejectUnauthorized: false });
  secureFrom.on('error', () => {});
  const [[secureTo]] = (await Promise.all([
    once(server, 'secureConnection'),
    once(secureFrom, 'secureConnect'),
  ])) as [[Socket], unknown];
  secureTo.on('error', () => {});
  return [secureFrom, secureTo];
}

/** Both ends of a TCP connection that allows half-open sockets, as in the gateway. */
async function pair(): Promise<[from: Socket, to: Socket]> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const from = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [to] = (await once(server, 'connection')) as [Socket];
  server.close();
  for (const socket of [from, to]) socket.on('error', () => {});
  onTestFinished(() => {
    from.destroy();
    to.destroy();
  });
  return [from, to];
}

/** How a socket ended: cleanly, by a reset, or closed by this side. */
export function fate(socket: Socket): Promise<'end' | 'reset' | 'closed'> {
  return new Promise((resolve) => {
    socket.once('end', () => resolve('end'));
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code === 'ECONNRESET' || code === 'EPIPE' ? 'reset' : 'closed'),
    );
    socket.once('close', () => resolve('closed'));
    socket.resume();
  });
}
