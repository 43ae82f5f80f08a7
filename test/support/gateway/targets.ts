import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net';
import { newCertificate } from '../certificates.ts';

/** A server that the gateway is asked to reach, on the loopback address. */
export interface TargetServer {
  port: number;
  /** Bytes that clients sent to it, and it to them, over all connections that have ended or not. */
  bytes(): { received: number; sent: number };
  /** How many connections were ever made to it. */
  readonly connections: number;
  close(): Promise<void>;
}

/** The certificate of the TLS targets, for `localhost` and the loopback addresses. */
export const targetCertificate = newCertificate();

/** An HTTP server that answers as `answer` does; by default with the method and path. */
export function startPlainTarget(answer: RequestListener = echo): Promise<TargetServer> {
  return start(createServer(answer));
}

/** The same over TLS. */
export function startTlsTarget(answer: RequestListener = echo): Promise<TargetServer> {
  return start(createTlsServer(targetCertificate, answer));
}

/** A TCP server; `serve` is called with each connection, which may be closed on one side alone. */
export function startTcpTarget(serve: (socket: Socket) => void): Promise<TargetServer> {
  return start(createTcpServer({ allowHalfOpen: true }, serve));
}

const echo: RequestListener = (request, response) => {
  request.resume();
  response.setHeader('Content-Type', 'text/plain');
  response.end(`${request.method} ${request.url}`);
};

async function start(server: Server): Promise<TargetServer> {
  const open = new Set<Socket>();
  const ended = { received: 0, sent: 0 };
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      open.delete(socket);
      ended.received += socket.bytesRead;
      ended.sent += socket.bytesWritten;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    bytes() {
      const total = { ...ended };
      for (const socket of open) {
        total.received += socket.bytesRead;
        total.sent += socket.bytesWritten;
      }
      return total;
    },
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
