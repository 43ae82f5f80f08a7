import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { Logger } from 'pino';
import type { PrepareRequestFunctionOpts, PrepareRequestFunctionResult } from 'proxy-chain';
import { type Admission, type AdmissionOptions, admit } from './admission.ts';
import type { KeyRecord } from './keys/key-lookup.ts';
import type { ProxyServer } from './proxy-server.ts';
import { Refusal } from './refusal.ts';
import { connectTarget } from './targets/dialer.ts';
import type { Target, TargetPolicy } from './targets/target-policy.ts';
import { ConnectedAgent } from './tunnels/connected-agent.ts';
import type { OpenTunnels } from './tunnels/open-tunnels.ts';
import { relay } from './tunnels/relay.ts';
import { resetSocket } from './tunnels/reset-socket.ts';
import { Tunnel, type TunnelOptions } from './tunnels/tunnel.ts';
import { newEventId, type UsageEvent } from './usage/usage-event.ts';

const retryAfterSeconds = 5;
/** What an event says of a client that left before it was answered. */
const clientClosedRequest = 499;
const established = 'HTTP/1.1 200 Connection Established\r\n\r\n';

export interface RequestHandlerOptions extends AdmissionOptions {
  policy: TargetPolicy;
  tunnels: OpenTunnels;
  nodeId: string;
  idleMs: number;
  /** How long resolving and connecting may take together, in ms. */
  connectTimeoutMs: number;
  /** Whether a new tunnel could be metered, and the gateway is not about to end. */
  accepting: () => boolean;
  /** Takes an event; resolves when it is on disk. */
  record: (event: UsageEvent) => Promise<void>;
  onConnected: (setupMs: number) => void;
  log: Logger;
}

/** A request that was let through, and the connection to what it asked for. */
interface Reached {
  admission: Admission;
  target: Socket;
  to: Target;
  begun: number;
}

/**
 * Judges each request, connects its target, and has it metered. A CONNECT is then relayed here; a
 * plain request is forwarded by proxy-chain over the connection that was made for it.
 */
export class RequestHandler {
  readonly #options: RequestHandlerOptions;

  constructor(options: RequestHandlerOptions) {
    this.#options = options;
  }

  /** proxy-chain's `prepareRequestFunction`, for plain requests. Throws a `Refusal`. */
  async prepare(
    server: ProxyServer,
    { request, connectionId }: PrepareRequestFunctionOpts,
  ): Promise<PrepareRequestFunctionResult> {
    const { idleMs } = this.#options;
    const response = server.responseTo(request);
    const client = response ?? request.socket;
    const reached = await this.#reach(server, request, client);
    const { target } = reached;
    client.once('close', () => target.destroy());
    this.#open(reached, request, {
      statusCode: () => (response?.headersSent ? response.statusCode : clientClosedRequest),
      close: () => server.closeConnection(connectionId),
    });
    if (client.destroyed) target.destroy();
    request.rawHeaders = withHost(request);
    target.setTimeout(idleMs, () => target.destroy());
    // Node tells nobody of a target that switches protocols unasked
    target.once('close', () => response?.headersSent || response?.end());
    return { httpAgent: new ConnectedAgent(target) };
  }

  /** Answers a CONNECT and relays what follows. Throws a `Refusal`. */
  async connect(server: ProxyServer, request: IncomingMessage, client: Socket): Promise<void> {
    const reached = await this.#reach(server, request, client);
    const { target } = reached;
    // the client waits for this alone: the rest is done while it reads
    if (client.writable) client.write(established);
    const tunnel = this.#open(reached, request, {
      statusCode: () => 200,
      // neither side is to take this for an end
      close: () => {
        resetSocket(client);
        resetSocket(target);
      },
    });
    relay(client, target, {
      idleMs: this.#options.idleMs,
      beforeEnd: () => tunnel.report(),
    });
    if (client.destroyed) target.destroy();
  }

  /** Lets a request through and connects its target, unless the client leaves. Throws a `Refusal`. */
  async #reach(server: ProxyServer, request: IncomingMessage, client: Writable): Promise<Reached> {
    const { accepting, now, policy, connectTimeoutMs } = this.#options;
    const begun = now();
    if (!accepting()) throw new Refusal('unavailable', { retryAfterSeconds });
    const asked = requestedTarget(request);
    const credentials = server.credentialsOf(request);
    const admission = await admit(credentials, request.socket, this.#options);
    const { key, refusal } = admission;
    const refused = (status: number) =>
      this.#recordRefused(key, request.method ?? 'CONNECT', asked.host, status, begun);
    if (refusal) {
      refused(refusal.statusCode);
      throw refusal;
    }
    const gone = new AbortController();
    const leave = () => gone.abort();
    client.once('close', leave);
    if (client.destroyed) leave();
    try {
      const { socket, target } = await connectTarget(policy, asked.host, asked.port, {
        keyId: key.keyId,
        timeoutMs: connectTimeoutMs,
        signal: gone.signal,
      });
      return { admission, target: socket, to: target, begun };
    } catch (error) {
      refused(error instanceof Refusal ? error.statusCode : clientClosedRequest);
      throw gone.signal.aborted ? new Refusal('target_unreachable') : error;
    } finally {
      client.off('close', leave);
    }
  }

  /** Has what passes through a connection metered, and closed when its key may not be used. */
  #open(
    { admission: { key, entry }, target, to, begun }: Reached,
    { method = 'CONNECT', socket: client }: IncomingMessage,
    answered: Pick<TunnelOptions, 'statusCode' | 'close'>,
  ): Tunnel {
    const { now, keys, ledger, tunnels, nodeId, record, onConnected, log } = this.#options;
    const tunnel = new Tunnel({
      ...answered,
      key,
      client,
      target,
      targetHost: to.host,
      method,
      nodeId,
      now,
      record,
      charge: (apiKeyId, bytes) => ledger.add(apiKeyId, bytes),
    });
    tunnels.add(tunnel, entry);
    target.once('close', () => {
      tunnels.remove(tunnel);
      this.#report(tunnel);
    });
    target.on('error', (error) => log.debug({ reason: error.message }, 'target'));
    // a key that changed while its target was being connected had no tunnel to close yet
    if (keys.peek(key.keyId) !== entry) tunnels.changed(key.keyId);
    onConnected(now() - begun);
    log.debug({ keyId: key.keyId, targetHost: to.host, port: to.port }, 'connected');
    return tunnel;
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

/** Methods whose body Node sends as it is where no length was given. */
const unframed: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/** What the request line asks for, not yet judged. Throws `Refusal('malformed_request')`. */
function requestedTarget(request: IncomingMessage): { host: string; port: number } {
  const { method = '', url = '', headers, httpVersion } = request;
  if (method === 'CONNECT') {
    const [, host, port] = /^([^/@?#\\]+):(\d{1,5})$/.exec(url) ?? [];
    if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
  } else if (
    URL.canParse(url) &&
    (headers.host !== undefined || httpVersion === '1.0') &&
    // proxy-chain takes the chunks' frames off such a body, and Node puts none on
    !(headers['transfer-encoding'] !== undefined && unframed.has(method))
  ) {
    const { hostname, port, username, password } = new URL(url);
    if (hostname && !username && !password) return { host: hostname, port: Number(port || 80) };
  }
  throw new Refusal('malformed_request');
}

/** The headers of a plain request with the host that it is sent to: RFC 9112, 3.2.2. */
function withHost({ rawHeaders, url = '' }: IncomingMessage): string[] {
  const others = rawHeaders.filter((_, index) => {
    return rawHeaders[index - (index % 2)]?.toLowerCase() !== 'host';
  });
  return ['Host', new URL(url).host, ...others];
}
