import { connect, type Socket } from 'node:net';
import { Refusal } from '../refusal.ts';
import type { Target, TargetPolicy } from './target-policy.ts';

/** How long an address may stay silent before the next one is tried beside it, in ms: RFC 8305. */
const attemptDelayMs = 250;
/** A name may have more addresses than one request is worth. */
const mostAttempts = 16;

export interface ConnectOptions {
  /** The key that connects: it bounds what may be resolved at once. */
  keyId: string;
  /** How long resolving and connecting may take in all, in ms. */
  timeoutMs: number;
  /** Gives up: the client is gone, or the gateway stops. */
  signal?: AbortSignal;
}

/**
 * Resolves a host and port as a client sent them by `policy`, and connects. Rejects with a `Refusal`:
 * one of the policy's, target_timeout, or target_unreachable; with the signal's reason when that is
 * aborted. No socket is left behind.
 */
export async function connectTarget(
  policy: TargetPolicy,
  host: string,
  port: number,
  { keyId, timeoutMs, signal }: ConnectOptions,
): Promise<{ socket: Socket; target: Target }> {
  signal?.throwIfAborted();
  const giveUp = new AbortController();
  const abort = () => giveUp.abort(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  const deadline = setTimeout(() => giveUp.abort(new Refusal('target_timeout')), timeoutMs);
  try {
    const target = await policy.resolve(host, port, { keyId, signal: giveUp.signal });
    return { socket: await dial(target, giveUp.signal), target };
  } finally {
    clearTimeout(deadline);
    signal?.removeEventListener('abort', abort);
  }
}

/**
 * Connects to the first of the target's addresses that answers. Each is tried at once when the one
 * before it fails, and beside it when that is slow. (Node's own `autoSelectFamily` gives a slow
 * address up instead, so that a far one may never be reached.) The socket half-closes by itself
 * only, has no delay, and bears an error that nobody listens for. Rejects with a `Refusal`,
 * target_unreachable, or with the signal's reason.
 */
export function dial({ addresses, port }: Target, signal?: AbortSignal): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const waiting = addresses.slice(0, mostAttempts);
  const attempts = new Set<Socket>();
  let nextAttempt: NodeJS.Timeout | undefined;

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
      reject(new Refusal('target_unreachable'));
      return;
    }
    // an address is not looked up
    const socket = connect({ host: next.address, port, noDelay: true, allowHalfOpen: true });
    attempts.add(socket);
    socket.on('error', () => {
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
