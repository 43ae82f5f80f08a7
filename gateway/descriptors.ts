/** What the process may have open for its spool, database and log. */
const mostOwn = 256;
/** Names that may be asked for at once, each over two sockets. */
const mostNames = 1_000;

interface ReportWithLimits {
  userLimits?: { open_files?: { soft?: number | 'unlimited' } };
}

/** How many files and sockets this process may have open. */
function descriptorLimit(): number {
  const report = process.report.getReport() as ReportWithLimits;
  const soft = report.userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY;
}

/**
 * Counts the sockets of clients and targets against the limit of the process, so that one that runs
 * out of descriptors says so in time, and has some left for names, the spool and the database.
 */
export class Descriptors {
  readonly #most: number;
  /** How many names may be asked for at once, out of the reserve. */
  readonly names: number;
  readonly #mostClients: number;
  #used = { client: 0, target: 0 };

  /** `limit`: descriptors that the process may have. */
  constructor(limit = descriptorLimit()) {
    const reserve = Math.min(mostOwn + 2 * mostNames, Math.floor(limit / 4));
    this.#most = limit - reserve;
    this.#mostClients = Math.floor(this.#most / 2);
    this.names = Math.ceil((reserve - Math.min(mostOwn, reserve / 2)) / 2);
  }

  get used(): number {
    return this.#used.client + this.#used.target;
  }

  /** The share of what clients, or clients and targets together, may have that is in use: 1 takes no more. */
  get inUse(): number {
    return Math.max(this.used / this.#most, this.#used.client / this.#mostClients);
  }

  /** Takes one, if there is one. Clients may have half: each of them needs one for its target. */
  take(whose: 'client' | 'target'): boolean {
    if (this.used >= this.#most) return false;
    if (whose === 'client' && this.#used.client >= this.#mostClients) return false;
    this.#used[whose] += 1;
    return true;
  }

  release(whose: 'client' | 'target'): void {
    this.#used[whose] -= 1;
  }
}
