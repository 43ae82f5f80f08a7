import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Descriptors } from '../descriptors.ts';
import { ClientConnection } from './client-connection.ts';
import { UnprovenConnections } from './unproven-connections.ts';

export interface ClientConnectionsOptions {
  descriptors: Descriptors;
  /** How many connections one address may have open before they prove a key. */
  mostUnproven: number;
  /** See `ClientConnection`. */
  longestLingerMs?: number | undefined;
  log: Pick<Logger, 'warn'>;
}

/** At most one rejected connection is logged in this time, in ms. */
const logEveryMs = 10_000;
/** How often a shutdown checks whether clients are waiting, in ms. */
const lookEveryMs = 20;

/** All client connections, limited in total, and per address until they prove a key. */
export class ClientConnections {
  readonly #options: ClientConnectionsOptions;
  readonly #all = new Set<ClientConnection>();
  readonly #bySocket = new WeakMap<Socket, ClientConnection>();
  readonly #unproven: UnprovenConnections;
  #turnedAway = 0;
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ClientConnectionsOptions) {
    this.#options = options;
    this.#unproven = new UnprovenConnections(options.mostUnproven);
  }

  get count(): number {
    return this.#all.size;
  }

  /** Takes a new connection; null if there are too many. Call `admit` next. */
  open(socket: Socket): ClientConnection | null {
    const { descriptors } = this.#options;
    if (!descriptors.take('client')) return this.#turnAway('too many connections');
    const connection = new ClientConnection(socket, this.#options.longestLingerMs);
    this.#all.add(connection);
    this.#bySocket.set(socket, connection);
    socket.once('close', () => {
      descriptors.release('client');
      this.#all.delete(connection);
      this.#unproven.remove(connection);
      if (connection.socket === socket) connection.onGone?.();
    });
    return connection;
  }

  /** Counts it for its client's address, once that is known; false if the address has too many. */
  admit(connection: ClientConnection): boolean {
    if (this.#unproven.add(connection)) return true;
    this.#turnAway('too many connections without a key', connection.address);
    return false;
  }

  /** Reads requests from the TLS socket that is now on it. */
  secure(connection: ClientConnection, socket: Socket): void {
    connection.socket = socket;
    this.#bySocket.set(socket, connection);
    socket.once('close', () => connection.onGone?.());
  }

  of(socket: Socket): ClientConnection | undefined {
    return this.#bySocket.get(socket);
  }

  /** Notes that it has proved to hold a key: its address may open another connection. */
  prove(connection: ClientConnection): void {
    if (connection.proven) return;
    connection.proven = true;
    this.#unproven.remove(connection);
  }

  /**
   * Resolves when no client waits for an answer. A client that connected less than `firstRequestMs`
   * ago counts as waiting: its request is on the way.
   */
  async quiet(firstRequestMs: number): Promise<void> {
    const waits = ({ busy, used, openedAt }: ClientConnection) =>
      busy || (!used && performance.now() - openedAt < firstRequestMs);
    while ([...this.#all].some(waits)) await sleep(lookEveryMs, undefined, { ref: false });
  }

  closeAll(): void {
    for (const { socket } of this.#all) socket.destroy();
  }

  #turnAway(why: string, address?: string): null {
    this.#turnedAway += 1;
    const at = performance.now();
    if (at - this.#loggedAt < logEveryMs) return null;
    this.#loggedAt = at;
    this.#options.log.warn({ address, turnedAway: this.#turnedAway, open: this.count }, why);
    return null;
  }
}
