import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, ErrorReply } from '@redis/client';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { LocalRateLimiter, RateLimiter } from './rate-limiter.ts';

export interface RedisRateLimiterOptions {
  /** redis:// or rediss://. May hold a password: it is never logged, nor put in an error. */
  url: string;
  /** This node's own count, which holds with and without Redis. */
  local: LocalRateLimiter;
  log: Pick<Logger, 'info' | 'warn'>;
  /** How long Redis may take to answer before this node goes on alone, in ms. */
  timeoutMs?: number;
}

/** A `RateLimiter` that counts over every node with the same Redis. */
export interface RedisRateLimiter extends RateLimiter {
  /** Whether Redis answers: false means that this node counts alone. */
  readonly available: boolean;
  close(): Promise<void>;
}

const keyPrefix = 'proxy-connects';
/** How long a connection may take until its first answer, in ms. */
const connectMs = 2_000;
const longestPauseMs = 1_000;

/**
 * The token bucket of `createLocalRateLimiter` in Redis's clock, in place of the fixed window of
 * rate-limiter-flexible, which lets two seconds' worth through around its edge. Arguments and answer
 * are the library's: points to take, seconds, points a window; points taken, ms to wait.
 */
const tokenBucket = `
local clock = redis.call('time')
local now = clock[1] * 1000000 + clock[2]
local points = tonumber(ARGV[3])
local capacity = ARGV[4] * 1000000
local full_at = tonumber(redis.call('get', KEYS[1]) or 0)
-- a clock that was set back must not lock a key out
full_at = math.min(math.max(full_at, now), now + capacity)
local full_after = full_at + ARGV[1] * capacity / points
local wait = full_after - now - capacity
if wait > 1 then
  return {points + 1, math.ceil(wait / 1000)}
end
redis.call('set', KEYS[1], string.format('%.2f', full_after), 'px', math.ceil((full_after - now) / 1000))
return {1, 0}
`;

/** A client's `eval`, the one method that the library calls. */
type Evaluate = (
  script: string,
  options: { keys: string[]; arguments: string[] },
) => Promise<unknown>;

/**
 * Counts in Redis what this node's own count lets through: all nodes together keep a key's rate, and
 * whatever happens to Redis, each node keeps it alone. A Redis that fails, or takes longer than
 * `timeoutMs`, is left aside until a new connection has answered; that is logged, and its return.
 * Throws an Error when `url` is no Redis URL.
 */
export function createRedisRateLimiter(options: RedisRateLimiterOptions): RedisRateLimiter {
  const { url, local, log, timeoutMs = 250 } = options;
  const closing = new AbortController();
  let evaluate: Evaluate | undefined;
  let lossLogged = false;

  const storeClient = {
    eval: (...call: Parameters<Evaluate>) => evaluate?.(...call) ?? Promise.reject(new Error()),
  };
  // the library has its rate by the limiter, and the state is in Redis alone
  const limiters = new LRUCache<number, RateLimiterRedis, void>({
    max: 1_000,
    memoMethod: (points) =>
      new RateLimiterRedis({
        storeClient,
        useRedisPackage: true,
        keyPrefix,
        points,
        duration: 1,
        customIncrTtlLuaScript: tokenBucket,
      }),
  });
  // an error of `new URL` has the URL in it
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol)) {
    throw new Error('the Redis URL is not a redis:// or rediss:// URL');
  }

  /** Connects, and counts in Redis until the connection fails; throws why. */
  const hold = async (): Promise<never> => {
    const client = createClient({
      url,
      socket: { connectTimeout: connectMs, reconnectStrategy: false },
      disableOfflineQueue: true,
      maintNotifications: 'disabled',
    });
    const lost = Promise.withResolvers<never>();
    lost.promise.catch(() => {});
    const lose = () => lost.reject(new Error('closed'));
    client.on('error', lost.reject);
    closing.signal.addEventListener('abort', lose);
    const evaluateInTime: Evaluate = async (...call) => {
      try {
        return await within(timeoutMs, client.eval(...call));
      } catch (error) {
        lost.reject(error);
        throw error;
      }
    };
    try {
      await Promise.race([within(connectMs, client.connect()), lost.promise]);
      // a Redis that is full or read-only answers a ping
      const probe = { keys: [`${keyPrefix}:probe`], arguments: ['1', '1', '1000000', '1'] };
      await Promise.race([evaluateInTime(tokenBucket, probe), lost.promise]);
      evaluate = evaluateInTime;
      if (lossLogged) log.info('Redis answers again: CONNECTs are counted over all nodes');
      lossLogged = false;
      return await lost.promise;
    } finally {
      evaluate = undefined;
      closing.signal.removeEventListener('abort', lose);
      // one that is still connecting is destroyed when it has connected: the client leaves it open
      client.once('connect', () => client.destroy());
      client.destroy();
    }
  };

  const run = async () => {
    const { signal } = closing;
    let pauseMs = 100;
    while (!signal.aborted) {
      const begun = performance.now();
      try {
        await hold();
      } catch (error) {
        if (signal.aborted) return;
        if (!lossLogged) {
          log.warn({ reason: reasonOf(error) }, 'Redis does not answer: this node counts alone');
        }
        lossLogged = true;
      }
      if (performance.now() - begun > 10_000) pauseMs = 100;
      const pause = sleep(pauseMs * (0.5 + Math.random() / 2), undefined, { signal, ref: false });
      await pause.catch(() => {});
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  };
  const running = run();

  return {
    async take(keyId, ratePerSecond) {
      const waitSeconds = local.take(keyId, ratePerSecond);
      if (waitSeconds > 0 || !evaluate) return waitSeconds;
      try {
        await limiters.memo(ratePerSecond).consume(keyId);
        return 0;
      } catch (error) {
        if (error instanceof RateLimiterRes) return error.msBeforeNext / 1_000;
        // Redis failed, and this node has counted
        return 0;
      }
    },
    get available() {
      return evaluate !== undefined;
    },
    async close() {
      closing.abort();
      await running;
    },
  };
}

class RedisTimeoutError extends Error {}

/** What `promise` gives, if it does in time. */
function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  const { promise: inTime, resolve, reject } = Promise.withResolvers<T>();
  const expire = () => reject(new RedisTimeoutError());
  // by halves: while this process is busy, it neither asks nor reads, and the first half takes that
  let timer = setTimeout(() => {
    timer = setTimeout(expire, timeoutMs / 2);
  }, timeoutMs / 2);
  promise.then(resolve, reject).finally(() => clearTimeout(timer));
  return inTime;
}

/** Why Redis failed, without its words: an error reply may repeat a command's arguments. */
function reasonOf(error: unknown): string {
  if (error instanceof ErrorReply) return error.message.split(' ', 1)[0] ?? error.name;
  if (!(error instanceof Error)) return typeof error;
  return 'code' in error ? String(error.code) : error.constructor.name;
}
