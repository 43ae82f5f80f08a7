import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Descriptors } from '../descriptors.ts';
import { ClientConnection } from './client-connection.ts';
import { UnprovenConnections } from './unproven-connections.ts';

export interface ClientConnectionsOptions {
  descriptors: Descriptors;
  /** Connections of one address that have proved no key yet. */
  mostUnproven: number;
  /** See `ClientConnection`. */
  longestLingerMs?: number | undefined;
  log: Pick<Logger, 'warn'>;
}

/** The log has one line per this time, in ms, however many connections are turned away. */
const logEveryMs = 10_000;
/** How often a stop looks whether clients wait, in ms. */
const lookEveryMs = 20;

/** The connections of clients, with a bound for each address until a key is proved, and for all. */
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

  /** Takes a new connection; null where there are too many. `admit` comes next. */
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

  /** Counts it for its client's address, once that is known; false where that one has too many. */
  admit(connection: ClientConnection): boolean {
    if (this.#unproven.add(connection)) return true;
    this.#turnAway('too many connections without a key', connection.address);
    return false;
  }

  /** Has requests come from the TLS that is on it now. */
  secure(connection: ClientConnection, socket: Socket): void {
    connection.socket = socket;
    this.#bySocket.set(socket, connection);
    socket.once('close', () => connection.onGone?.());
  }

  of(socket: Socket): ClientConnection | undefined {
    return this.#bySocket.get(socket);
  }

  /** It has proved to hold a key: its address may open another. */
  prove(connection: ClientConnection): void {
    if (connection.proven) return;
    connection.proven = true;
    this.#unproven.remove(connection);
  }

  /**
   * Resolves when no client waits for an answer. One that has just connected, up to `firstRequestMs`
   * ago, is about to ask.
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
