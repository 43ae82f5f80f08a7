import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { ClientConnection } from '../clients/client-connection.ts';
import type { ClientConnections } from '../clients/client-connections.ts';
import { type ClientRanges, permitsClient } from '../keys/client-ranges.ts';
import { Refusal } from '../refusal.ts';
import { newEventId } from '../usage/usage-event.ts';
import { readAnnouncement } from './announced-client.ts';
import type { Certificates } from './certificates.ts';
import type { DroppedConnections, DropReason } from './dropped-connections.ts';
import { TlsHandshakes } from './tls-handshakes.ts';

export interface ListenerOptions {
  host: string;
  port: number;
  /** Whether other processes may listen on the same port, and share its connections. */
  reusePort?: boolean | undefined;
  /** What a connection is secured with; null for clear text. */
  certificates: Certificates | null;
  /** Where the load balancers are whose connections begin with a header of the PROXY protocol. */
  proxyProtocolFrom: ClientRanges;
  /** How long the header may take, and how long the handshake, in ms. */
  stepMs: number;
  connections: ClientConnections;
  dropped: DroppedConnections;
  /** Takes a connection from which requests may be read. */
  take: (connection: ClientConnection) => void;
  /** A connection was turned away: there are too many. Its answer has the id. */
  onRefused: (refusal: Refusal, id: string) => void;
}

/**
 * A port that clients connect to: takes their connections within their bounds, learns from load
 * balancers who their clients are, and secures what is to be secured.
 */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #handshakes: TlsHandshakes | null;

  constructor(options: ListenerOptions) {
    const { certificates, stepMs } = options;
    this.#options = options;
    this.#handshakes = certificates && new TlsHandshakes({ certificates, deadlineMs: stepMs });
    // as of an HTTP server: each side may end by itself
    this.#server = createServer({ allowHalfOpen: true, noDelay: true });
    this.#server.on('connection', (socket) => this.#accept(socket));
  }

  /** Begins to listen. Rejects with the error of the address or port. */
  async listen(): Promise<void> {
    const { host, port, reusePort = false } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, reusePort }, resolve);
    });
    // from here on an error is of a connection that could not be taken
    this.#server.removeAllListeners('error').on('error', () => {});
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Takes no more connections. Resolves when those that are open have ended. */
  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    const { connections, proxyProtocolFrom } = this.#options;
    socket.on('error', () => {});
    const connection = connections.open(socket);
    if (!connection) this.#turnAway(socket);
    // without ranges nobody is asked for an address
    else if (proxyProtocolFrom.length > 0 && permitsClient(proxyProtocolFrom, socket)) {
      this.#identify(connection);
    } else this.#secure(connection);
  }

  /** Has a load balancer say who the client is. */
  #identify(connection: ClientConnection): void {
    const { socket } = connection;
    readAnnouncement(socket, this.#options.stepMs, (read) => {
      if ('failure' in read) this.#drop(socket, read.failure);
      else {
        connection.announce(read.address, read.length);
        this.#secure(connection);
      }
    });
  }

  /** Within the bounds of its client's address, has a handshake made where this port is for TLS. */
  #secure(connection: ClientConnection): void {
    const { connections, take } = this.#options;
    const { socket } = connection;
    if (!connections.admit(connection)) this.#turnAway(socket);
    else if (this.#handshakes) {
      this.#handshakes.begin(socket, (secured) => {
        if (typeof secured === 'string') this.#drop(socket, secured);
        else {
          connections.secure(connection, secured);
          take(connection);
        }
      });
    } else {
      take(connection);
      // a header was read from it
      if (socket.isPaused()) socket.resume();
    }
  }

  #drop(socket: Socket, reason: DropReason): void {
    this.#options.dropped.add(reason, socket.remoteAddress);
    socket.destroy();
  }

  #turnAway(socket: Socket): void {
    const refusal = new Refusal('unavailable', { error: 'connection_limit_reached' });
    const id = newEventId();
    this.#options.onRefused(refusal, id);
    // an answer would take a handshake, which costs more than a connection that is let in
    if (this.#handshakes) socket.destroy();
    else {
      socket.end(refusal.answer(id));
      socket.resume();
      socket.destroySoon();
    }
  }
}
