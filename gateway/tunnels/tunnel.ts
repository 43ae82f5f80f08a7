import type { Socket } from 'node:net';
import type { Client } from '../keys/client-ranges.ts';
import type { Outcome } from '../requests/proxy-request.ts';
import type { KeyNames, Session } from '../session.ts';
import { newEventId, type UsageEvent } from '../usage/usage-event.ts';

export interface TunnelOptions {
  /** Of its first event, and of the tunnel. */
  id: string;
  key: KeyNames;
  client: Client;
  /** The connected socket: what passes through it is what is metered. */
  target: Socket;
  targetHost: string;
  method: string;
  /** What the client was answered, as far as it is known. */
  outcome: () => Outcome;
  nodeId: string;
  /** Monotonic, in ms. */
  now: () => number;
  /** Is charged for the bytes that are moved, and takes the events. */
  session: Pick<Session, 'clock' | 'charge' | 'record'>;
  /** Ends both connections at once. */
  close: () => void;
}

const ignore = () => {};

/** One open connection to a target, from the first byte to the last: counts, and reports in slices. */
export class Tunnel {
  readonly key: KeyNames;
  readonly client: Client;
  readonly #options: TunnelOptions;
  #slice = 0;
  #sliceBegan: number;
  #sliceBeganAt: number;
  /** As of the last slice. */
  #reported = { sent: 0, received: 0 };
  #charged = 0;
  #movedAt: number;
  /** When every slice so far is on disk. */
  #recorded = Promise.resolve();

  constructor(options: TunnelOptions) {
    this.key = options.key;
    this.client = options.client;
    this.#options = options;
    this.#sliceBegan = options.now();
    this.#sliceBeganAt = options.session.clock();
    this.#movedAt = this.#sliceBegan;
  }

  /** How long the running slice has been, in ms. */
  get sliceAge(): number {
    return this.#options.now() - this.#sliceBegan;
  }

  /** How long nothing has moved, in ms, as of the last `charge`. */
  get idleFor(): number {
    return this.#options.now() - this.#movedAt;
  }

  /** Charges the key for what was moved since the last time. */
  charge(): void {
    const { sent, received } = this.#moved();
    const moved = sent + received;
    if (moved === this.#charged) return;
    this.#options.session.charge(this.key.id, moved - this.#charged);
    this.#charged = moved;
    this.#movedAt = this.#options.now();
  }

  /**
   * Reports what was moved since the last slice, if anything was; the first slice in any case, as it
   * counts as the CONNECT. Resolves when it and all before it are on disk.
   */
  report(): Promise<void> {
    this.#reportSlice();
    return this.#recorded;
  }

  #reportSlice(): void {
    const { id, targetHost, method, outcome, nodeId, now, session } = this.#options;
    this.charge();
    const moved = this.#moved();
    const sent = moved.sent - this.#reported.sent;
    const received = moved.received - this.#reported.received;
    const began = this.#sliceBegan;
    const beganAt = this.#sliceBeganAt;
    const slice = this.#slice;
    this.#sliceBegan = now();
    this.#sliceBeganAt = session.clock();
    if (slice > 0 && sent === 0 && received === 0) return;
    this.#slice += 1;
    this.#reported = moved;
    const { statusCode, code } = outcome();
    const event: UsageEvent = {
      eventId: slice === 0 ? id : newEventId(),
      apiKeyId: this.key.id,
      occurredAt: new Date(beganAt).toISOString(),
      targetHost,
      method,
      statusCode,
      bytesSent: sent,
      bytesReceived: received,
      durationMs: Math.round(this.#sliceBegan - began),
      servedByNodeId: nodeId,
      tunnelId: id,
      slice,
    };
    if (code !== undefined) event.code = code;
    const recorded = session.record(event);
    this.#recorded = slice === 0 ? recorded : Promise.all([this.#recorded, recorded]).then(ignore);
    // those who asked for a report learn of it
    this.#recorded.catch(ignore);
  }

  /** What waits in memory is not counted: the target may never get it. */
  #moved(): { sent: number; received: number } {
    const { target } = this.#options;
    return { sent: target.bytesWritten - target.writableLength, received: target.bytesRead };
  }

  /** Ends both connections at once. What was moved is reported as they close. */
  close(): void {
    this.#options.close();
  }
}
