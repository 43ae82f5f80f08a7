/** Descriptors for the spool, the database and the log. */
const mostOwn = 256;
/** How many names may be resolved at once, each over two sockets. */
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
 * Counts the sockets of clients and targets against the limit of the process, so that it refuses in
 * time when it runs out of descriptors, and keeps some for names, the spool and the database.
 */
export class Descriptors {
  readonly #most: number;
  /** How many names may be resolved at once, out of the reserve. */
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

  /** The share in use, of clients' half or of all, whichever is higher: at 1 no more are taken. */
  get inUse(): number {
    return Math.max(this.used / this.#most, this.#used.client / this.#mostClients);
  }

  /** Takes one, if any is left. Clients may have half: each of them needs one for its target. */
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
