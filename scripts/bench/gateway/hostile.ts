import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { loopback } from '../../stack/ports.ts';
import { answer } from './threads.ts';

// Puts the requested load on a gateway until it gets the command to stop. Its clients have a separate address. It
// is also the name server that never responds.

/** The kind of load. */
export type HostileKind =
  | 'pipelined requests'
  | 'silent names'
  | 'a key at its tunnel limit'
  | 'slow clients';

interface Burden {
  kind: HostileKind;
  proxyPort: number;
  /** A CONNECT, for clients with a key. */
  request: string;
}

const ownAddress = '127.0.0.2';
/** The interval at which each connection repeats a request that has to wait, in ms. */
const againMs = 80;
const megabytes = 30_000_000;

const open = new Set<Socket>();
let stopped = true;

const silent = createSocket('udp4');
silent.bind(0, loopback);
await once(silent, 'listening');

export type HostileActions = typeof actions;
const actions = {
  /** `address:port` of a name server that never responds. */
  nameServer: (_: null) => `${loopback}:${silent.address().port}`,
  /** Resolves when the load has started. */
  async begin(burden: Burden) {
    stopped = false;
    begin(burden);
    // the time until the load is complete
    await sleep(500);
  },
  /** Resolves when all connections have closed. */
  async rest(_: null) {
    stopped = true;
    for (const socket of open) socket.destroy();
    while (open.size > 0) await sleep(10);
  },
};
answer(actions);

function begin({ kind, proxyPort, request }: Burden): void {
  const start = (
    count: number,
    bytes: Buffer,
    pauseMs: number,
    then?: (socket: Socket) => void,
  ) => {
    for (let index = 0; index < count; index += 1) keepOne(proxyPort, bytes, pauseMs, then);
  };
  if (kind === 'pipelined requests') {
    const one = `GET http://192.0.2.1/ HTTP/1.1\r\nHost: 192.0.2.1\r\nX: ${'x'.repeat(2_000)}\r\n\r\n`;
    start(8, Buffer.from(one.repeat(megabytes / 8 / one.length)), againMs);
  } else if (kind === 'slow clients') {
    start(1_000, Buffer.from('CONNECT example.com:443 HTTP/1.1\r\nX: '), 1_000, (socket) => {
      const timer = setInterval(() => socket.write('x'), 1_000);
      socket.once('close', () => clearInterval(timer));
    });
  } else if (kind === 'silent names') {
    start(40, Buffer.from(request), againMs);
  } else {
    // 100 tunnels that stay open, and 8 connections that request more
    start(108, Buffer.from(request), againMs);
  }
}

/** Keeps one connection open that sends `bytes`; after it closes, another follows with a delay. */
function keepOne(
  proxyPort: number,
  bytes: Buffer,
  pauseMs: number,
  then?: (socket: Socket) => void,
): void {
  if (stopped) return;
  const socket = connect({ port: proxyPort, host: loopback, localAddress: ownAddress });
  open.add(socket);
  socket.on('error', () => {});
  socket.resume();
  socket.write(bytes);
  then?.(socket);
  socket.once('close', () => {
    open.delete(socket);
    setTimeout(() => keepOne(proxyPort, bytes, pauseMs, then), pauseMs);
  });
}
