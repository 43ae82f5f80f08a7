import { statfs } from 'node:fs/promises';
import type { Logger } from 'pino';

export interface SpoolSpaceOptions {
  directory: string;
  /** How much must be free for new tunnels, in bytes. */
  reserveBytes: number;
  /** The time between checks while there is too little room, and the least in any case, in ms. */
  intervalMs: number;
  /** Bytes that an unprivileged process may still write; rejects if unknown. */
  freeBytes?: (directory: string) => Promise<number>;
  /** Removes something that is kept only while there is room; false if nothing is left. */
  yieldRoom: () => Promise<boolean>;
  log: Logger;
}

/** Files that are kept only while there is room must leave this many reserves free. */
const spareReserves = 16;

/** Watches how much room is left on a folder's disk. */
export class SpoolSpace {
  readonly #options: Required<SpoolSpaceOptions>;
  #enough = true;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: SpoolSpaceOptions) {
    this.#options = { freeBytes: availableBytes, ...options };
  }

  /** Whether the reserve was free at the last check. */
  get enough(): boolean {
    return this.#enough;
  }

  /** Checks, unless it has just checked. Call it after writes. */
  async glance(): Promise<void> {
    if (performance.now() - this.#lookedAt >= this.#options.intervalMs) await this.look();
  }

  /** Checks now, and repeatedly until there is enough. */
  async look(): Promise<void> {
    const { directory, reserveBytes, freeBytes, yieldRoom, intervalMs, log } = this.#options;
    this.#lookedAt = performance.now();
    // an unknown result changes nothing: failed writes are reported anyway
    let free = await freeBytes(directory).catch(() => null);
    while (free !== null && free < spareReserves * reserveBytes && (await yieldRoom())) {
      free = await freeBytes(directory).catch(() => null);
    }
    const enough = free === null ? this.#enough : free >= reserveBytes;
    if (enough !== this.#enough) {
      this.#enough = enough;
      if (enough) log.info({ directory, freeBytes: free }, 'the disk of the spool has room again');
      else log.error({ directory, freeBytes: free, reserveBytes }, 'the disk of the spool is full');
    }
    clearTimeout(this.#timer);
    if (enough || this.#stopped) return;
    this.#timer = setTimeout(() => this.look(), intervalMs).unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}

async function availableBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}
