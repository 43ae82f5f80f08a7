import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { ClientConnections } from '../clients/client-connections.ts';
import { firstValue } from '../forwarding/end-to-end-headers.ts';
import { forwardRequest } from '../forwarding/forward-request.ts';
import { parseCredentials } from '../keys/credentials.ts';
import { type FailureCode, Refusal } from '../refusal.ts';
import type { RefusedRequest, Session } from '../session.ts';
import type { Dialer } from '../targets/dialer.ts';
import { canonicalHost } from '../targets/target-policy.ts';
import type { OpenTunnels } from '../tunnels/open-tunnels.ts';
import { relay } from '../tunnels/relay.ts';
import { resetSocket } from '../tunnels/reset-socket.ts';
import { Tunnel } from '../tunnels/tunnel.ts';
import { answerOwnKey, isForOwnKey } from './own-key-request.ts';
import type { ProxyRequest } from './proxy-request.ts';
import { type RequestedTarget, requestedTarget } from './requested-target.ts';

const retryAfterSeconds = 5;

export interface RequestHandlerOptions {
  session: Session;
  connections: ClientConnections;
  dialer: Dialer;
  tunnels: OpenTunnels;
  nodeId: string;
  /** The gateway's name in `Via` headers of what it forwards; undefined for no `Via`. */
  via: string | undefined;
  /** Whether clients should switch to another gateway. */
  leaving: () => boolean;
  /** Whether the gateway is about to stop. */
  stopping: () => boolean;
  /** Monotonic, in ms. */
  now: () => number;
  log: Logger;
}

/** The steps of a request: parse, admit, connect, relay or forward, record. */
export class RequestHandler {
  readonly #options: RequestHandlerOptions;

  constructor(options: RequestHandlerOptions) {
    this.#options = options;
  }

  /** Serves one request until the head of its answer is sent. Never rejects. */
  async serve(request: ProxyRequest): Promise<void> {
    const { connection, giveUp } = request;
    connection.onGone = () => giveUp.abort();
    try {
      if (this.#options.stopping()) throw new Refusal('unavailable', { retryAfterSeconds });
      if (isForOwnKey(request.message)) return await answerOwnKey(request, this.#options);
      request.asked = requestedTarget(request.message);
      await this.#admit(request);
      const target = await this.#connect(request);
      const tunnel = this.#meter(request, target);
      if (request.method === 'CONNECT') this.#establish(request, target, tunnel);
      else await forwardRequest(request, this.#forwarding(tunnel));
    } catch (error) {
      await this.#refuse(request, error as Error);
    } finally {
      connection.onGone = undefined;
    }
  }

  async #admit(request: ProxyRequest): Promise<void> {
    const { connections, session } = this.#options;
    const header = firstValue(request.message.rawHeaders, 'proxy-authorization');
    const credentials = parseCredentials(header);
    if (!credentials) throw new Refusal('credentials_required');
    const admission = await session.admit(credentials, request.connection);
    connections.prove(request.connection);
    request.key = admission.key;
    request.admission = admission;
    if (admission.refusal) throw admission.refusal;
  }

  async #connect(request: ProxyRequest): Promise<Socket> {
    const { dialer, session } = this.#options;
    const { admission, asked, giveUp } = request;
    if (!admission || !asked) throw new Error('a request is connected once it is admitted');
    const { key } = admission;
    try {
      const { socket, target } = await dialer.connect(asked, key.keyId, giveUp);
      request.socket = socket;
      request.target = target;
      return socket;
    } catch (error) {
      session.release(key);
      throw error;
    }
  }

  /** Meters the connection, and has it closed when its key may no longer be used. */
  #meter(request: ProxyRequest, target: Socket): Tunnel {
    const { session, tunnels, nodeId, now, log } = this.#options;
    const { admission, id, connection, client, method } = request;
    if (!admission) throw new Error('a request is metered once it is admitted');
    const { key } = admission;
    const tunnel = new Tunnel({
      id,
      key,
      client: connection,
      target,
      targetHost: request.target?.host ?? '',
      method,
      outcome: () => request.outcome,
      nodeId,
      now,
      session,
      // neither side must take this for a clean close
      close: () => {
        resetSocket(client);
        resetSocket(target);
      },
    });
    tunnels.add(tunnel);
    target.once('close', () => {
      session.release(key);
      tunnels.remove(tunnel);
      tunnel
        .report()
        .catch((error: Error) => log.error({ reason: error.message }, 'a report was not spooled'));
    });
    target.on('error', (error) =>
      log.debug({ id, reason: error.message }, 'target connection failed'),
    );
    session.opened(admission, now() - request.begunAt);
    log.debug({ id, keyId: key.keyId, targetHost: request.target?.host }, 'connected');
    return tunnel;
  }

  #establish(request: ProxyRequest, target: Socket, tunnel: Tunnel): void {
    const { client, id } = request;
    request.outcome = { statusCode: 200 };
    if (client.writable) {
      client.write(
        `HTTP/1.1 200 Connection Established\r\nProxy-Request-Id: ${id}\r\n\r\n`,
        'latin1',
      );
    }
    relay(client, target, { beforeEnd: () => tunnel.report() });
    if (client.destroyed) target.destroy();
  }

  #forwarding(tunnel: Tunnel) {
    const { via, leaving } = this.#options;
    return { via, leaving, beforeEnd: () => tunnel.report() };
  }

  /** Answers with a refusal, and records it for the request's key. */
  async #refuse(request: ProxyRequest, error: Error): Promise<void> {
    const { session, log } = this.#options;
    const { connection, client, message, response, key } = request;
    if (!(error instanceof Refusal) && !request.giveUp.signal.aborted) {
      log.error({ id: request.id, error: error.stack }, 'a request failed unexpectedly');
    }
    const refusal = error instanceof Refusal ? error : new Refusal('internal');
    const left = client.destroyed;
    const code = left ? 'client_closed_request' : refusal.code;
    const statusCode = left ? 499 : refusal.statusCode;
    let { id } = request;
    // a request with a tunnel is reported by the tunnel
    if (request.socket) resetSocket(request.socket);
    else if (request.admission)
      id = await session.refuse(this.#refused(request, request.admission.key.id, code, statusCode));
    // strangers cannot fill the log
    log[key && !left ? 'info' : 'debug']({ id, code, keyId: key?.keyId }, 'refused');
    if (left) return;
    session.answered(refusal.code, refusal.statusCode);
    connection.refuse(refusal, id, response && message);
  }

  #refused(
    request: ProxyRequest,
    apiKeyId: string,
    code: FailureCode,
    statusCode: number,
  ): RefusedRequest {
    const { id, method, asked, begunAt } = request;
    return {
      id,
      apiKeyId,
      code,
      statusCode,
      method,
      targetHost: asked ? hostOf(asked) : '-',
      durationMs: Math.round(this.#options.now() - begunAt),
    };
  }
}

/** The host as a tunnel to it is recorded; an invalid host as its client wrote it. */
function hostOf({ host }: RequestedTarget): string {
  try {
    return canonicalHost(host);
  } catch {
    return host.toLowerCase().slice(0, 255);
  }
}
