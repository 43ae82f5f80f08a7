import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { resetSocket } from '../../../gateway/tunnels/reset-socket.ts';
import { startTcpTarget } from '../../support/gateway/targets.ts';
import { dial } from '../targets/test-dialer.ts';

/** A connection, and what its peer is told of its end: `end`, or the code of an error. */
async function connected(): Promise<{ socket: Socket; told: Promise<string> }> {
  const told = Promise.withResolvers<string>();
  const target = await startTcpTarget((peer) => {
    peer.once('end', () => told.resolve('end'));
    peer.once('error', (error: NodeJS.ErrnoException) => told.resolve(error.code ?? ''));
    peer.resume();
  });
  onTestFinished(() => target.close());
  const address = { address: '127.0.0.1', family: 4 };
  const socket = await dial({ host: '127.0.0.1', port: target.port, addresses: [address] });
  return { socket, told: told.promise };
}

it('a reset is what the peer is told of', async () => {
  const { socket, told } = await connected();
  resetSocket(socket);
  await once(socket, 'close');
  expect(await told).toBe('ECONNRESET');
});

it('a socket that cannot send what it has is reset at once', async () => {
  const deaf = await startTcpTarget((peer) => peer.pause());
  onTestFinished(() => deaf.close());
  const address = { address: '127.0.0.1', family: 4 };
  const socket = await dial({ host: '127.0.0.1', port: deaf.port, addresses: [address] });
  while (socket.write(Buffer.alloc(1_000_000)));
  socket.write(Buffer.alloc(10_000_000));
  expect(socket.writableLength).toBeGreaterThan(0);
  resetSocket(socket);
  await once(socket, 'close');
});

it('a socket whose end is on its way is closed all the same, also when it is destroyed again', async () => {
  const { socket, told } = await connected();
  socket.end('all of it');
  resetSocket(socket);
  socket.destroy();
  resetSocket(socket);
  await once(socket, 'close');
  expect(await told).toBe('end');
});
