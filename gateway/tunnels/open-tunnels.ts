import type { Logger } from 'pino';
import { permitsClient } from '../keys/client-ranges.ts';
import type { ClosingOrder } from '../keys/keys-in-use.ts';
import type { Tunnel } from './tunnel.ts';

export interface OpenTunnelsOptions {
  log: Pick<Logger, 'info' | 'error'>;
  /** How often an open tunnel is reported, in ms. */
  reportMs: number;
  /** How long a tunnel may be idle before it is closed, in ms. */
  idleMs: number;
}

/** The open tunnels by key: reported while they are open, and closed on the core's orders. */
export class OpenTunnels {
  readonly #options: OpenTunnelsOptions;
  readonly #byKey = new Map<string, Set<Tunnel>>();
  #count = 0;
  #waiting: (() => void)[] = [];

  constructor(options: OpenTunnelsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#count;
  }

  add(tunnel: Tunnel): void {
    const { keyId } = tunnel.key;
    const same = this.#byKey.get(keyId) ?? new Set();
    this.#byKey.set(keyId, same.add(tunnel));
    this.#count += 1;
  }

  remove(tunnel: Tunnel): void {
    const { keyId } = tunnel.key;
    const same = this.#byKey.get(keyId);
    if (!same?.delete(tunnel)) return;
    if (same.size === 0) this.#byKey.delete(keyId);
    this.#count -= 1;
    if (this.#count > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves when no tunnel is open. */
  async empty(): Promise<void> {
    if (this.#count > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  closeAll(): void {
    for (const tunnels of this.#byKey.values()) for (const tunnel of tunnels) tunnel.close();
  }

  /** Closes a key's tunnels, or only those from addresses where it may not be used. */
  close(keyId: string, { reason, outside }: ClosingOrder): void {
    const tunnels = [...(this.#byKey.get(keyId) ?? [])];
    const strayed = outside && tunnels.filter(({ client }) => !permitsClient(outside, client));
    this.#close(keyId, strayed ?? tunnels, reason);
  }

  /** Charges moved bytes, reports tunnels that are due, and closes idle ones. Called often. */
  sweep(): void {
    const { reportMs, idleMs, log } = this.#options;
    for (const [keyId, tunnels] of this.#byKey) {
      for (const tunnel of tunnels) {
        tunnel.charge();
        if (tunnel.idleFor >= idleMs) this.#close(keyId, [tunnel], 'idle');
        if (!tunnel.isDue(reportMs)) continue;
        tunnel
          .report()
          .catch((error: Error) =>
            log.error({ reason: error.message }, 'a report was not spooled'),
          );
      }
    }
  }

  #close(keyId: string, tunnels: readonly Tunnel[], reason: string): void {
    if (tunnels.length === 0) return;
    this.#options.log.info({ keyId, reason, tunnels: tunnels.length }, 'closing tunnels');
    for (const tunnel of tunnels) tunnel.close();
  }
}
