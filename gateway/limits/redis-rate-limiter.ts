import { createClient, ErrorReply } from '@redis/client';
import type { Logger } from 'pino';
import { keepConnected } from '../reconnecting.ts';
import type { LocalRateLimiter, RateLimiter } from './rate-limiter.ts';

export interface RedisRateLimiterOptions {
  /** redis:// or rediss://. It may contain a password: it is never logged, nor put in an error. */
  url: string;
  /** This node's own limiter, which applies with and without Redis. */
  local: LocalRateLimiter;
  log: Pick<Logger, 'info' | 'warn'>;
  /** How long Redis may take to answer before this node counts alone, in ms. */
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
 * The token bucket of `createLocalRateLimiter` on Redis's clock: takes one CONNECT at a rate per
 * second, and returns 0, or the microseconds until the next one is allowed.
 */
const tokenBucket = `
local clock = redis.call('time')
local now = clock[1] * 1000000 + clock[2]
local capacity = 1000000
local full_at = tonumber(redis.call('get', KEYS[1]) or 0)
-- a clock that was set back must not lock a key out
full_at = math.min(math.max(full_at, now), now + capacity)
local full_after = full_at + capacity / ARGV[1]
local wait = full_after - now - capacity
if wait > 1 then
  return math.ceil(wait)
end
redis.call('set', KEYS[1], string.format('%.2f', full_after), 'px', math.ceil((full_after - now) / 1000))
return 0
`;

/** Takes one CONNECT in Redis; resolves to the microseconds to wait. */
type TakeInRedis = (keyId: string, ratePerSecond: number) => Promise<number>;

/**
 * Counts in Redis the CONNECTs that this node's own limiter allows: all nodes together keep to a
 * key's rate, and each node does so alone whatever happens to Redis. If Redis fails, or takes
 * longer than `timeoutMs`, it is not used until a new connection has answered; both are logged.
 * Throws an Error if `url` is not a Redis URL.
 */
export function createRedisRateLimiter(options: RedisRateLimiterOptions): RedisRateLimiter {
  const { url, local, log, timeoutMs = 250 } = options;
  let takeInRedis: TakeInRedis | undefined;

  // an error of `new URL` contains the URL
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol)) {
    throw new Error('the Redis URL is not a redis:// or rediss:// URL');
  }

  /** Connects, and counts in Redis until the connection fails; throws the reason. */
  const hold = async (signal: AbortSignal, works: () => void): Promise<never> => {
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
    signal.addEventListener('abort', lose);
    const take: TakeInRedis = async (keyId, ratePerSecond) => {
      const call = { keys: [`${keyPrefix}:${keyId}`], arguments: [String(ratePerSecond)] };
      try {
        return Number(await within(timeoutMs, client.eval(tokenBucket, call)));
      } catch (error) {
        lost.reject(error);
        throw error;
      }
    };
    try {
      await Promise.race([within(connectMs, client.connect()), lost.promise]);
      // a Redis that is full or read-only answers a ping
      await Promise.race([take('probe', 1_000_000), lost.promise]);
      takeInRedis = take;
      works();
      return await lost.promise;
    } finally {
      takeInRedis = undefined;
      signal.removeEventListener('abort', lose);
      // the client leaves a connection that is still being opened: destroy it once it is open
      client.once('connect', () => client.destroy());
      client.destroy();
    }
  };
  const connection = keepConnected({
    hold,
    longestPauseMs,
    onWorks(again) {
      if (again) log.info('Redis answers again: CONNECTs are counted over all nodes');
    },
    onFailed(reason, again) {
      if (again) return;
      log.warn({ reason: reasonOf(reason) }, 'Redis does not answer: this node counts alone');
    },
  });

  return {
    async take(keyId, ratePerSecond) {
      const waitSeconds = local.take(keyId, ratePerSecond);
      if (waitSeconds > 0 || !takeInRedis) return waitSeconds;
      try {
        return (await takeInRedis(keyId, ratePerSecond)) / 1_000_000;
      } catch {
        // Redis failed, but this node has counted it
        return 0;
      }
    },
    get available() {
      return takeInRedis !== undefined;
    },
    close: () => connection.stop(),
  };
}

class RedisTimeoutError extends Error {}

/** The result of `promise`, if it settles in time. */
function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  const { promise: inTime, resolve, reject } = Promise.withResolvers<T>();
  const expire = () => reject(new RedisTimeoutError());
  // two timers: a busy process neither sends nor reads, and the first timer absorbs that delay
  let timer = setTimeout(() => {
    timer = setTimeout(expire, timeoutMs / 2);
  }, timeoutMs / 2);
  promise.then(resolve, reject).finally(() => clearTimeout(timer));
  return inTime;
}

/** Why Redis failed, without its message: an error reply may repeat a command's arguments. */
function reasonOf(error: unknown): string {
  if (error instanceof ErrorReply) return error.message.split(' ', 1)[0] ?? error.name;
  if (!(error instanceof Error)) return typeof error;
  return 'code' in error ? String(error.code) : error.constructor.name;
}
