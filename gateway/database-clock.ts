import type { Logger } from 'pino';
import { createAlarm } from './alarm.ts';
import { monotonicNow as sharedMonotonicNow } from './monotonic.ts';

/** The database's clock, as measured here. */
export interface DatabaseClock {
  /**
   * In ms since 1970, with a fraction. The host's time until first measured; after that the best
   * measurement plus a monotonic clock, with or without a connection. A better measurement may set
   * it back.
   */
  now(): number;
  /** How far the host's clock is behind, in ms; negative if it is ahead, 0 until measured. */
  readonly offsetMs: number;
  readonly measured: boolean;
  /** The database's clock minus the monotonic one, in ms; null until measured. */
  readonly monotonicOffsetMs: number | null;
  /** Measures by asking for the database's time in ms since 1970. Rejects as `ask` does. */
  measure(ask: () => Promise<number>): Promise<void>;
}

export interface DatabaseClockOptions {
  log: Pick<Logger, 'info' | 'warn'>;
  /** In ms. */
  monotonicNow?: () => number;
  /** The host's clock, in ms since 1970. */
  hostNow?: () => number;
}

/** The database's clock minus the monotonic one, halfway between question and answer. */
interface Measurement {
  offsetMs: number;
  roundTripMs: number;
}

/** How many measurements are kept; the one with the shortest round trip counts. */
const kept = 8;
/** How far the clocks may drift apart over those measurements, in ms. */
const driftMs = 10;
/** A host's clock that is off by more than this is logged, in ms. */
const offMs = 2_000;

/** Creates a clock, which its owner measures over a connection. */
export function createDatabaseClock(options: DatabaseClockOptions): DatabaseClock {
  const { log, monotonicNow = sharedMonotonicNow, hostNow = Date.now } = options;
  let recent: Measurement[] = [];
  let best: Measurement | undefined;
  const off = createAlarm(log, {
    begins: "the host's clock differs from the database's, whose time is used",
    ends: "the host's clock agrees with the database's again",
  });

  const clock: DatabaseClock = {
    now: () => (best ? best.offsetMs + monotonicNow() : hostNow()),
    get offsetMs() {
      return best ? clock.now() - hostNow() : 0;
    },
    get measured() {
      return best !== undefined;
    },
    get monotonicOffsetMs() {
      return best?.offsetMs ?? null;
    },
    async measure(ask) {
      const askedAt = monotonicNow();
      const databaseMs = await ask();
      const answeredAt = monotonicNow();
      const measurement = {
        offsetMs: databaseMs - (askedAt + answeredAt) / 2,
        roundTripMs: answeredAt - askedAt,
      };
      // the database's clock was set, it is another database, or this machine slept
      if (best && !agree(measurement, best)) recent = [];
      recent = [...recent.slice(1 - kept), measurement];
      best = recent.reduce((one, other) => (other.roundTripMs < one.roundTripMs ? other : one));
      const { offsetMs } = clock;
      off(Math.abs(offsetMs) > offMs, { offsetSeconds: offsetMs / 1_000 });
    },
  };
  return clock;
}

/** Whether both can be right: each is off by half of its round trip at most. */
function agree(one: Measurement, other: Measurement): boolean {
  const mostMs = (one.roundTripMs + other.roundTripMs) / 2 + driftMs;
  return Math.abs(one.offsetMs - other.offsetMs) <= mostMs;
}
