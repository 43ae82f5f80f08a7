import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
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

/** A stop waits for a turn of the event loop this short, in ms, for so many turns at most. */
const shortTurnMs = 0.05;
const mostTurns = 200;

export interface ProxyServerOptions {
  host: string;
  port: number;
  /** Whether other processes listen on the same port. */
  reusePort?: boolean | undefined;
  connections: ClientConnections;
  /** How long a client may take to say what it wants, in ms. */
  headTimeoutMs: number;
  /** Monotonic, in ms. */
  now: () => number;
  /** Serves a request. */
  serve: (request: ProxyRequest) => void;
  /** A refusal was answered that no request stands behind. */
  onRefused: (refusal: Refusal) => void;
}

/**
 * The server that clients connect to: reads heads, one request at a time for each connection, and
 * answers what is no request. A client that sends its next request before the answer is not served
 * it: what one read brought is parsed, dropped, and the connection ends after the answer.
 */
export class ProxyServer {
  readonly #options: ProxyServerOptions;
  readonly #server: Server;
  #ended: Promise<void> | undefined;

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
    this.#server.on('connection', (socket: Socket) => this.#open(socket));
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
  }

  async listen(): Promise<void> {
    const { host, port, reusePort = false } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, reusePort }, resolve);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Takes no more connections, from when this resolves on. */
  async stopListening(): Promise<void> {
    await untilJustAccepted();
    this.#ended ??= new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** Takes no more connections. Resolves when those that are open have ended. */
  async close(): Promise<void> {
    await this.stopListening();
    await this.#ended;
  }

  #open(socket: Socket): void {
    const { connections, onRefused } = this.#options;
    if (connections.open(socket)) return;
    const refusal = new Refusal('unavailable', { error: 'connection_limit_reached' });
    onRefused(refusal);
    socket.on('error', () => {});
    socket.end(refusal.answer(newEventId()));
    socket.destroySoon();
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
    else if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && socket.bytesRead === 0) socket.destroy();
    else {
      const refusal = new Refusal(codeOf(error));
      this.#options.onRefused(refusal);
      connection.refuse(refusal, newEventId(), null);
    }
  }
}

/**
 * Resolves just after Node has taken what had connected: the kernel resets what still waits to be taken
 * when the port closes. A turn of the event loop that was short took it a moment ago.
 */
async function untilJustAccepted(): Promise<void> {
  for (let turn = 0; turn < mostTurns; turn += 1) {
    const begun = performance.now();
    await new Promise(setImmediate);
    if (turn > 0 && performance.now() - begun < shortTurnMs) return;
  }
}

function codeOf({ code }: NodeJS.ErrnoException): RefusalCode {
  if (code === 'HPE_HEADER_OVERFLOW') return 'head_too_large';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request_timeout' : 'malformed_request';
}
