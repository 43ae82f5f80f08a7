/** Batches recorded within this time, in ms, share one mark: busy keys have many batches. */
const markMs = 1_000;

interface Mark {
  since: number;
  until: number;
  bytes: number;
}

/** Bytes that moved through this node for a key, or for all keys of an account. */
export class Tally {
  /** Bytes that are not known to be in the database. */
  #unrecorded = 0;
  /** What the database recorded recently, and when, oldest first: a cached figure may be older. */
  #recorded: Mark[] = [];

  /** Counts bytes that moved. */
  add(bytes: number): void {
    this.#unrecorded += bytes;
  }

  /** The database has recorded bytes, as of `at`. */
  settle(bytes: number, at: number): void {
    this.#unrecorded -= bytes;
    const last = this.#recorded.at(-1);
    if (last && at - last.since < markMs) {
      last.until = at;
      last.bytes += bytes;
    } else {
      this.#recorded.push({ since: at, until: at, bytes });
    }
  }

  /** The bytes that a figure looked up at `askedAt` may lack. */
  since(askedAt: number): number {
    let bytes = this.#unrecorded;
    for (const mark of this.#recorded) if (mark.until >= askedAt) bytes += mark.bytes;
    return bytes;
  }

  /** Adds what another tally has counted until now. */
  include(other: Tally): void {
    this.#unrecorded += other.#unrecorded;
    const all = [...this.#recorded, ...other.#recorded.map((mark) => ({ ...mark }))];
    this.#recorded = all.sort((a, b) => a.since - b.since);
  }

  /** Subtracts what another has counted and the database does not have; marks soon expire. */
  remove(other: Tally): void {
    this.#unrecorded -= other.#unrecorded;
  }

  /** Drops what was recorded before a time. */
  forget(before: number): void {
    this.#recorded = this.#recorded.filter(({ until }) => until >= before);
  }

  /** Whether there is nothing that a figure could lack. */
  get empty(): boolean {
    return this.#unrecorded <= 0 && this.#recorded.length === 0;
  }
}
