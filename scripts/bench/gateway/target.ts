import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { loopback } from '../../stack/ports.ts';

/** A server at the end of tunnels. */
interface BenchTarget extends AsyncDisposable {
  port: number;
}

const chunk = Buffer.alloc(256 * 1024);
const commandBytes = 8;

/** Serves the commands of `transferCommand`. */
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
      // the data may arrive together with the command
      receive(bytes.length - commandBytes);
    });
  });
  server.listen(0, loopback);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The command for a target to send `bytes`, or to respond with one byte after it has received that many. */
export function transferCommand(direction: 'download' | 'upload', bytes: number): Buffer {
  const command = Buffer.alloc(commandBytes);
  command.writeBigInt64BE(BigInt(direction === 'download' ? bytes : -bytes));
  return command;
}

/** Sends `count` bytes as fast as the other side reads them. */
export async function sendBytes(socket: Socket, count: number): Promise<void> {
  for (let rest = count; rest > 0; rest -= chunk.length) {
    const more = socket.write(rest < chunk.length ? chunk.subarray(0, rest) : chunk);
    if (!more) await once(socket, 'drain');
  }
}
