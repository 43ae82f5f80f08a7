import {
  Agent,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { loopback } from './ports.ts';

/** Forwards requests to services on this machine over keep-alive connections. */
export interface Forwarder {
  /** Forwards a request unchanged and sends the response back. Calls `away` if the service is not reachable. */
  forward(
    request: IncomingMessage,
    response: ServerResponse,
    options: { port: number; path: string; away(): void },
  ): void;
  close(): void;
}

/** Hop-by-hop headers. */
const ofConnection = [
  'connection',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
];

/** Creates a forwarder. It streams bodies with backpressure, without buffering them. */
export function createForwarder(): Forwarder {
  // PostgREST closes a connection idle for 30 s: a request sent at that moment would be lost
  const agent = new Agent({ keepAlive: true, maxSockets: 256, timeout: 20_000 });
  return {
    forward(request, response, { port, path, away }) {
      const { method = 'GET' } = request;
      const headers = withoutHeaders(request.rawHeaders, ofConnection);
      if (hasNoBody(request)) headers.push('Content-Length', '0');
      const outgoing = httpRequest({ agent, host: loopback, port, method, path, headers });
      outgoing.on('error', away);
      outgoing.on('response', (answer) => {
        // the response is framed for the client's version of HTTP
        const passed = withoutHeaders(answer.rawHeaders, [...ofConnection, 'transfer-encoding']);
        response.writeHead(answer.statusCode ?? 502, answer.statusMessage, passed);
        // sends a short response with its headers in one write; corks the socket, as a corked
        // response loses all but its first chunk (Node 24.21)
        const { socket } = response;
        socket?.cork();
        setImmediate(() => socket?.uncork());
        answer.pipe(response);
        // if the service aborts its response, the client's connection is reset too
        answer.once('close', () => {
          if (!answer.complete) response.destroy();
        });
      });
      response.once('close', () => {
        outgoing.destroy();
        // drains an unread body, which would otherwise precede the next request
        request.resume();
      });
      request.pipe(outgoing);
    },
    close: () => agent.destroy(),
  };
}

/** Whether a request has no body; Node would send an empty chunked one. */
function hasNoBody({ method = '', headers }: IncomingMessage): boolean {
  return (
    ['POST', 'PUT', 'PATCH'].includes(method) &&
    headers['content-length'] === undefined &&
    headers['transfer-encoding'] === undefined
  );
}

/** Removes the headers in `names` from a raw list of alternating names and values. */
export function withoutHeaders(rawHeaders: string[], names: string[]): string[] {
  return rawHeaders.filter(
    (_, index) => !names.includes(rawHeaders[index - (index % 2)]?.toLowerCase() ?? ''),
  );
}
