import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { loopback } from '../../stack/ports.ts';

/** A server at the end of tunnels. */
export interface BenchTarget {
  port: number;
  close(): Promise<void>;
}

const chunk = Buffer.alloc(64 * 1024);
const commandBytes = 8;

/**
 * Serves transfers of the commands that `transfer` sends: as many bytes as it is asked for, or one
 * byte when it has got as many as it was told of.
 */
export async function startTarget(): Promise<BenchTarget> {
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => open.delete(socket));
    let expected = 0;
    const receive = (count: number) => {
      expected -= count;
      if (expected === 0) socket.write('.');
    };
    socket.on('data', (bytes: Buffer) => {
      if (expected > 0) return receive(bytes.length);
      const count = Number(bytes.readBigInt64BE());
      if (count > 0) return void sendBytes(socket, count);
      expected = -count;
      // what is to be received may come in one piece with the command
      receive(bytes.length - commandBytes);
    });
  });
  server.listen(0, loopback);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Moves `bytes` through a tunnel to a target of `startTarget`, or from it. */
export async function transfer(
  socket: Socket,
  direction: 'download' | 'upload',
  bytes: number,
): Promise<void> {
  const expected = direction === 'download' ? bytes : 1;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let received = 0;
  const read = (data: Buffer) => {
    received += data.length;
    if (received >= expected) resolve();
  };
  const fail = () => reject(new Error('a tunnel closed during a transfer'));
  socket.on('data', read);
  socket.once('close', fail);
  try {
    const command = Buffer.alloc(commandBytes);
    command.writeBigInt64BE(BigInt(direction === 'download' ? bytes : -bytes));
    socket.write(command);
    if (direction === 'upload') await sendBytes(socket, bytes);
    await promise;
  } finally {
    socket.off('data', read);
    socket.off('close', fail);
  }
}

async function sendBytes(socket: Socket, count: number): Promise<void> {
  for (let rest = count; rest > 0; rest -= chunk.length) {
    const more = socket.write(rest < chunk.length ? chunk.subarray(0, rest) : chunk);
    if (!more) await once(socket, 'drain');
  }
}
