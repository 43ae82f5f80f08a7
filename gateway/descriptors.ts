/** What the process may have open beside the sockets of clients and targets: spool, database, logs. */
const mostReserved = 256;

interface ReportWithLimits {
  userLimits?: { open_files?: { soft?: number | 'unlimited' } };
}

/** How many files and sockets this process may have open. */
export function descriptorLimit(): number {
  const report = process.report.getReport() as ReportWithLimits;
  const soft = report.userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY;
}

/**
 * Counts the sockets of clients and targets against the limit of the process, so that one that runs
 * out of descriptors says so in time, and has some left for the spool and the database.
 */
export class Descriptors {
  readonly #most: number;
  #used = { client: 0, target: 0 };

  /** `limit`: descriptors that the process may have. */
  constructor(limit = descriptorLimit()) {
    this.#most = limit - Math.min(mostReserved, Math.floor(limit / 4));
  }

  get used(): number {
    return this.#used.client + this.#used.target;
  }

  /** Takes one, if there is one. Clients may have half: each of them needs one for its target. */
  take(whose: 'client' | 'target'): boolean {
    if (this.used >= this.#most) return false;
    if (whose === 'client' && this.#used.client >= Math.floor(this.#most / 2)) return false;
    this.#used[whose] += 1;
    return true;
  }

  release(whose: 'client' | 'target'): void {
    this.#used[whose] -= 1;
  }
}
