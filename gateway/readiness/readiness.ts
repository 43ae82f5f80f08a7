import type { Logger } from 'pino';
import type { Reason } from './reason.ts';

export interface ReadinessOptions {
  /** Each says what keeps the gateway from serving as it promises; null for nothing. */
  sources: (() => Reason | null)[];
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** How often the sources are asked, for the log, in ms. */
  everyMs?: number;
}

/** Why a gateway is not ready, gathered from its parts; each reason is logged as it begins and ends. */
export interface Readiness {
  /** What keeps it from serving, one of a code; empty while it is ready. */
  reasons(): Reason[];
  /** Asks no more by itself. */
  stop(): void;
}

/** Gathers from `sources`, by itself too, so that the log has what nobody asked for. */
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
      if (!now.has(code)) log.info({ code }, 'no longer a reason not to be ready');
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
