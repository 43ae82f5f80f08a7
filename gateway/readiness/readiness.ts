import type { Logger } from 'pino';
import type { Reason } from './reason.ts';

export interface ReadinessOptions {
  /** Each returns why the gateway does not keep its promises; null if it has no reason. */
  sources: (() => Reason | null)[];
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** How often the sources are checked, for the log, in ms. */
  everyMs?: number;
}

/** Collects why a gateway is not ready; each reason is logged when it starts and when it ends. */
export interface Readiness {
  /** Why it is not ready, at most one reason per code; empty while it is ready. */
  reasons(): Reason[];
  /** Stops checking by itself. */
  stop(): void;
}

/** Asks `sources` for reasons, also on a timer, so that the log has them even if no one asks. */
export function createReadiness({ sources, log, everyMs = 250 }: ReadinessOptions): Readiness {
  let logged = new Map<string, Reason>();

  const reasons = () => {
    const now = new Map<string, Reason>();
    for (const source of sources) {
      const reason = source();
      if (reason && !now.has(reason.code)) now.set(reason.code, reason);
    }
    for (const [code, { level, sentence }] of now) {
      if (!logged.has(code)) log[level]({ code, sentence }, 'not ready');
    }
    for (const code of logged.keys()) {
      if (!now.has(code)) log.info({ code }, 'a reason for not being ready has ended');
    }
    logged = now;
    return [...now.values()];
  };
  const timer = setInterval(reasons, everyMs).unref();
  return {
    reasons,
    stop: () => clearInterval(timer),
  };
}
