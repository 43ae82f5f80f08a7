import type { ClientConnection } from './client-connection.ts';

/**
 * Connections that have not proved a key, limited per address. Addresses are read only while there
 * are enough connections for one address to have too many.
 */
export class UnprovenConnections {
  readonly #most: number;
  readonly #all = new Set<ClientConnection>();
  #byAddress: Map<string, number> | undefined;

  /** `most`: how many connections one address may have. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Counts one more, unless its address has too many. */
  add(connection: ClientConnection): boolean {
    if (this.#all.size >= this.#most) this.#byAddress ??= this.#count();
    if (this.#byAddress) {
      const same = this.#byAddress.get(connection.address) ?? 0;
      if (same >= this.#most) return false;
      this.#byAddress.set(connection.address, same + 1);
    }
    this.#all.add(connection);
    return true;
  }

  /** Stops counting one that has proved a key, or is closed. */
  remove(connection: ClientConnection): void {
    if (!this.#all.delete(connection) || !this.#byAddress) return;
    const left = (this.#byAddress.get(connection.address) ?? 1) - 1;
    if (left > 0) this.#byAddress.set(connection.address, left);
    else this.#byAddress.delete(connection.address);
    if (this.#all.size < this.#most / 2) this.#byAddress = undefined;
  }

  #count(): Map<string, number> {
    const counted = new Map<string, number>();
    for (const { address } of this.#all) counted.set(address, (counted.get(address) ?? 0) + 1);
    return counted;
  }
}
