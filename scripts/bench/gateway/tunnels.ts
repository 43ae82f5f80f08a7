import { connect, type Socket } from 'node:net';
import { loopback } from '../../stack/ports.ts';

/** The bytes of a CONNECT to a loopback port, with or without a key's `keyId:secret`. */
export function connectRequest(targetPort: number, pair?: string): string {
  const target = `${loopback}:${targetPort}`;
  const credentials =
    pair === undefined
      ? ''
      : `Proxy-Authorization: Basic ${Buffer.from(pair).toString('base64')}\r\n`;
  return `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${credentials}\r\n`;
}

/** A proxy's response to a CONNECT, and the connection, which is a tunnel if the status is 200. */
interface Answered {
  status: number;
  socket: Socket;
}

/** Connects to a proxy on a loopback port and sends a CONNECT; resolves at the start of the response. */
export function sendConnect(proxyPort: number, request: string): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  const socket = connect({ host: loopback, port: proxyPort, noDelay: true });
  socket.once('connect', () => socket.write(request));
  socket.once('error', reject);
  socket.once('close', () =>
    reject(new Error('the proxy closed the connection without a response')),
  );
  socket.once('data', (answer: Buffer) => {
    // "HTTP/1.1 200"
    resolve({ status: Number(answer.toString('latin1', 9, 12)), socket });
  });
  return promise;
}

/** Opens a tunnel; rejects if the proxy does not open it. */
export async function openTunnel(proxyPort: number, request: string): Promise<Socket> {
  const { status, socket } = await sendConnect(proxyPort, request);
  if (status === 200) return socket;
  socket.destroy();
  throw new Error(`a CONNECT was answered ${status}`);
}
