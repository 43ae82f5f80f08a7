import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { type AdmissionOptions, admit } from '../admission.ts';
import type { ClientConnections } from '../clients/client-connections.ts';
import { firstValue } from '../forwarding/end-to-end-headers.ts';
import { forwardRequest } from '../forwarding/forward-request.ts';
import { Refusal } from '../refusal.ts';
import type { Dialer } from '../targets/dialer.ts';
import type { OpenTunnels } from '../tunnels/open-tunnels.ts';
import { relay } from '../tunnels/relay.ts';
import { resetSocket } from '../tunnels/reset-socket.ts';
import { Tunnel } from '../tunnels/tunnel.ts';
import type { RefusedRequests } from '../usage/refused-requests.ts';
import type { UsageEvent } from '../usage/usage-event.ts';
import type { ProxyRequest } from './proxy-request.ts';
import { requestedTarget } from './requested-target.ts';

const retryAfterSeconds = 5;

export interface RequestHandlerOptions extends AdmissionOptions {
  connections: ClientConnections;
  dialer: Dialer;
  tunnels: OpenTunnels;
  refused: RefusedRequests;
  nodeId: string;
  /** How the gateway is named in `Via` of what it forwards; undefined for not at all. */
  via: string | undefined;
  /** Whether a new tunnel could be metered, and the gateway is not about to end. */
  accepting: () => boolean;
  /** The database's clock, in ms since 1970. */
  clock: () => number;
  /** Takes an event; resolves when it is on disk. */
  record: (event: UsageEvent) => Promise<void>;
  onConnected: (setupMs: number) => void;
  onRefused: (code: string, statusCode: number) => void;
  log: Logger;
}

/** The way of a request: parse, admit, connect, relay or forward, record. */
export class RequestHandler {
  readonly #options: RequestHandlerOptions;

  constructor(options: RequestHandlerOptions) {
    this.#options = options;
  }

  /** Serves one request to the end of its answer's head. Never rejects. */
  async serve(request: ProxyRequest): Promise<void> {
    const { connection, giveUp } = request;
    connection.onGone = () => giveUp.abort();
    try {
      if (!this.#options.accepting()) throw new Refusal('unavailable', { retryAfterSeconds });
      request.asked = requestedTarget(request.message);
      await this.#admit(request);
      const target = await this.#connect(request);
      const tunnel = this.#meter(request, target);
      if (request.method === 'CONNECT') this.#establish(request, target, tunnel);
      else await forwardRequest(request, this.#forwarding(tunnel));
    } catch (error) {
      this.#refuse(request, error as Error);
    } finally {
      connection.onGone = undefined;
    }
  }

  async #admit(request: ProxyRequest): Promise<void> {
    const { connections } = this.#options;
    const header = firstValue(request.message.rawHeaders, 'proxy-authorization');
    const { key, entry, refusal } = await admit(header, request.connection, this.#options);
    connections.prove(request.connection);
    request.key = key;
    request.entry = entry;
    if (refusal) throw refusal;
  }

  async #connect(request: ProxyRequest): Promise<Socket> {
    const { dialer, slots } = this.#options;
    const { key, asked, giveUp } = request;
    if (!key || !asked) throw new Error('a request is connected once it is admitted');
    const { keyId } = key;
    try {
      const { socket, target } = await dialer.connect(asked, keyId, giveUp);
      request.socket = socket;
      request.target = target;
      return socket;
    } catch (error) {
      slots.release(keyId);
      throw error;
    }
  }

  /** Has what passes through the connection metered, and closed when its key may not be used. */
  #meter(request: ProxyRequest, target: Socket): Tunnel {
    const { keys, ledger, slots, tunnels, nodeId, now, clock, record, onConnected, log } =
      this.#options;
    const { key, entry, id, connection, client, method } = request;
    if (!key || !entry) throw new Error('a request is metered once it is admitted');
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
      clock,
      record,
      charge: (apiKeyId, bytes) => ledger.add(apiKeyId, bytes),
      // neither side is to take this for an end
      close: () => {
        resetSocket(client);
        resetSocket(target);
      },
    });
    tunnels.add(tunnel, entry);
    target.once('close', () => {
      slots.release(key.keyId);
      tunnels.remove(tunnel);
      tunnel.report().catch((error: Error) => log.error({ reason: error.message }, 'not spooled'));
    });
    target.on('error', (error) => log.debug({ id, reason: error.message }, 'target'));
    // a key that changed while its target was being connected had no tunnel to close yet
    if (keys.peek(key.keyId) !== entry) tunnels.changed(key.keyId);
    onConnected(now() - request.begunAt);
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
    return { via: this.#options.via, beforeEnd: () => tunnel.report() };
  }

  /** Answers with a refusal, and records what a key was refused. */
  #refuse(request: ProxyRequest, error: Error): void {
    const { refused, onRefused, log } = this.#options;
    const { connection, client, message, response, key } = request;
    if (!(error instanceof Refusal) && !request.giveUp.signal.aborted) {
      log.error({ id: request.id, error: error.stack }, 'a request failed unexpectedly');
    }
    const refusal = error instanceof Refusal ? error : new Refusal('internal');
    const left = client.destroyed;
    const code = left ? 'client_closed_request' : refusal.code;
    const statusCode = left ? 499 : refusal.statusCode;
    let { id } = request;
    // what has a tunnel is reported by it
    if (!request.socket) id = refused.add(request, code, statusCode);
    else resetSocket(request.socket);
    // strangers cannot fill the log
    log[key && !left ? 'info' : 'debug']({ id, code, keyId: key?.keyId }, 'refused');
    if (left) return;
    onRefused(refusal.code, refusal.statusCode);
    connection.refuse(refusal, id, response && message);
  }
}
