import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type PrepareRequestFunction, RequestError, Server } from 'proxy-chain';
import { Refusal } from './refusal.ts';

/** How long a client may take to say what it wants, in ms. */
const firstRequestMs = 10_000;

export interface ProxyServerOptions {
  host: string;
  port: number;
  prepare: PrepareRequestFunction;
  /** Told of each refusal that is answered. */
  onRefused: (refusal: Refusal) => void;
  /** Told of an error that nobody foresaw; the client is answered 500. */
  onError: (error: Error) => void;
}

/**
 * proxy-chain's server with this gateway's manners: every refusal is one line in our words, a
 * credential that proxy-chain would refuse with 400 reaches us, and a client that says nothing is
 * hung up on.
 */
export class ProxyServer extends Server {
  readonly #options: ProxyServerOptions;
  readonly #credentials = new WeakMap<IncomingMessage, string>();
  readonly #responses = new WeakMap<IncomingMessage, ServerResponse>();
  readonly #silent = new WeakMap<Socket, NodeJS.Timeout>();

  constructor(options: ProxyServerOptions) {
    const { host, port, prepare } = options;
    super({ host, port, prepareRequestFunction: prepare, authRealm: 'proxy keys' });
    this.#options = options;
    const { server } = this;
    server.headersTimeout = firstRequestMs;
    // an upload may take its time: silence is what ends it
    server.requestTimeout = 0;
    server.on('connection', (socket: Socket) => this.#hangUpOnSilence(socket));
    server.prependListener('connect', (request: IncomingMessage) => this.#take(request));
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#take(request);
      this.#responses.set(request, response);
      answerInKnownStatuses(response);
    });
  }

  /** The `Proxy-Authorization` header that a request came with. */
  credentialsOf(request: IncomingMessage): string | undefined {
    return this.#credentials.get(request);
  }

  /** What answers a plain request; undefined for a CONNECT. */
  responseTo(request: IncomingMessage): ServerResponse | undefined {
    return this.#responses.get(request);
  }

  #take(request: IncomingMessage): void {
    clearTimeout(this.#silent.get(request.socket));
    const header = request.headers['proxy-authorization'];
    if (header === undefined) return;
    this.#credentials.set(request, header);
    delete request.headers['proxy-authorization'];
  }

  /** Node itself looks for slow headers twice a minute only. */
  #hangUpOnSilence(socket: Socket): void {
    const timer = setTimeout(() => socket.destroy(), firstRequestMs);
    this.#silent.set(socket, timer);
    socket.once('close', () => clearTimeout(timer));
  }

  override failRequest(request: IncomingMessage, error: NodeJS.ErrnoException): void {
    this.#refuse(request.socket, this.#refusalFor(error));
  }

  override onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else this.#refuse(socket, new Refusal('malformed_request'));
  }

  #refuse(socket: Socket, refusal: Refusal): void {
    this.#options.onRefused(refusal);
    this.sendSocketResponse(socket, refusal.statusCode, refusal.headers, refusal.message);
  }

  #refusalFor(error: Error): Refusal {
    if (error instanceof Refusal) return error;
    if (error instanceof RequestError) {
      return new Refusal(error.statusCode < 500 ? 'malformed_request' : 'target_unreachable');
    }
    this.#options.onError(error);
    return new Refusal('internal');
  }
}

/** proxy-chain's own statuses for a target that fails, 590 to 599, are 502 to everybody else. */
function answerInKnownStatuses(response: ServerResponse): void {
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  response.writeHead = (status: number, ...rest: unknown[]) =>
    writeHead(status >= 590 ? 502 : status, ...rest);
}
