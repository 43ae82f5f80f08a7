import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { TrafficConfiguration } from '../configuration.ts';
import type { Core } from '../core.ts';
import { addFigures, type TrafficFigures } from '../metrics.ts';
import type { WorkerPorts } from './messages.ts';
import { WorkerLink } from './worker-link.ts';

export interface WorkerPoolOptions {
  core: Core;
  /** How many processes. */
  workers: number;
  /** The gateway's own environment. */
  environment: NodeJS.ProcessEnv;
  log: Pick<Logger, 'error' | 'info'>;
}

/** Workers do not need these, and must not expose them if one is compromised. */
const coreOnly = ['GATEWAY_DATABASE_URL', 'REDIS_URL'];
/** How long a scrape waits for the metrics of a process, in ms. */
const processMetricsMs = 1_000;
const firstPauseMs = 100;
const longestPauseMs = 5_000;
/** A worker that ran for this long, in ms, is replaced after the shortest pause again. */
const goodMs = 10_000;

/**
 * Processes that serve clients on one port, each replaced when it dies. The kernel distributes new
 * connections among them.
 */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #running = new Map<number, WorkerLink>();
  readonly #stopping = new AbortController();
  #ports: WorkerPorts;
  #left = false;
  /** How many workers died and were replaced. */
  replaced = 0;

  private constructor(options: WorkerPoolOptions, ports: WorkerPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#environment = Object.fromEntries(
      Object.entries(options.environment).filter(([name]) => !coreOnly.includes(name)),
    );
  }

  /** Rejects with an error of a port; then no worker is left running. */
  static async start(
    { host, port, tls }: Pick<TrafficConfiguration, 'host' | 'port' | 'tls'>,
    options: WorkerPoolOptions,
  ): Promise<WorkerPool> {
    for (const each of [port, tls?.port ?? 0]) await requireFree(host, each);
    const pool = new WorkerPool(options, { port, tlsPort: tls?.port });
    try {
      // the first one finds the port that all others share
      pool.#ports = await pool.#spawn(1).start(pool.#ports);
      const others = Array.from({ length: options.workers - 1 }, (_, index) => index + 2);
      await Promise.all(others.map((worker) => pool.#spawn(worker).start(pool.#ports)));
    } catch (error) {
      await pool.stop(0);
      throw error;
    }
    for (const [worker, link] of pool.#running) void pool.#keep(worker, link);
    return pool;
  }

  get port(): number {
    return this.#ports.port;
  }

  get tlsPort(): number | undefined {
    return this.#ports.tlsPort;
  }

  async reload(): Promise<void> {
    for (const link of this.#running.values()) link.reload();
  }

  /** How many workers run. */
  get size(): number {
    return this.#running.size;
  }

  figures(): TrafficFigures {
    return addFigures([...this.#running.values()].map(({ figures }) => figures));
  }

  /** The metrics of each process that answers in time. */
  async processMetrics(): Promise<object[]> {
    const late = sleep(processMetricsMs, [], { ref: false });
    const asked = [...this.#running.values()].map((link) =>
      Promise.race([late, link.processMetrics().then((metrics) => [metrics])]).catch(() => []),
    );
    return (await Promise.all(asked)).flat();
  }

  sweep(): void {
    for (const link of this.#running.values()) link.sweep();
  }

  leave(): void {
    this.#left = true;
    for (const link of this.#running.values()) link.leave();
  }

  /** Lets open tunnels continue for up to `drainMs`, then ends all workers. */
  async stop(drainMs: number): Promise<void> {
    this.#stopping.abort();
    await Promise.all([...this.#running.values()].map((link) => link.stop(drainMs)));
  }

  #spawn(worker: number): WorkerLink {
    const environment = { ...this.#environment, GATEWAY_WORKER: String(worker) };
    const link = new WorkerLink(this.#options.core, environment);
    this.#running.set(worker, link);
    void link.ended.then(() => this.#running.get(worker) === link && this.#running.delete(worker));
    return link;
  }

  /** Replaces a worker whenever it ends, with pauses that double while it keeps failing. */
  async #keep(worker: number, first: WorkerLink): Promise<void> {
    const { log } = this.#options;
    const { signal } = this.#stopping;
    let pauseMs = firstPauseMs;
    for (let link = first; ; ) {
      const startedAt = performance.now();
      const ending = await link.ended;
      if (signal.aborted) return;
      log.error({ worker, ending }, 'a worker ended, and its tunnels with it: it is replaced');
      if (performance.now() - startedAt > goodMs) pauseMs = firstPauseMs;
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      this.replaced += 1;
      link = this.#spawn(worker);
      try {
        await link.start(this.#ports);
        if (this.#left) link.leave();
        log.info({ worker }, 'a worker runs again');
      } catch (error) {
        log.error({ worker, reason: (error as Error).message }, 'a worker did not start');
        link.kill();
      }
    }
  }
}

/**
 * Rejects with EADDRINUSE if another process listens: processes that share a port would silently
 * share it with another gateway too.
 */
async function requireFree(host: string, port: number): Promise<void> {
  if (port === 0) return;
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, resolve);
  });
  await new Promise((resolve) => server.close(resolve));
}
