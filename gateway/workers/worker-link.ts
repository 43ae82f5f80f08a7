import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isPackaged } from '../commands.ts';
import type { Core } from '../core.ts';
import type { TunnelHolder } from '../keys/keys-in-use.ts';
import { noTraffic, type TrafficFigures } from '../metrics.ts';
import { newBytes } from '../usage/usage-event.ts';
import { Channel } from './channel.ts';
import {
  type CoreFunctions,
  credentialsFromWire,
  orderToWire,
  toWire,
  type WorkerFunctions,
  type WorkerPorts,
} from './messages.ts';

const script = fileURLToPath(new URL(isPackaged ? './worker.js' : './worker.ts', import.meta.url));
/** After this many sweeps without a message, a worker is considered hung: 30 s. */
const mostSilentSweeps = 120;

/** How a process ended: its exit code, or the signal that ended it. */
export type Ending = number | NodeJS.Signals | null;

/** A worker, as the core's process sees it. */
export class WorkerLink implements TunnelHolder {
  readonly #core: Core;
  readonly #child: ChildProcess;
  readonly #channel: Channel<WorkerFunctions>;
  /** Bytes charged by a key's tunnels that no event has reported yet. */
  readonly #unreported = new Map<string, number>();
  #clockOffsetMs: number | null = null;
  #silentSweeps = 0;
  figures: TrafficFigures = noTraffic;
  /** Resolves when the process has ended. */
  readonly ended: Promise<Ending>;

  /** `environment`: the worker's environment, without secrets. */
  constructor(core: Core, environment: NodeJS.ProcessEnv) {
    this.#core = core;
    this.#child = fork(script, {
      env: environment,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#channel = new Channel<WorkerFunctions>(this.#child, this.#functions());
    this.#child.on('error', () => {});
    this.ended = once(this.#child, 'exit').then(([code, signal]) => {
      this.#leave();
      return (code ?? signal) as Ending;
    });
  }

  /** Rejects with an error of a port, or if the worker ends first. */
  start(ports: WorkerPorts): Promise<WorkerPorts> {
    return this.#channel.call('start', ports);
  }

  closeTunnels(...[keyId, order]: Parameters<TunnelHolder['closeTunnels']>): void {
    this.#channel.notify('closeTunnels', keyId, orderToWire(order));
  }

  processMetrics(): Promise<object> {
    return this.#channel.call('processMetrics');
  }

  /** Sets its clock, and kills a hung worker, whose clients would hang too. Called often. */
  sweep(): void {
    this.#setClock();
    this.#silentSweeps += 1;
    if (this.#silentSweeps > mostSilentSweeps) this.kill();
  }

  #setClock(): void {
    const offsetMs = this.#core.clockOffsetMs;
    if (offsetMs === null || offsetMs === this.#clockOffsetMs) return;
    this.#clockOffsetMs = offsetMs;
    this.#channel.notify('setClock', offsetMs);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  reload(): void {
    this.#channel.notify('reload');
  }

  leave(): void {
    this.#channel.notify('leave');
  }

  /** Lets its tunnels continue for up to `drainMs`, then ends it. */
  async stop(drainMs: number): Promise<void> {
    await this.#channel.call('stop', drainMs).catch(() => {});
    this.#child.disconnect();
    await this.ended;
  }

  #functions(): CoreFunctions {
    const session = this.#core.join(this);
    const setClock = () => this.#setClock();
    return {
      async admit(...asked) {
        const verdict = await toWire(session.admit(...credentialsFromWire(...asked)));
        // before the answer: a tunnel's first hour starts by the database's clock
        setClock();
        return verdict;
      },
      describe: (...asked) => toWire(session.describe(...credentialsFromWire(...asked))),
      opened: (key, mark, setupMs) => session.opened({ key, mark, refusal: null }, setupMs),
      release: (key) => session.release(key),
      charge: (charges) => {
        for (const [apiKeyId, bytes] of charges) {
          session.charge(apiKeyId, bytes);
          this.#note(apiKeyId, bytes);
        }
      },
      record: (event) => {
        const { sent, received } = newBytes(event);
        this.#note(event.apiKeyId, -sent - received);
        return session.record(event);
      },
      refuse: (request) => session.refuse(request),
      dropped: (reason) => session.dropped(reason),
      answered: (code, statusCode) => session.answered(code, statusCode),
      figures: (figures) => {
        this.figures = figures;
        this.#silentSweeps = 0;
      },
    };
  }

  #note(apiKeyId: string, bytes: number): void {
    const unreported = (this.#unreported.get(apiKeyId) ?? 0) + bytes;
    if (unreported === 0) this.#unreported.delete(apiKeyId);
    else this.#unreported.set(apiKeyId, unreported);
  }

  /** Takes back its charges and tunnels, as nothing else will report or release them. */
  #leave(): void {
    this.#channel.close();
    this.#core.leave(this);
    const session = this.#core.join(this);
    for (const [apiKeyId, bytes] of this.#unreported) session.charge(apiKeyId, -bytes);
    this.#unreported.clear();
    this.figures = noTraffic;
  }
}
