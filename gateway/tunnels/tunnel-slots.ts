/** Counts what each key has open or is opening on this gateway: names, dials and tunnels alike. */
export class TunnelSlots {
  readonly #taken = new Map<string, number>();

  /** Takes one for a key, if it has fewer than `limit`. */
  take(keyId: string, limit: number): boolean {
    const taken = this.#taken.get(keyId) ?? 0;
    if (taken >= limit) return false;
    this.#taken.set(keyId, taken + 1);
    return true;
  }

  release(keyId: string): void {
    const left = (this.#taken.get(keyId) ?? 1) - 1;
    if (left > 0) this.#taken.set(keyId, left);
    else this.#taken.delete(keyId);
  }

  /** How many a key has. */
  of(keyId: string): number {
    return this.#taken.get(keyId) ?? 0;
  }
}
