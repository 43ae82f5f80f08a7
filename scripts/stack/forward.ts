import {
  Agent,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { loopback } from './ports.ts';

/** Passes requests on to services of this machine, over connections that are kept. */
export interface Forwarder {
  /** Sends a request on as it came, and its answer back. `away` answers where nobody takes it. */
  forward(
    request: IncomingMessage,
    response: ServerResponse,
    options: { port: number; path: string; away(): void },
  ): void;
  close(): void;
}

/** What is said to the other end of a connection, and to nobody beyond it. */
const ofConnection = [
  'connection',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
];

/** Makes a forwarder. It keeps nothing of a body, which moves as fast as its receiver takes it. */
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
        // the answer is framed for the client's own version of HTTP
        const passed = withoutHeaders(answer.rawHeaders, [...ofConnection, 'transfer-encoding']);
        response.writeHead(answer.statusCode ?? 502, answer.statusMessage, passed);
        // a short answer leaves in one piece, headers and all: by the socket, as a response that is
        // corked loses all but its first chunk (Node 24.21)
        const { socket } = response;
        socket?.cork();
        setImmediate(() => socket?.uncork());
        answer.pipe(response);
        // one that breaks off breaks off here too
        answer.once('close', () => {
          if (!answer.complete) response.destroy();
        });
      });
      response.once('close', () => {
        outgoing.destroy();
        // what of a body nobody took must not stand before the next request
        request.resume();
      });
      request.pipe(outgoing);
    },
    close: () => agent.destroy(),
  };
}

/** Node would send such a request with a body in chunks, though an empty one. */
function hasNoBody({ method = '', headers }: IncomingMessage): boolean {
  return (
    ['POST', 'PUT', 'PATCH'].includes(method) &&
    headers['content-length'] === undefined &&
    headers['transfer-encoding'] === undefined
  );
}

/** A raw list of headers, names and values in turn, without those of `names`. */
export function withoutHeaders(rawHeaders: string[], names: string[]): string[] {
  return rawHeaders.filter(
    (_, index) => !names.includes(rawHeaders[index - (index % 2)]?.toLowerCase() ?? ''),
  );
}
