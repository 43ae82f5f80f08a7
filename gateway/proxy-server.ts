import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ClientConnection } from './clients/client-connection.ts';
import type { ClientConnections } from './clients/client-connections.ts';
import { hasBody, mostHeadBytes } from './forwarding/target-request.ts';
import { Refusal, type RefusalCode } from './refusal.ts';
import { ProxyRequest } from './requests/proxy-request.ts';
import { resetSocket } from './tunnels/reset-socket.ts';
import { newEventId } from './usage/usage-event.ts';

/** No real client sends more requests than this before its answer: the connection is reset. */
const mostAhead = 100;
/** How long a client may keep a connection without a request, in ms. */
const keepAliveMs = 5_000;

export interface ProxyServerOptions {
  connections: ClientConnections;
  /** How long a client may take to send a request's head, in ms. */
  headTimeoutMs: number;
  /** Monotonic, in ms. */
  now: () => number;
  /** Serves a request. */
  serve: (request: ProxyRequest) => void;
  /** Bytes that are not a request were refused; the answer has the id. */
  onRefused: (refusal: Refusal, id: string) => void;
}

/**
 * HTTP on connections that listeners accept: reads heads, one request at a time per connection, and
 * refuses bytes that are not a request. A request that is sent before the previous answer is not
 * served: what was read with it is parsed and dropped, and the connection ends after the answer.
 */
export class ProxyServer {
  readonly #options: ProxyServerOptions;
  readonly #server: Server;

  constructor(options: ProxyServerOptions) {
    const { headTimeoutMs } = options;
    this.#options = options;
    this.#server = createServer({
      maxHeaderSize: mostHeadBytes,
      headersTimeout: headTimeoutMs,
      // an upload may take any time: only silence ends it
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(1_000, headTimeoutMs / 4),
      keepAliveTimeout: keepAliveMs,
      // or Node itself would answer
      requireHostHeader: false,
      // a body could not be separated from the new protocol's bytes
      shouldUpgradeCallback: (message) => message.method === 'GET' && !hasBody(message),
    });
    // 0 is no limit: the size of the head is bounded
    this.#server.maxHeadersCount = 0;
    // the target answers an expectation
    for (const event of ['request', 'checkContinue', 'checkExpectation'] as const) {
      this.#server.on(event, (message, response) => this.#take(message, message.socket, response));
    }
    for (const event of ['connect', 'upgrade'] as const) {
      this.#server.on(event, (message, stream, head) => {
        const socket = stream as Socket;
        socket.on('error', () => {});
        // now, as a client with no more to send may have closed by the time it is read
        if (head.length > 0) socket.unshift(head);
        this.#take(message, socket, null);
      });
    }
    this.#server.on('clientError', (error, stream) => this.#onBadBytes(error, stream as Socket));
    // it listens on no port; from this event on it enforces its deadlines
    this.#server.emit('listening');
  }

  /** Reads requests from a connection. */
  serve(connection: ClientConnection): void {
    this.#server.emit('connection', connection.socket);
  }

  /** Closes idle connections, and stops enforcing deadlines on the others. */
  close(): void {
    this.#server.close();
  }

  #take(message: IncomingMessage, socket: Socket, response: ServerResponse | null): void {
    const connection = this.#options.connections.of(socket);
    if (!connection || connection.ending || socket.destroyed) return;
    if (connection.busy) {
      this.#drop(connection);
      return;
    }
    connection.busy = true;
    connection.used = true;
    this.#options.serve(new ProxyRequest(connection, message, response, this.#options.now()));
  }

  /** A request ahead of its turn. */
  #drop(connection: ClientConnection): void {
    connection.ahead += 1;
    if (connection.ahead === 1) connection.stopReading();
    if (connection.ahead > mostAhead) resetSocket(connection.socket);
  }

  #onBadBytes(error: NodeJS.ErrnoException, socket: Socket): void {
    const connection = this.#options.connections.of(socket);
    if (!connection || connection.ending || socket.destroyed) return;
    // it may have got a part of its answer, which must not look complete
    if (connection.busy) resetSocket(socket);
    else if (!isOfHttp(error) || !socket.writable) socket.destroy();
    else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && connection.silent) socket.destroy();
    else {
      const refusal = new Refusal(codeOf(error));
      const id = newEventId();
      this.#options.onRefused(refusal, id);
      connection.refuse(refusal, id, null);
    }
  }
}

/** Whether an error is about what was read, not about the connection or its TLS. */
function isOfHttp({ code = '' }: NodeJS.ErrnoException): boolean {
  return /^(HPE|ERR_HTTP)_/.test(code);
}

function codeOf({ code }: NodeJS.ErrnoException): RefusalCode {
  if (code === 'HPE_HEADER_OVERFLOW') return 'head_too_large';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request_timeout' : 'malformed_request';
}
