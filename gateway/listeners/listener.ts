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
  /** The certificate for TLS; null for clear text. */
  certificates: Certificates | null;
  /** The addresses of load balancers whose connections start with the PROXY protocol's header. */
  proxyProtocolFrom: ClientRanges;
  /** How long the header and the handshake may each take, in ms. */
  stepMs: number;
  connections: ClientConnections;
  dropped: DroppedConnections;
  /** Takes a connection from which requests may be read. */
  take: (connection: ClientConnection) => void;
  /** A connection was rejected, as there are too many. Its answer has the id. */
  onRefused: (refusal: Refusal, id: string) => void;
}

/**
 * A port that clients connect to: accepts connections within the limits, reads the client's address
 * from load balancers, and does the TLS handshake on a TLS port.
 */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #handshakes: TlsHandshakes | null;

  constructor(options: ListenerOptions) {
    const { certificates, stepMs } = options;
    this.#options = options;
    this.#handshakes = certificates && new TlsHandshakes({ certificates, deadlineMs: stepMs });
    // as in an HTTP server: each side may close its half
    this.#server = createServer({ allowHalfOpen: true, noDelay: true });
    this.#server.on('connection', (socket) => this.#accept(socket));
  }

  /** Starts to listen. Rejects with the error of the address or port. */
  async listen(): Promise<void> {
    const { host, port, reusePort = false } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, reusePort }, resolve);
    });
    // from here on, errors are about connections that could not be accepted
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
    // without ranges, no address is read
    else if (proxyProtocolFrom.length > 0 && permitsClient(proxyProtocolFrom, socket)) {
      this.#identify(connection);
    } else this.#secure(connection);
  }

  /** Reads the client's address from a load balancer's header. */
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

  /** Checks the limit of the client's address, then does the handshake if this port is for TLS. */
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
    // an answer would need a handshake, which costs more than accepting the connection
    if (this.#handshakes) socket.destroy();
    else {
      socket.end(refusal.answer(id));
      socket.resume();
      socket.destroySoon();
    }
  }
}
