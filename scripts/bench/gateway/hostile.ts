import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { loopback } from '../../stack/ports.ts';
import type { HostileOrder } from './hostile-process.ts';

// Burdens a gateway as its parent asks, until it is asked to stop. Its clients have an address of their
// own. It also is the name server that never answers.

const ownAddress = '127.0.0.2';
/** Requests are sent again at this pace on each connection, in ms, where somebody has to wait. */
const againMs = 80;
const megabytes = 30_000_000;

const open = new Set<Socket>();
let stopped = true;

const silent = createSocket('udp4');
silent.bind(0, loopback);
await once(silent, 'listening');

process.on('message', async (order: HostileOrder) => {
  if (order === 'name server') {
    process.send?.(`${loopback}:${silent.address().port}`);
  } else if (order === 'stop') {
    stopped = true;
    for (const socket of open) socket.destroy();
    while (open.size > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    process.send?.('stopped');
  } else {
    stopped = false;
    begin(order);
    // so long until it is in full
    setTimeout(() => process.send?.('begun'), 500);
  }
});

function begin({ kind, proxyPort, request }: Exclude<HostileOrder, string>): void {
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
    // 100 tunnels that stay, and 8 connections that ask for more
    start(108, Buffer.from(request), againMs);
  }
}

/** Keeps one connection open that sends `bytes`: another one follows it some time after its end. */
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
