import type { FailureCode } from '../refusal.ts';
import type { RefusedRequest } from '../session.ts';
import { siteOf } from './target-site.ts';
import type { UsageEvent } from './usage-event.ts';

export interface RefusedRequestsOptions {
  nodeId: string;
  /** The database's clock, in ms since 1970. */
  clock: () => number;
  record: (event: UsageEvent) => void;
  /** How long refusals of one key and code are counted in one event, in ms; a minute by default. */
  windowMs?: number;
}

/** Refusals that a client can cause by the thousand: one event per key, code and minute. */
const counted: ReadonlySet<FailureCode> = new Set([
  'rate_limited',
  'quota_exceeded',
  'account_quota_exceeded',
  'tunnel_limit_reached',
  'address_forbidden',
  'unavailable',
]);
/** Refusals of a key out of service: they are not recorded. */
const unrecorded: ReadonlySet<FailureCode> = new Set(['key_suspended', 'credentials_required']);
const minuteMs = 60_000;
/** The highest count that the database accepts in one event. */
const mostInOne = 1_000_000;
/** Above this number of keys and codes, the oldest are recorded before their minute is over. */
const mostCounted = 10_000;

/** Turns refusals of authenticated requests into events. */
export class RefusedRequests {
  readonly #options: Required<RefusedRequestsOptions>;
  /** By key and code, in the order of their first refusal. */
  readonly #counted = new Map<string, { event: UsageEvent & { count: number }; window: number }>();

  constructor(options: RefusedRequestsOptions) {
    this.#options = { windowMs: minuteMs, ...options };
  }

  /** Counts or records a refusal. Returns the id of the event that counts it. */
  add(request: RefusedRequest): string {
    const { id, apiKeyId, code } = request;
    if (unrecorded.has(code)) return id;
    if (!counted.has(code)) {
      this.#options.record(this.#eventOf(request));
      return id;
    }
    const window = this.#window();
    const place = `${apiKeyId} ${code}`;
    const current = this.#counted.get(place);
    if (current?.window === window && current.event.count < mostInOne) {
      current.event.count += 1;
      return current.event.eventId;
    }
    if (current) this.#flush(place);
    if (this.#counted.size >= mostCounted) this.#flush(this.#counted.keys().next().value ?? '');
    const event = { ...this.#eventOf(request), count: 1 };
    this.#counted.set(place, { event, window });
    return event.eventId;
  }

  /** Records those whose minute is over, or all. Called often. */
  flush(all = false): void {
    const window = this.#window();
    for (const [place, current] of this.#counted) {
      // a clock that was set back also starts a new minute
      if (!all && current.window === window) return;
      this.#flush(place);
    }
  }

  #window(): number {
    const { clock, windowMs } = this.#options;
    return Math.floor(clock() / windowMs);
  }

  #flush(place: string): void {
    const event = this.#counted.get(place)?.event;
    this.#counted.delete(place);
    if (event) this.#options.record(event);
  }

  #eventOf(request: RefusedRequest): UsageEvent {
    const { clock, nodeId } = this.#options;
    const targetSite = siteOf(request.targetHost);
    return {
      eventId: request.id,
      apiKeyId: request.apiKeyId,
      occurredAt: new Date(clock() - request.durationMs).toISOString(),
      targetHost: request.targetHost,
      ...(targetSite !== undefined && { targetSite }),
      method: request.method,
      statusCode: request.statusCode,
      code: request.code,
      bytesSent: 0,
      bytesReceived: 0,
      durationMs: request.durationMs,
      servedByNodeId: nodeId,
    };
  }
}
