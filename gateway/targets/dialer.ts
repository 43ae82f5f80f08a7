import { connect, type Socket } from 'node:net';
import type { Logger } from 'pino';
import { createAlarm } from '../alarm.ts';
import type { Descriptors } from '../descriptors.ts';
import { Refusal } from '../refusal.ts';
import type { Target, TargetPolicy } from './target-policy.ts';

/** How long an address may be silent before the next one is tried in parallel, in ms: RFC 8305. */
const attemptDelayMs = 250;
/** A name may have more addresses than are worth trying for one request. */
const mostAttempts = 16;
const retryAfterSeconds = 5;
/** Errors of a machine that has run out of resources: they are not the target's. */
const ourFault: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

export interface DialerOptions {
  policy: TargetPolicy;
  descriptors: Descriptors;
  /** How long resolving and connecting may take in all, in ms. */
  timeoutMs: number;
  log: Pick<Logger, 'info' | 'warn'>;
}

/** Connects to targets. */
export class Dialer {
  readonly #options: DialerOptions;
  readonly #exhausted: ReturnType<typeof createAlarm>;

  constructor(options: DialerOptions) {
    this.#options = options;
    this.#exhausted = createAlarm(options.log, {
      begins: 'no socket is left for targets: requests are refused',
      ends: 'sockets for targets are available again',
    });
  }

  /**
   * Resolves a host and port as a client sent them, and connects; `keyId` is the request's key,
   * which limits how many names are resolved at once. Rejects with a `Refusal`: one of the
   * policy's, target_timeout, target_unreachable or unavailable; or with the reason of `giveUp`
   * when that is aborted. No socket is left behind.
   */
  async connect(
    { host, port }: { host: string; port: number },
    keyId: string,
    giveUp: AbortController,
  ): Promise<{ socket: Socket; target: Target }> {
    const { policy, descriptors, timeoutMs } = this.#options;
    const { signal } = giveUp;
    signal.throwIfAborted();
    const deadline = setTimeout(() => giveUp.abort(new Refusal('target_timeout')), timeoutMs);
    try {
      const target = await policy.resolve(host, port, { keyId, signal });
      const socket = await dial(target, descriptors, signal);
      this.#exhausted(false);
      return { socket, target };
    } catch (error) {
      if (error instanceof Refusal && error.code === 'unavailable') {
        this.#exhausted(true, { descriptors: descriptors.used });
      }
      throw error;
    } finally {
      clearTimeout(deadline);
    }
  }
}

/**
 * Connects to the first of the target's addresses that answers. Each is tried as soon as the one
 * before it fails, or in parallel if that is slow. (Node's own `autoSelectFamily` gives up on a
 * slow address instead, so that a distant one may never be reached.) The socket allows half-open
 * connections, has no delay, and survives an error without another listener. Rejects with a
 * `Refusal`, target_unreachable or unavailable, or with the signal's reason.
 */
export function dial(
  { addresses, port }: Target,
  descriptors: Descriptors,
  signal?: AbortSignal,
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const waiting = addresses.slice(0, mostAttempts);
  const attempts = new Set<Socket>();
  let nextAttempt: NodeJS.Timeout | undefined;
  let failure: string | undefined = 'EMFILE';

  const settle = () => {
    clearTimeout(nextAttempt);
    signal?.removeEventListener('abort', abort);
    for (const socket of attempts) socket.destroy();
    attempts.clear();
  };
  const abort = () => {
    settle();
    reject(signal?.reason);
  };
  const attempt = () => {
    clearTimeout(nextAttempt);
    const next = waiting.shift();
    if (!next) {
      if (attempts.size > 0) return;
      settle();
      reject(refusalFor(failure));
      return;
    }
    if (!descriptors.take('target')) {
      waiting.length = 0;
      attempt();
      return;
    }
    // no DNS: the host is an address
    const socket = connect({ host: next.address, port, noDelay: true, allowHalfOpen: true });
    attempts.add(socket);
    socket.once('close', () => descriptors.release('target'));
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      // for IPv4 it means that no local port is free; for IPv6, that this machine has no IPv6
      failure = code === 'EADDRNOTAVAIL' && next.family === 4 ? 'EMFILE' : code;
      if (attempts.delete(socket)) attempt();
    });
    socket.once('connect', () => {
      attempts.delete(socket);
      settle();
      resolve(socket);
    });
    if (waiting.length > 0) nextAttempt = setTimeout(attempt, attemptDelayMs);
  };

  if (signal?.aborted) {
    abort();
    return promise;
  }
  signal?.addEventListener('abort', abort, { once: true });
  attempt();
  return promise;
}

function refusalFor(failure = ''): Refusal {
  if (ourFault.has(failure)) {
    return new Refusal('unavailable', { retryAfterSeconds, error: 'connection_limit_reached' });
  }
  const refused = failure === 'ECONNREFUSED';
  return new Refusal('target_unreachable', refused ? { error: 'connection_refused' } : {});
}
