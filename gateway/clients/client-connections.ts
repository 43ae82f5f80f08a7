import type { Socket } from 'node:net';
import { isIPv4 } from 'node:net';
import type { Logger } from 'pino';
import type { Descriptors } from '../descriptors.ts';
import { ClientConnection } from './client-connection.ts';

export interface ClientConnectionsOptions {
  descriptors: Descriptors;
  /** Connections of one address that have proved no key yet. */
  mostUnproven: number;
  log: Logger;
}

/** The log has one line per this time, in ms, however many connections are turned away. */
const logEveryMs = 10_000;

/** The connections of clients, with a bound for each address until a key is proved, and for all. */
export class ClientConnections {
  readonly #options: ClientConnectionsOptions;
  readonly #all = new Map<Socket, ClientConnection>();
  readonly #unproven = new Map<string, number>();
  #turnedAway = 0;
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ClientConnectionsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#all.size;
  }

  /** Takes a new connection; null where there are too many. */
  open(socket: Socket): ClientConnection | null {
    const { descriptors, mostUnproven } = this.#options;
    const address = countedAddress(socket.remoteAddress ?? '');
    const unproven = this.#unproven.get(address) ?? 0;
    if (unproven >= mostUnproven) return this.#turnAway('connections without a key', address);
    if (!descriptors.take('client')) return this.#turnAway('connections');
    this.#unproven.set(address, unproven + 1);
    const connection = new ClientConnection(socket, address);
    this.#all.set(socket, connection);
    socket.once('close', () => {
      this.#all.delete(socket);
      descriptors.release();
      if (!connection.proven) this.#forget(address);
    });
    return connection;
  }

  of(socket: Socket): ClientConnection | undefined {
    return this.#all.get(socket);
  }

  /** It has proved to hold a key: its address may open another. */
  prove(connection: ClientConnection): void {
    if (connection.proven) return;
    connection.proven = true;
    this.#forget(connection.countedUnder);
  }

  closeAll(): void {
    for (const socket of this.#all.keys()) socket.destroy();
  }

  #forget(address: string): void {
    const left = (this.#unproven.get(address) ?? 1) - 1;
    if (left > 0) this.#unproven.set(address, left);
    else this.#unproven.delete(address);
  }

  #turnAway(what: string, address?: string): null {
    this.#turnedAway += 1;
    const at = performance.now();
    if (at - this.#loggedAt < logEveryMs) return null;
    this.#loggedAt = at;
    const { log } = this.#options;
    log.warn({ address, turnedAway: this.#turnedAway, open: this.count }, `too many ${what}`);
    return null;
  }
}

/** An address as it is counted: of IPv6 the network of 64 bits, of which one client has all. */
function countedAddress(address: string): string {
  const mapped = address.startsWith('::ffff:') ? address.slice(7) : address;
  if (isIPv4(mapped)) return mapped;
  // the socket's own spelling is canonical, with at most one ::
  const [head = '', tail] = address.split('::');
  const first = head.split(':');
  const missing = tail === undefined ? 0 : 8 - first.length - tail.split(':').length;
  return [...first, ...Array<string>(Math.max(0, missing)).fill('0')].slice(0, 4).join(':');
}
