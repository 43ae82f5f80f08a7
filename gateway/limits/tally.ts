/** What was recorded within this time, in ms, is marked as one: busy keys have many batches. */
const markMs = 1_000;

interface Mark {
  since: number;
  until: number;
  bytes: number;
}

/** Bytes that moved through this node for a key, or for all keys of an account. */
export class Tally {
  /** Not known to be in the database. */
  #unrecorded = 0;
  /** What the database took lately, and between when, oldest first: a cached figure may be from before. */
  #recorded: Mark[] = [];

  /** Bytes were moved. */
  add(bytes: number): void {
    this.#unrecorded += bytes;
  }

  /** The database has them, as of `at`. */
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

  /** What a figure that was asked for then may lack. */
  since(askedAt: number): number {
    let bytes = this.#unrecorded;
    for (const mark of this.#recorded) if (mark.until >= askedAt) bytes += mark.bytes;
    return bytes;
  }

  /** Counts what another has counted until now. */
  include(other: Tally): void {
    this.#unrecorded += other.#unrecorded;
    const all = [...this.#recorded, ...other.#recorded.map((mark) => ({ ...mark }))];
    this.#recorded = all.sort((a, b) => a.since - b.since);
  }

  /** Takes back what the other has counted and the database does not have: marks soon leave. */
  remove(other: Tally): void {
    this.#unrecorded -= other.#unrecorded;
  }

  /** Drops what was recorded before a time. */
  forget(before: number): void {
    this.#recorded = this.#recorded.filter(({ until }) => until >= before);
  }

  /** Whether nothing is left that a figure could lack. */
  get empty(): boolean {
    return this.#unrecorded <= 0 && this.#recorded.length === 0;
  }
}
