import type { Logger } from 'pino';
import { keyMaxAgeMs } from '../keys/key-cache.ts';
import type { LookUpKey } from '../keys/key-lookup.ts';
import { causeOf, explainDatabaseError } from './database-problem.ts';
import { newReason, type Reason } from './reason.ts';

export interface LookupWatchOptions {
  lookUp: LookUpKey;
  /** Monotonic, in ms. */
  now: () => number;
  log: Pick<Logger, 'info' | 'warn'>;
  /** How often to make a lookup if no client's lookup was answered, in ms. */
  probeMs?: number;
}

/** Watches lookups: whether the database answers them, and if not, why. */
export interface LookupWatch {
  /** The same lookup, watched. */
  lookUp: LookUpKey;
  /** Why keys cannot be looked up: until the first answer, and once the last one is too old. */
  problem(): Reason | null;
  /** Stops making lookups by itself. */
  stop(): void;
}

/** No key has this keyId, which makes it the cheapest lookup. */
const probeKeyId = 'probe';
/** How often failures are logged, in ms. */
const logEveryMs = 60_000;

/** Watches lookups, and makes one at once and whenever none was answered for `probeMs`. */
export function watchLookups(options: LookupWatchOptions): LookupWatch {
  const { now, log, probeMs = 5_000 } = options;
  let answeredAt = Number.NEGATIVE_INFINITY;
  let answered = false;
  let last: Reason | null = null;
  /** `count`: since the last log line about them. `open`: that line reported a failure. */
  const failures = { count: 0, loggedAt: Number.NEGATIVE_INFINITY, open: false };

  const fail = (error: unknown) => {
    last = explainDatabaseError(error);
    failures.count += 1;
    if (now() - failures.loggedAt < logEveryMs) return;
    log.warn(
      { code: last.code, sentence: last.sentence, cause: causeOf(error), failures: failures.count },
      'keys cannot be looked up',
    );
    Object.assign(failures, { count: 0, loggedAt: now(), open: true });
  };
  const succeed = () => {
    answeredAt = now();
    answered = true;
    if (!failures.open) return;
    log.info({ failures: failures.count }, 'keys are looked up again');
    Object.assign(failures, { count: 0, open: false });
  };

  const lookUp: LookUpKey = async (keyId) => {
    try {
      const record = await options.lookUp(keyId);
      succeed();
      return record;
    } catch (error) {
      fail(error);
      throw error;
    }
  };

  let underWay = false;
  const probe = async () => {
    underWay = true;
    await lookUp(probeKeyId).catch(() => {});
    underWay = false;
  };
  const timer = setInterval(() => {
    if (!answered && !underWay) void probe();
    answered = false;
  }, probeMs).unref();
  void probe();

  return {
    lookUp,
    problem() {
      if (now() - answeredAt <= keyMaxAgeMs) return null;
      return last ?? newReason('starting');
    },
    stop: () => clearInterval(timer),
  };
}
