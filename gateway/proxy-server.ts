import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type PrepareRequestFunction, RequestError, Server } from 'proxy-chain';
import { Refusal } from './refusal.ts';

/** What proxy-chain makes of a target's status that Node cannot send. */
const statusOutOfRange = 592;
/** How long a refused client may take to hang up, in ms. */
const lingerMs = 2_000;

export interface ProxyServerOptions {
  host: string;
  port: number;
  /** For plain requests. */
  prepare: PrepareRequestFunction;
  /** Answers a CONNECT; what it throws is answered as a refusal. */
  connect: (request: IncomingMessage, client: Socket) => Promise<void>;
  /** How long a client may take to say what it wants, in ms. */
  firstRequestMs: number;
  /** Told of each refusal that is answered. */
  onRefused: (refusal: Refusal) => void;
  /** Told of an error that nobody foresaw; the client is answered 500. */
  onError: (error: Error) => void;
}

/**
 * proxy-chain's server with this gateway's manners: every refusal is one line in our words and in its
 * turn, a credential that proxy-chain would refuse with 400 reaches us, and a client that says nothing
 * is hung up on.
 */
export class ProxyServer extends Server {
  readonly #options: ProxyServerOptions;
  readonly #credentials = new WeakMap<IncomingMessage, string>();
  readonly #responses = new WeakMap<IncomingMessage, ServerResponse>();
  /** The last response that a connection has begun to wait for. */
  readonly #latest = new WeakMap<Socket, ServerResponse>();
  /** What was still to be answered when a request came: it was sent without waiting for that. */
  readonly #ahead = new WeakMap<IncomingMessage, ServerResponse>();
  readonly #deadlines = new WeakMap<Socket, NodeJS.Timeout>();

  constructor(options: ProxyServerOptions) {
    const { host, port, prepare, firstRequestMs } = options;
    super({ host, port, authRealm: 'proxy keys', prepareRequestFunction: prepare });
    this.#options = options;
    const { server } = this;
    server.headersTimeout = firstRequestMs;
    // an upload may take its time: silence is what ends it
    server.requestTimeout = 0;
    // Node would answer these two by itself, with no line
    Object.assign(server, { requireHostHeader: false });
    server.on('checkExpectation', (request, response) => server.emit('request', request, response));
    // Node itself looks for slow headers twice a minute only
    server.on('connection', (socket: Socket) => this.#hangUpIn(firstRequestMs, socket));
    server.prependListener('connect', (request: IncomingMessage) => this.#take(request));
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#take(request);
      this.#responses.set(request, response);
      this.#latest.set(request.socket, response);
      answerInOurWords(response);
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
    const { socket } = request;
    clearTimeout(this.#deadlines.get(socket));
    const ahead = this.#latest.get(socket);
    if (ahead && !ahead.writableFinished) this.#ahead.set(request, ahead);
    const header = request.headers['proxy-authorization'];
    if (header === undefined) return;
    this.#credentials.set(request, header);
    delete request.headers['proxy-authorization'];
  }

  /** Once it is its turn, so that answers come in the order of the requests. */
  override async onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.#turnOf(request);
    await super.onRequest(request, response);
  }

  /** Without proxy-chain's own way of making tunnels, which takes longer. */
  override async onConnect(request: IncomingMessage, client: Socket, head: Buffer): Promise<void> {
    // now, as a client that has no more to send may have ended by the time that it is read
    if (head.length > 0) client.unshift(head);
    if (this.#ahead.has(request)) {
      await this.#turnOf(request);
      // Node waits for a next request from now on
      client.setTimeout(0);
    }
    try {
      await this.#options.connect(request, client);
    } catch (error) {
      this.failRequest(request, error as Error);
    }
  }

  /** Resolves when what came before on the connection is answered; never, where it is not to be. */
  async #turnOf(request: IncomingMessage): Promise<void> {
    const ahead = this.#ahead.get(request);
    if (!ahead || ahead.writableFinished) return;
    await new Promise<void>((resolve) => ahead.once('finish', resolve));
  }

  #hangUpIn(ms: number, socket: Socket): void {
    clearTimeout(this.#deadlines.get(socket));
    const timer = setTimeout(() => socket.destroy(), ms);
    this.#deadlines.set(socket, timer);
    socket.once('close', () => clearTimeout(timer));
  }

  override failRequest(request: IncomingMessage, error: NodeJS.ErrnoException): void {
    const refusal = this.#refusalFor(error);
    // what is not read when a connection ends makes a reset of its end
    (request.method === 'CONNECT' ? request.socket : request).resume();
    this.#refuse(request.socket, refusal);
  }

  override onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
    // it has its answer, which a reset could take away
    if (socket.writableEnded) return;
    const latest = this.#latest.get(socket);
    const answering = latest?.headersSent && !latest.writableFinished;
    if (error.code === 'ECONNRESET' || !socket.writable || answering) socket.destroy();
    else this.#refuse(socket, new Refusal('malformed_request'));
  }

  #refuse(socket: Socket, refusal: Refusal): void {
    this.#options.onRefused(refusal);
    this.sendSocketResponse(socket, refusal.statusCode, refusal.headers, refusal.message);
    // proxy-chain waits for silence, which a client need not keep
    this.#hangUpIn(lingerMs, socket);
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

/**
 * proxy-chain answers for a target that fails with statuses of its own, 590 to 599, or 404, and with
 * a body that has no code.
 */
function answerInOurWords(response: ServerResponse): void {
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  const end = response.end.bind(response) as (...args: unknown[]) => ServerResponse;
  // a target's answer has its head before its end
  response.end = (...args: unknown[]) => {
    if (response.headersSent) return end(...args);
    const { statusCode, message } = new Refusal('target_unreachable');
    response.statusCode = statusCode;
    return end(message);
  };
  response.writeHead = (status: number, ...rest: unknown[]) =>
    writeHead(status === statusOutOfRange ? 502 : status, ...rest);
}
