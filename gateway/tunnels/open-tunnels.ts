import type { Logger } from 'pino';
import { permitsClient } from '../keys/client-ranges.ts';
import type { KeyCache, KeyEntry } from '../keys/key-cache.ts';
import { hasExpired, inService } from '../keys/key-state.ts';
import type { QuotaLedger } from '../limits/quota-ledger.ts';
import type { Tunnel } from './tunnel.ts';

export interface OpenTunnelsOptions {
  keys: KeyCache;
  ledger: QuotaLedger;
  log: Logger;
  now: () => number;
  /** The longest slice, in ms. */
  sliceMs: number;
  /** How long a tunnel may move nothing before it is closed, in ms. */
  idleMs: number;
}

/** How long a key's open tunnels go on before its state is asked for again, in ms. */
const recheckMs = 10_000;
/** How long until it is asked for again when there was no answer, in ms. */
const retryMs = 1_000;
/** Keys whose state one sweep may ask for. */
const rechecksPerSweep = 100;
/** A figure this fresh is not asked for again before a tunnel is cut for its quota, in ms. */
const freshMs = 1_000;

interface KeyTunnels {
  tunnels: Set<Tunnel>;
  /** What its tunnels were last judged by. */
  told: KeyEntry;
  /** How often the key changed, or may have. */
  changes: number;
  checking: boolean;
  /** When its state is asked for again. */
  dueAt: number;
  /** Not before this, as there was no answer. */
  restsUntil: number;
}

/** The open tunnels by key: reported as they run, and closed when their key may no longer be used. */
export class OpenTunnels {
  readonly #options: OpenTunnelsOptions;
  readonly #byKey = new Map<string, KeyTunnels>();
  #count = 0;
  #waiting: (() => void)[] = [];

  constructor(options: OpenTunnelsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#count;
  }

  /** `told`: what its CONNECT was judged by. */
  add(tunnel: Tunnel, told: KeyEntry): void {
    const { keyId } = tunnel.key;
    const entry = this.#byKey.get(keyId) ?? {
      tunnels: new Set(),
      told,
      changes: 0,
      checking: false,
      dueAt: this.#options.now() + recheckMs,
      restsUntil: Number.NEGATIVE_INFINITY,
    };
    this.#byKey.set(keyId, entry);
    if (told.askedAt > entry.told.askedAt) entry.told = told;
    entry.tunnels.add(tunnel);
    this.#count += 1;
  }

  remove(tunnel: Tunnel): void {
    const { keyId } = tunnel.key;
    const entry = this.#byKey.get(keyId);
    if (!entry?.tunnels.delete(tunnel)) return;
    if (entry.tunnels.size === 0) this.#byKey.delete(keyId);
    this.#count -= 1;
    if (this.#count > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves when no tunnel is open. */
  async empty(): Promise<void> {
    if (this.#count > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  closeAll(): void {
    for (const { tunnels } of this.#byKey.values()) for (const tunnel of tunnels) tunnel.close();
  }

  /** A key changed: those of its tunnels that may not go on are closed. */
  changed(keyId: string): void {
    const entry = this.#byKey.get(keyId);
    if (!entry) return;
    this.#expectChange(entry);
    // a check under way goes on with what it was told before: the sweep asks again
    void this.#check(keyId, entry);
  }

  /** Changes may have been missed: the coming sweeps ask for every key that has open tunnels. */
  recheckAll(): void {
    for (const entry of this.#byKey.values()) this.#expectChange(entry);
  }

  #expectChange(entry: KeyTunnels): void {
    entry.changes += 1;
    entry.dueAt = Number.NEGATIVE_INFINITY;
    entry.restsUntil = Number.NEGATIVE_INFINITY;
  }

  /** Charges what was moved, reports long slices, and closes what may not go on. Called often. */
  sweep(): void {
    const { keys, ledger, now, sliceMs, idleMs, log } = this.#options;
    const at = now();
    let rechecks = 0;
    const checked: [keyId: string, entry: KeyTunnels][] = [];
    for (const [keyId, entry] of this.#byKey) {
      for (const tunnel of entry.tunnels) {
        tunnel.charge();
        if (tunnel.idleFor >= idleMs) this.#close(keyId, [tunnel], 'idle');
        if (tunnel.sliceAge < sliceMs) continue;
        tunnel
          .report()
          .catch((error: Error) => log.error({ reason: error.message }, 'not spooled'));
      }
      if (entry.checking || at < entry.restsUntil) continue;
      if (!hasExpired(entry.told, at)) {
        if (rechecks >= rechecksPerSweep) continue;
        const known = keys.peek(keyId);
        if (at < entry.dueAt && !(known && ledger.exhausted(known))) continue;
        rechecks += 1;
      }
      checked.push([keyId, entry]);
    }
    for (const [keyId, entry] of checked) {
      // to the end of the queue: however many keys have tunnels, each has its turn
      this.#byKey.delete(keyId);
      this.#byKey.set(keyId, entry);
      void this.#check(keyId, entry);
    }
  }

  async #check(keyId: string, entry: KeyTunnels): Promise<void> {
    const { keys, ledger, log, now } = this.#options;
    if (entry.checking) return;
    entry.checking = true;
    const { changes } = entry;
    try {
      let known = await keys.get(keyId);
      if (ledger.exhausted(known)) known = await keys.refresh(keyId, freshMs);
      if (known.uncertain) throw new Error('the database did not answer');
      entry.told = known;
      const tunnels = [...entry.tunnels];
      const { record } = known;
      if (record === null || !inService(known, now())) {
        this.#close(keyId, tunnels, 'key out of service');
      } else if (ledger.exhausted(known)) {
        this.#close(keyId, tunnels, 'quota used up');
      } else {
        const strayed = tunnels.filter(({ client }) => !permitsClient(record.allowedIps, client));
        this.#close(keyId, strayed, 'address not allowed');
      }
      // a change in between is still to be seen to
      if (entry.changes === changes) entry.dueAt = now() + recheckMs;
    } catch (error) {
      // tunnels that are open outlive a database that is away, as nobody knows of a change; an end
      // that is known they do not. They are asked for when it is back.
      entry.restsUntil = now() + retryMs;
      if (hasExpired(entry.told, now())) {
        this.#close(keyId, [...entry.tunnels], 'key out of service');
      }
      log.debug({ keyId, reason: (error as Error).message }, 'state of a key unknown');
    } finally {
      entry.checking = false;
    }
  }

  #close(keyId: string, tunnels: readonly Tunnel[], reason: string): void {
    if (tunnels.length === 0) return;
    this.#options.log.info({ keyId, reason, tunnels: tunnels.length }, 'closing tunnels');
    for (const tunnel of tunnels) tunnel.close();
  }
}
