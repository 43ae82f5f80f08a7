import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { carrierOf } from '../clients/carrier.ts';
import type { Certificates } from './certificates.ts';
import type { DropReason } from './dropped-connections.ts';

export interface TlsHandshakesOptions {
  certificates: Certificates;
  /** How long one may take, in ms. */
  deadlineMs: number;
}

/** The secured connection, or why the handshake failed. */
export type Handshake = TLSSocket | Extract<DropReason, `tls_${string}`>;

/** Starts TLS on TCP connections, with the current certificate. */
export class TlsHandshakes {
  readonly #deadlineMs: number;
  readonly #server: Server;
  readonly #underWay = new WeakMap<Socket, (handshake: Handshake) => void>();

  constructor({ certificates, deadlineMs }: TlsHandshakesOptions) {
    this.#deadlineMs = deadlineMs;
    const context = () => ({
      ...certificates.current.pem,
      minVersion: 'TLSv1.2' as const,
    });
    this.#server = createServer({ ...context(), ALPNProtocols: ['http/1.1'] });
    // open connections keep the context that they started with
    certificates.onChange(() => this.#server.setSecureContext(context()));
    this.#server.on('secureConnection', (socket) => {
      // in TLS 1.2: each renegotiation costs a signature, and no client needs one
      socket.disableRenegotiation();
      socket.allowHalfOpen = true;
      this.#finish(carrierOf(socket), socket);
    });
    this.#server.on('tlsClientError', (_, socket) => {
      this.#finish(carrierOf(socket), 'tls_handshake_failed');
      socket.destroy();
    });
  }

  /** Starts the handshake on a connection, with its unread data. `done` is called once. */
  begin(carrier: Socket, done: (handshake: Handshake) => void): void {
    const late = () => this.#finish(carrier, 'tls_handshake_late');
    const deadline = setTimeout(late, this.#deadlineMs);
    this.#underWay.set(carrier, (handshake) => {
      clearTimeout(deadline);
      done(handshake);
    });
    // a client that has closed its half cannot finish a handshake; TLS takes this option from its
    // carrier
    carrier.allowHalfOpen = false;
    // Node's own way to start TLS on an existing connection
    this.#server.emit('connection', carrier);
  }

  #finish(carrier: Socket, handshake: Handshake): void {
    const done = this.#underWay.get(carrier);
    this.#underWay.delete(carrier);
    done?.(handshake);
  }
}
