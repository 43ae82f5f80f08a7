import { statfs } from 'node:fs/promises';
import type { Logger } from 'pino';

export interface SpoolSpaceOptions {
  directory: string;
  /** What must be free for new tunnels, in bytes. */
  reserveBytes: number;
  /** Between two looks while there is too little, and the least between two in any case, in ms. */
  intervalMs: number;
  /** Bytes that an unprivileged process may still write; rejects where that is unknown. */
  freeBytes?: (directory: string) => Promise<number>;
  /** Gives up something that is there for as long as there is room; false where nothing is left. */
  yieldRoom: () => Promise<boolean>;
  log: Logger;
}

/** What is there for as long as there is room leaves so many reserves free. */
const spareReserves = 16;

/** Watches how much room the disk of a folder has left. */
export class SpoolSpace {
  readonly #options: Required<SpoolSpaceOptions>;
  #enough = true;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: SpoolSpaceOptions) {
    this.#options = { freeBytes: availableBytes, ...options };
  }

  /** Whether the reserve was free at the last look. */
  get enough(): boolean {
    return this.#enough;
  }

  /** Looks, unless it has just looked. To be called after writes. */
  async glance(): Promise<void> {
    if (performance.now() - this.#lookedAt >= this.#options.intervalMs) await this.look();
  }

  /** Looks now, and again and again until there is enough. */
  async look(): Promise<void> {
    const { directory, reserveBytes, freeBytes, yieldRoom, intervalMs, log } = this.#options;
    this.#lookedAt = performance.now();
    // what is unknown stays as it was: writes that fail say so themselves
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
