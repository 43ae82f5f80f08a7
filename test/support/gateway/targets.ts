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

/** A target server on the loopback address. */
export interface TargetServer {
  port: number;
  /** Bytes received from clients and sent to them, over all open and closed connections. */
  bytes(): { received: number; sent: number };
  /** The number of connections so far. */
  readonly connections: number;
  close(): Promise<void>;
}

/** The certificate of the TLS targets, for `localhost` and the loopback addresses. */
export const targetCertificate = newCertificate();

/** An HTTP server that answers with `answer`; by default with the method and path. */
export function startPlainTarget(answer: RequestListener = echo): Promise<TargetServer> {
  return start(createServer(answer));
}

/** The same over TLS. */
export function startTlsTarget(answer: RequestListener = echo): Promise<TargetServer> {
  return start(createTlsServer(targetCertificate, answer));
}

/** A TCP server; `serve` gets each connection, which may be half-open. */
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
