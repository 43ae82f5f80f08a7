import { setImmediate as turn } from 'node:timers/promises';
import pino from 'pino';
import { expect, onTestFinished, vi } from 'vitest';
import { createLocalRateLimiter, type RateLimiter } from '../../../gateway/limits/rate-limiter.ts';
import { createRedisRateLimiter } from '../../../gateway/limits/redis-rate-limiter.ts';

/** Waits until `assertion` holds, with a long timeout, because a slow machine is not under test. */
export const eventually = (assertion: () => unknown) => vi.waitFor(assertion, { timeout: 60_000 });

/** One gateway's limiter and its log; closed with the test. */
export function newNode(url: string, timeoutMs = 60_000) {
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => lines.push(line) });
  const local = createLocalRateLimiter({ now: () => performance.now() });
  const limiter = createRedisRateLimiter({ url, local, log, timeoutMs });
  onTestFinished(() => limiter.close());
  const logged = () => lines.map((line) => JSON.parse(line) as { level: number; reason?: string });
  return { limiter, lines, logged };
}

/** `count` limiters that are connected to Redis. */
export async function nodesOn(url: string, count: number, timeoutMs?: number) {
  const nodes = Array.from({ length: count }, () => newNode(url, timeoutMs));
  await eventually(() => expect(nodes.every(({ limiter }) => limiter.available)).toBe(true));
  return nodes;
}

/** Takes tokens with four clients per limiter, without pause, until `enough`. */
export async function hammer(
  limiters: RateLimiter[],
  key: string,
  rate: number,
  onAnswer: (waitSeconds: number) => boolean,
): Promise<void> {
  let enough = false;
  const client = async (limiter: RateLimiter) => {
    while (!enough) {
      enough = onAnswer(await limiter.take(key, rate)) || enough;
      await turn();
    }
  };
  await Promise.all(limiters.flatMap((limiter) => [1, 2, 3, 4].map(() => client(limiter))));
}

/** Empties a key's bucket, so that only its rate counts from here on. */
export async function empty(limiters: RateLimiter[], key: string, rate: number): Promise<void> {
  await Promise.all(
    limiters.map((limiter) => hammer([limiter], key, rate, (waitSeconds) => waitSeconds > 0)),
  );
}
