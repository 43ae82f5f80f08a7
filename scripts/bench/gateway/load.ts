import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { loopback } from '../../stack/ports.ts';
import { sendBytes, startTarget, transferCommand } from './target.ts';
import { answer } from './threads.ts';

// Sends load to proxies and is also their target. It does one task at a time and uses as little CPU as
// Node allows: one buffer for everything received, and one request for all CONNECTs.

/** A proxy, and how to request a tunnel from it. */
interface Way {
  proxyPort: number;
  /** A CONNECT to the load's own target. */
  request: string;
  /** The concurrency. */
  connections: number;
}

/** CONNECTs, each closed after its response, until `count` were sent or `milliseconds` have passed. */
type ConnectLoad = Way & { count?: number; milliseconds?: number };

/** Bytes through tunnels that are opened beforehand. */
type TransferLoad = Way & {
  direction: 'download' | 'upload';
  /** The total over all tunnels. */
  bytes: number;
};

/** The results of CONNECTs. */
interface ConnectResult {
  elapsedMs: number;
  /** The time from the start of each TCP connection to the response, in ms. */
  setUps: number[];
}

/** Shared by all connections: data are checked before the next read. */
const received = Buffer.alloc(256 * 1024);

const target = await startTarget();

/** The tasks of the thread; a refusal by a proxy fails the task. */
export type LoadActions = typeof actions;
const actions = { targetPort: (_: null) => target.port, connects, transfer };
answer(actions);

/** Sends a CONNECT and calls `onBytes` with the length of each read; the bytes are in `received`. */
function dial(port: number, request: Buffer | string, onBytes: (length: number) => void): Socket {
  const callback = (length: number) => {
    onBytes(length);
    return true;
  };
  const onread = { buffer: received, callback };
  const socket = connect({ host: loopback, port, noDelay: true, onread });
  socket.write(request);
  return socket;
}

/** Throws if the data are not the start of a 200. */
function expectTunnel(length: number): void {
  // "HTTP/1.1 200"
  const status = received.toString('latin1', 9, Math.min(12, length));
  if (status !== '200') throw new Error(`a CONNECT was answered ${status}`);
}

/** How long CONNECTs take. */
async function connects(load: ConnectLoad): Promise<ConnectResult> {
  const { proxyPort, connections, count = Infinity, milliseconds = Infinity } = load;
  const request = Buffer.from(load.request);
  const setUps: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const startedAt = performance.now();
  let started = 0;
  let open = 0;
  const next = () => {
    if (started < count && performance.now() - startedAt < milliseconds) start();
    else if (open === 0) resolve();
  };
  const start = () => {
    started += 1;
    open += 1;
    const connecting = performance.now();
    let answered = false;
    const socket = dial(proxyPort, request, (length) => {
      setUps.push(performance.now() - connecting);
      expectTunnel(length);
      answered = true;
      socket.destroy();
    });
    socket.once('close', () => {
      if (!answered) throw new Error('a CONNECT was not answered');
      open -= 1;
      next();
    });
  };
  for (let connection = 0; connection < connections; connection++) next();
  await promise;
  return { elapsedMs: performance.now() - startedAt, setUps };
}

/** How long the bytes take, in ms. */
async function transfer({ direction, bytes, ...load }: TransferLoad): Promise<number> {
  const expected = direction === 'download' ? bytes / load.connections : 1;
  const tunnels = Array.from({ length: load.connections }, () => {
    const opened = Promise.withResolvers<void>();
    const complete = Promise.withResolvers<void>();
    let count = -1;
    const socket = dial(load.proxyPort, load.request, (length) => {
      if (count === -1) {
        expectTunnel(length);
        count = 0;
        return opened.resolve();
      }
      count += length;
      if (count >= expected) complete.resolve();
    });
    return { socket, opened: opened.promise, complete: complete.promise };
  });
  await Promise.all(tunnels.map(({ opened }) => opened));
  const startedAt = performance.now();
  await Promise.all(
    tunnels.map(async ({ socket, complete }) => {
      socket.write(transferCommand(direction, bytes / load.connections));
      if (direction === 'upload') await sendBytes(socket, bytes / load.connections);
      await complete;
    }),
  );
  const elapsedMs = performance.now() - startedAt;
  for (const { socket } of tunnels) {
    socket.destroy();
    await once(socket, 'close');
  }
  return elapsedMs;
}
