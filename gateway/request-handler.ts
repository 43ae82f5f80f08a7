import { Agent, createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { PrepareRequestFunctionOpts, PrepareRequestFunctionResult } from 'proxy-chain';
import { type AdmissionOptions, admit } from './admission.ts';
import { connectTarget } from './dialer.ts';
import type { KeyRecord } from './key-lookup.ts';
import type { OpenTunnels } from './open-tunnels.ts';
import type { ProxyServer } from './proxy-server.ts';
import { Refusal } from './refusal.ts';
import { relay } from './relay.ts';
import type { TargetPolicy } from './target-policy.ts';
import { Tunnel } from './tunnel.ts';
import { newEventId, type UsageEvent } from './usage-event.ts';

/** How long resolving and connecting may take together, in ms. */
const connectTimeoutMs = 15_000;
const retryAfterSeconds = 5;
/** What an event says of a client that left before it was answered. */
const clientClosedRequest = 499;

export interface RequestHandlerOptions extends AdmissionOptions {
  policy: TargetPolicy;
  tunnels: OpenTunnels;
  nodeId: string;
  idleMs: number;
  /** Monotonic, in ms. */
  now: () => number;
  /** Whether a new tunnel could be metered, and the gateway is not about to end. */
  accepting: () => boolean;
  /** Takes an event; resolves when it is on disk. */
  record: (event: UsageEvent) => Promise<void>;
  onConnected: (setupMs: number) => void;
  log: Logger;
}

/** A tunnel whose target is connected and whose client is about to be told. */
interface Connected {
  target: Socket;
  tunnel: Tunnel;
}

/**
 * Judges each request, connects its target, and has it metered. A CONNECT is then relayed here; a
 * plain request is forwarded by proxy-chain over the connection that was made for it.
 */
export class RequestHandler {
  readonly #options: RequestHandlerOptions;
  readonly #connected = new WeakMap<Socket, Connected>();
  /** proxy-chain hands the client of an accepted CONNECT to a server: this one relays. */
  readonly #relays: Server = createServer().removeAllListeners('connection');

  constructor(options: RequestHandlerOptions) {
    this.#options = options;
    this.#relays.on('connection', (client: Socket) => this.#relay(client));
  }

  /** proxy-chain's `prepareRequestFunction`. Throws a `Refusal`. */
  async prepare(
    server: ProxyServer,
    { request, connectionId, isHttp }: PrepareRequestFunctionOpts,
  ): Promise<PrepareRequestFunctionResult> {
    const { accepting, now, policy, keys, tunnels, nodeId, record, onConnected } = this.#options;
    const begun = now();
    if (!accepting()) throw new Refusal('unavailable', { retryAfterSeconds });
    const asked = requestedTarget(request);
    const header = server.credentialsOf(request);
    const { key, entry, refusal } = await admit(header, this.#options);
    const refused = (status: number) =>
      this.#recordRefused(key, request.method ?? 'CONNECT', asked.host, status, begun);
    if (refusal) {
      refused(refusal.statusCode);
      throw refusal;
    }

    const response = server.responseTo(request);
    const client = response ?? request.socket;
    const gone = new AbortController();
    const leave = () => gone.abort();
    client.once('close', leave);
    const { socket: target, target: reached } = await connectTarget(
      policy,
      asked.host,
      asked.port,
      {
        timeoutMs: connectTimeoutMs,
        signal: gone.signal,
      },
    ).catch((error: unknown) => {
      refused(error instanceof Refusal ? error.statusCode : clientClosedRequest);
      throw gone.signal.aborted ? new Refusal('target_unreachable') : error;
    });
    client.off('close', leave);
    client.once('close', () => target.destroy());

    const tunnel = new Tunnel({
      key,
      target,
      targetHost: reached.host,
      method: request.method ?? 'CONNECT',
      statusCode: () =>
        response === undefined || response.headersSent
          ? (response?.statusCode ?? 200)
          : clientClosedRequest,
      nodeId,
      now,
      record,
      charge: (apiKeyId, bytes) => this.#options.ledger.add(apiKeyId, bytes),
      close: () => server.closeConnection(connectionId),
    });
    tunnels.add(tunnel);
    target.once('close', () => {
      tunnels.remove(tunnel);
      this.#report(tunnel);
    });
    target.on('error', (error) => this.#options.log.debug({ reason: error.message }, 'target'));
    if (client.destroyed) target.destroy();
    // a key that changed while its target was being connected had no tunnel to close yet
    if (keys.peek(key.keyId) !== entry) tunnels.changed(key.keyId);
    onConnected(now() - begun);
    this.#options.log.debug(
      { keyId: key.keyId, targetHost: reached.host, port: reached.port },
      'connected',
    );

    if (isHttp) {
      target.setTimeout(this.#options.idleMs, () => target.destroy());
      return { httpAgent: new ConnectedAgent(target) };
    }
    this.#connected.set(request.socket, { target, tunnel });
    return { customConnectServer: this.#relays };
  }

  #relay(client: Socket): void {
    const connected = this.#connected.get(client);
    if (!connected) return;
    const { target, tunnel } = connected;
    relay(client, target, {
      idleMs: this.#options.idleMs,
      beforeEnd: () => tunnel.report().catch(() => {}),
    });
  }

  #report(tunnel: Tunnel): void {
    tunnel.report().catch((error: Error) => {
      this.#options.log.error({ reason: error.message }, 'an event was not spooled');
    });
  }

  #recordRefused(
    key: KeyRecord,
    method: string,
    host: string,
    status: number,
    begun: number,
  ): void {
    const { now, nodeId, record, log } = this.#options;
    const durationMs = Math.round(now() - begun);
    const event: UsageEvent = {
      eventId: newEventId(),
      apiKeyId: key.id,
      occurredAt: new Date(Date.now() - durationMs).toISOString(),
      targetHost: host.toLowerCase().slice(0, 255),
      method,
      statusCode: status,
      bytesSent: 0,
      bytesReceived: 0,
      durationMs,
      servedByNodeId: nodeId,
    };
    record(event).catch((error: Error) => {
      log.error({ reason: error.message }, 'an event was not spooled');
    });
  }
}

/** What the request line asks for, not yet judged. Throws `Refusal('malformed_request')`. */
function requestedTarget({ method, url = '' }: IncomingMessage): { host: string; port: number } {
  if (method === 'CONNECT') {
    const [, host, port] = /^([^/@?#\\]+):(\d{1,5})$/.exec(url) ?? [];
    if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
  } else if (URL.canParse(url)) {
    const { hostname, port, username, password } = new URL(url);
    if (hostname && !username && !password) return { host: hostname, port: Number(port || 80) };
  }
  throw new Refusal('malformed_request');
}

/** Gives the one request that it is made for a socket that is connected already. */
class ConnectedAgent extends Agent {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super({ keepAlive: false });
    this.#socket = socket;
  }

  override createConnection(): Socket {
    return this.#socket;
  }
}
