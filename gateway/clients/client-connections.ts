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
  readonly #all = new Map<Socket, ClientConnection>();
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

  /** Takes a new connection; null where there are too many. */
  open(socket: Socket): ClientConnection | null {
    const { descriptors } = this.#options;
    if (!descriptors.take('client')) return this.#turnAway('too many connections');
    socket.once('close', () => descriptors.release('client'));
    const connection = new ClientConnection(socket, this.#options.longestLingerMs);
    if (!this.#unproven.add(connection)) {
      return this.#turnAway('too many connections without a key', connection.address);
    }
    this.#all.set(socket, connection);
    socket.once('close', () => {
      this.#all.delete(socket);
      this.#unproven.remove(connection);
      connection.onGone?.();
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
    this.#unproven.remove(connection);
  }

  /**
   * Resolves when no client waits for an answer. One that has just connected, up to `firstRequestMs`
   * ago, is about to ask.
   */
  async quiet(firstRequestMs: number): Promise<void> {
    const waits = ({ busy, used, openedAt }: ClientConnection) =>
      busy || (!used && performance.now() - openedAt < firstRequestMs);
    while ([...this.#all.values()].some(waits)) await sleep(lookEveryMs, undefined, { ref: false });
  }

  closeAll(): void {
    for (const socket of this.#all.keys()) socket.destroy();
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
