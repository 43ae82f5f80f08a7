import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ClientConnection } from './clients/client-connection.ts';
import type { ClientConnections } from './clients/client-connections.ts';
import { hasBody, mostHeadBytes } from './forwarding/target-request.ts';
import { Refusal, type RefusalCode } from './refusal.ts';
import { ProxyRequest } from './requests/proxy-request.ts';
import { resetSocket } from './tunnels/reset-socket.ts';
import { newEventId } from './usage/usage-event.ts';

/** More requests than this ahead of their turn are no client's: their connection is reset. */
const mostAhead = 100;
/** How long a client may keep a connection without a request, in ms. */
const keepAliveMs = 5_000;

export interface ProxyServerOptions {
  connections: ClientConnections;
  /** How long a client may take to say what it wants, in ms. */
  headTimeoutMs: number;
  /** Monotonic, in ms. */
  now: () => number;
  /** Serves a request. */
  serve: (request: ProxyRequest) => void;
  /** A refusal was answered that no request stands behind; the answer has the id. */
  onRefused: (refusal: Refusal, id: string) => void;
}

/**
 * HTTP, on connections that listeners take: reads heads, one request at a time for each connection, and
 * answers what is no request. A client that sends its next request before the answer is not served
 * it: what one read brought is parsed, dropped, and the connection ends after the answer.
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
      // an upload may take its time: silence is what ends it
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(1_000, headTimeoutMs / 4),
      keepAliveTimeout: keepAliveMs,
      // Node would answer by itself
      requireHostHeader: false,
      // a body would have to be kept from the new protocol's bytes
      shouldUpgradeCallback: (message) => message.method === 'GET' && !hasBody(message),
    });
    // 0 is no limit: the size of the head is bounded
    this.#server.maxHeadersCount = 0;
    // the target says what it makes of an expectation
    for (const event of ['request', 'checkContinue', 'checkExpectation'] as const) {
      this.#server.on(event, (message, response) => this.#take(message, message.socket, response));
    }
    for (const event of ['connect', 'upgrade'] as const) {
      this.#server.on(event, (message, stream, head) => {
        const socket = stream as Socket;
        socket.on('error', () => {});
        // now, as a client that has no more to send may have ended by the time that it is read
        if (head.length > 0) socket.unshift(head);
        this.#take(message, socket, null);
      });
    }
    this.#server.on('clientError', (error, stream) => this.#onBadBytes(error, stream as Socket));
    // it listens to no port, and looks after its deadlines from this event on
    this.#server.emit('listening');
  }

  /** Reads requests from a connection. */
  serve(connection: ClientConnection): void {
    this.#server.emit('connection', connection.socket);
  }

  /** Ends the connections on which no request is served; the deadlines of others go on no longer. */
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
    // it may have a part of its answer, which is not to look whole
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

/** Whether it is about what was read, and not of the connection, or of the TLS on it. */
function isOfHttp({ code = '' }: NodeJS.ErrnoException): boolean {
  return /^(HPE|ERR_HTTP)_/.test(code);
}

function codeOf({ code }: NodeJS.ErrnoException): RefusalCode {
  if (code === 'HPE_HEADER_OVERFLOW') return 'head_too_large';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request_timeout' : 'malformed_request';
}
