import type { Logger } from 'pino';

/** Why a connection was closed before a request could be read from it. */
export type DropReason =
  | 'proxy_header_missing'
  | 'proxy_header_malformed'
  | 'proxy_header_cut'
  | 'proxy_header_late'
  | 'tls_handshake_failed'
  | 'tls_handshake_late';

/** At most one dropped connection is logged in this time, in ms. */
const logEveryMs = 10_000;

/** Counts connections that end before HTTP starts, and logs those that an operator can fix. */
export class DroppedConnections {
  readonly #count: (reason: DropReason) => void;
  #headers = 0;
  readonly #log: Pick<Logger, 'warn'>;
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(log: Pick<Logger, 'warn'>, count: (reason: DropReason) => void) {
    this.#count = count;
    this.#log = log;
  }

  /** Counts one. `peer`: the address that the connection came from, which may be a load balancer. */
  add(reason: DropReason, peer: string | undefined): void {
    this.#count(reason);
    // strangers fail handshakes all day; an operator can correct a load balancer's header
    if (!reason.startsWith('proxy_header')) return;
    this.#headers += 1;
    const at = performance.now();
    if (at - this.#loggedAt < logEveryMs) return;
    this.#loggedAt = at;
    this.#log.warn({ reason, peer, dropped: this.#headers }, 'no valid PROXY protocol header');
  }
}
