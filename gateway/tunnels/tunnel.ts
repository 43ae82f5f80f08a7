import type { Socket } from 'node:net';
import type { Client } from '../keys/client-ranges.ts';
import type { Outcome } from '../requests/proxy-request.ts';
import type { KeyNames, Session } from '../session.ts';
import { siteOf } from '../usage/target-site.ts';
import type { UsageEvent } from '../usage/usage-event.ts';

export interface TunnelOptions {
  /** Of its events. */
  id: string;
  key: KeyNames;
  client: Client;
  /** The connected socket: the bytes that pass through it are metered. */
  target: Socket;
  targetHost: string;
  method: string;
  /** The answer that the client got, as far as it is known. */
  outcome: () => Outcome;
  nodeId: string;
  /** Monotonic, in ms. */
  now: () => number;
  /** Is charged for moved bytes, and takes the events. */
  session: Pick<Session, 'clock' | 'charge' | 'record'>;
  /** Resets both connections at once. */
  close: () => void;
}

const ignore = () => {};

/** The part of a tunnel that one row of usage holds: up to an hour of the database's clock. */
interface Hour {
  /** When it starts, and when the next one starts, in ms since 1970. */
  beganAt: number;
  endsAt: number;
  /** When it starts, on the monotonic clock. */
  began: number;
  /** What moved before it started. */
  before: Moved;
  /** What was last reported of it; undefined until the first report. */
  reported: Moved | undefined;
  /** The outcome in the last report. */
  outcome: Outcome | undefined;
  /** Whether the tunnel started in it: then it counts as a request. */
  first: boolean;
}

interface Moved {
  sent: number;
  received: number;
}

const hourMs = 3_600_000;
const nothing: Moved = { sent: 0, received: 0 };

/**
 * One open connection to a target, from the first byte to the last. Each report covers the whole
 * current hour so far, and replaces the one before.
 */
export class Tunnel {
  readonly key: KeyNames;
  readonly client: Client;
  readonly #options: TunnelOptions;
  readonly #targetSite: string | undefined;
  #hour: Hour;
  #reportedAt: number;
  #charged = 0;
  #movedAt: number;
  /** When every report so far is on disk. */
  #recorded = Promise.resolve();

  constructor(options: TunnelOptions) {
    this.key = options.key;
    this.client = options.client;
    this.#options = options;
    this.#targetSite = siteOf(options.targetHost);
    const began = options.now();
    const beganAt = options.session.clock();
    this.#hour = {
      beganAt,
      endsAt: hourOf(beganAt) + hourMs,
      began,
      before: nothing,
      reported: undefined,
      outcome: undefined,
      first: true,
    };
    this.#reportedAt = began;
    this.#movedAt = began;
  }

  /** Whether its last report is older than `afterMs`, or its hour is over. */
  isDue(afterMs: number): boolean {
    const { now, session } = this.#options;
    return now() - this.#reportedAt >= afterMs || session.clock() >= this.#hour.endsAt;
  }

  /** How long no bytes have moved, in ms, as of the last `charge`. */
  get idleFor(): number {
    return this.#options.now() - this.#movedAt;
  }

  /** Charges the key for the bytes that moved since the last time. */
  charge(): void {
    const { sent, received } = this.#moved();
    const moved = sent + received;
    if (moved === this.#charged) return;
    this.#options.session.charge(this.key.id, moved - this.#charged);
    this.#charged = moved;
    this.#movedAt = this.#options.now();
  }

  /**
   * Reports what moved in the current hour, if there is more than was reported, or another outcome.
   * The first hour is always reported, as it counts as the request. Resolves when this and all
   * earlier reports are on disk.
   */
  report(): Promise<void> {
    this.charge();
    this.#reportHour();
    const { now, session } = this.#options;
    this.#reportedAt = now();
    const at = session.clock();
    if (at >= this.#hour.endsAt) this.#beginHour(at);
    return this.#recorded;
  }

  /** Bytes that move from now on belong to a new row, which starts at the clock's current hour. */
  #beginHour(at: number): void {
    const beganAt = hourOf(at);
    this.#hour = {
      beganAt,
      endsAt: beganAt + hourMs,
      began: this.#options.now(),
      before: this.#moved(),
      reported: undefined,
      outcome: undefined,
      first: false,
    };
  }

  #reportHour(): void {
    const { id, targetHost, method, outcome, nodeId, now, session } = this.#options;
    const { beganAt, began, before, reported, first } = this.#hour;
    const moved = this.#moved();
    const sent = moved.sent - before.sent;
    const received = moved.received - before.received;
    const earlier = reported ?? nothing;
    const { statusCode, code } = outcome();
    const isOther =
      statusCode !== this.#hour.outcome?.statusCode || code !== this.#hour.outcome.code;
    const isNews = reported ? isOther : first;
    if (!isNews && sent <= earlier.sent && received <= earlier.received) return;
    this.#hour.reported = { sent, received };
    this.#hour.outcome = { statusCode, ...(code !== undefined && { code }) };
    const event: UsageEvent = {
      eventId: id,
      apiKeyId: this.key.id,
      occurredAt: new Date(beganAt).toISOString(),
      targetHost,
      method,
      statusCode,
      bytesSent: sent,
      bytesReceived: received,
      durationMs: Math.round(now() - began),
      servedByNodeId: nodeId,
    };
    if (this.#targetSite !== undefined) event.targetSite = this.#targetSite;
    if (!first) event.count = 0;
    if (code !== undefined) event.code = code;
    if (reported) event.reported = reported;
    const recorded = session.record(event);
    this.#recorded = Promise.all([this.#recorded, recorded]).then(ignore);
    // callers of `report` get the error
    this.#recorded.catch(ignore);
  }

  /** Unsent bytes in memory are not counted: the target may never get them. */
  #moved(): { sent: number; received: number } {
    const { target } = this.#options;
    return { sent: target.bytesWritten - target.writableLength, received: target.bytesRead };
  }

  /** Resets both connections at once. What moved is reported as they close. */
  close(): void {
    this.#options.close();
  }
}

/** The start of the hour that a time is in, both in ms since 1970. */
function hourOf(ms: number): number {
  return Math.floor(ms / hourMs) * hourMs;
}
