import { connect, type Socket } from 'node:net';
import { loopback } from '../../stack/ports.ts';

/** The bytes of a CONNECT to a loopback port, with a key's `keyId:secret` or without. */
export function connectRequest(targetPort: number, pair?: string): string {
  const target = `${loopback}:${targetPort}`;
  const credentials =
    pair === undefined
      ? ''
      : `Proxy-Authorization: Basic ${Buffer.from(pair).toString('base64')}\r\n`;
  return `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${credentials}\r\n`;
}

/** What a proxy answered to a CONNECT, and the connection: a tunnel where it is 200. */
interface Answered {
  status: number;
  socket: Socket;
}

/** Connects to a proxy at a loopback port and sends a CONNECT; resolves at the first of its answer. */
export function sendConnect(proxyPort: number, request: string): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  const socket = connect({ host: loopback, port: proxyPort, noDelay: true });
  socket.once('connect', () => socket.write(request));
  socket.once('error', reject);
  socket.once('close', () => reject(new Error('closed without an answer')));
  socket.once('data', (answer: Buffer) => {
    // "HTTP/1.1 200"
    resolve({ status: Number(answer.toString('latin1', 9, 12)), socket });
  });
  return promise;
}

/** Opens a tunnel; rejects where the proxy does not. */
export async function openTunnel(proxyPort: number, request: string): Promise<Socket> {
  const { status, socket } = await sendConnect(proxyPort, request);
  if (status === 200) return socket;
  socket.destroy();
  throw new Error(`a CONNECT was answered ${status}`);
}
