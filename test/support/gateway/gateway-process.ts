import { fileURLToPath } from 'node:url';
import { type Child, waitUntilReady } from '../../../scripts/stack/child-process.ts';
import { loopback } from '../../../scripts/stack/ports.ts';
import { signalGroup } from '../../../scripts/stack/process-identity.ts';
import type { Supervisor } from '../../../scripts/stack/supervisor.ts';

const script = fileURLToPath(new URL('../../../gateway/main.ts', import.meta.url));
const slowDisk = new URL('../../gateway/usage/slow-disk.ts', import.meta.url).href;

/** A gateway in a process of its own, with a slow disk, which may be killed and started again. */
export class GatewayProcess {
  readonly #supervisor: Supervisor;
  readonly #metricsPort: number;
  readonly #env: Record<string, string>;
  readonly #logFile: string;
  #child: Child | undefined;

  constructor(options: {
    supervisor: Supervisor;
    metricsPort: number;
    /** Its environment, but for the metrics' port. */
    env: Record<string, string>;
    logFile: string;
  }) {
    this.#supervisor = options.supervisor;
    this.#metricsPort = options.metricsPort;
    this.#env = { ...options.env, GATEWAY_METRICS_PORT: String(options.metricsPort) };
    this.#logFile = options.logFile;
  }

  /** Starts it, and resolves when it is ready. */
  async start(): Promise<void> {
    const child = this.#supervisor.start({
      name: 'Gateway',
      command: process.execPath,
      args: ['--import', slowDisk, script],
      env: this.#env,
      logFile: this.#logFile,
    });
    this.#child = child;
    await waitUntilReady(child, async () => {
      const response = await fetch(`http://${loopback}:${this.#metricsPort}/readyz`);
      return response.ok;
    });
  }

  /** SIGKILL, sent before this returns. Resolves when it has ended. */
  async kill(): Promise<void> {
    const child = this.#running();
    signalGroup(child.process.pid, 'SIGKILL');
    await child.exited;
  }

  /** SIGTERM. Resolves with its exit code, null where it had to be killed. */
  async stop(): Promise<number | null> {
    const child = this.#running();
    signalGroup(child.process.pid, 'SIGTERM');
    await child.exited;
    return child.exitCode();
  }

  /** What it says of the events that the database has answered about, since its start. */
  async events(outcome: 'recorded' | 'repeated' | 'rejected'): Promise<number> {
    const response = await fetch(`http://${loopback}:${this.#metricsPort}/metrics`);
    const line = new RegExp(`^gateway_usage_events_total\\{outcome="${outcome}"\\} (\\d+)$`, 'm');
    return Number(line.exec(await response.text())?.[1] ?? 0);
  }

  #running(): Child {
    if (!this.#child || this.#child.hasExited()) throw new Error('the gateway is not running');
    return this.#child;
  }
}
