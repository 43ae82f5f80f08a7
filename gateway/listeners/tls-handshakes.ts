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

/** Makes TLS of TCP connections, with the certificate of the moment. */
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
    // what is open keeps the context that it began with
    certificates.onChange(() => this.#server.setSecureContext(context()));
    this.#server.on('secureConnection', (socket) => {
      // of TLS 1.2: each costs a signature, and no client needs one
      socket.disableRenegotiation();
      socket.allowHalfOpen = true;
      this.#finish(carrierOf(socket), socket);
    });
    this.#server.on('tlsClientError', (_, socket) => {
      this.#finish(carrierOf(socket), 'tls_handshake_failed');
      socket.destroy();
    });
  }

  /** Begins the handshake on a connection, with what is unread on it. `done` is called once. */
  begin(carrier: Socket, done: (handshake: Handshake) => void): void {
    const late = () => this.#finish(carrier, 'tls_handshake_late');
    const deadline = setTimeout(late, this.#deadlineMs);
    this.#underWay.set(carrier, (handshake) => {
      clearTimeout(deadline);
      done(handshake);
    });
    // nobody finishes a handshake after the end of sending; TLS takes this from its carrier
    carrier.allowHalfOpen = false;
    // Node's own way to have TLS on a connection that is there already
    this.#server.emit('connection', carrier);
  }

  #finish(carrier: Socket, handshake: Handshake): void {
    const done = this.#underWay.get(carrier);
    this.#underWay.delete(carrier);
    done?.(handshake);
  }
}
