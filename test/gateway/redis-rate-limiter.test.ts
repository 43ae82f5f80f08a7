import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { inspect } from 'node:util';
import { createClient } from '@redis/client';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createLocalRateLimiter, type RateLimiter } from '../../gateway/rate-limiter.ts';
import { createRedisRateLimiter } from '../../gateway/redis-rate-limiter.ts';
import { freePort, loopback } from '../../scripts/stack/ports.ts';
import { type RedisServer, startRedis, withoutRedis } from './redis-server.ts';
import { startTcpProxy } from './tcp-proxy.ts';

const closing: (() => unknown)[] = [];

/** Waits until `assertion` holds: how long a machine takes for that is not what is tested. */
const eventually = (assertion: () => unknown) => vi.waitFor(assertion, { timeout: 60_000 });

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** One gateway's limiter, and what it logged. */
function newNode(url: string, timeoutMs = 60_000) {
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => lines.push(line) });
  const local = createLocalRateLimiter({ now: () => performance.now() });
  const limiter = createRedisRateLimiter({ url, local, log, timeoutMs });
  closing.push(() => limiter.close());
  const logged = () => lines.map((line) => JSON.parse(line) as { level: number; reason?: string });
  return { limiter, lines, logged };
}

/** `count` limiters that have Redis. */
async function nodesOn(url: string, count: number, timeoutMs?: number) {
  const nodes = Array.from({ length: count }, () => newNode(url, timeoutMs));
  await eventually(() => expect(nodes.every(({ limiter }) => limiter.available)).toBe(true));
  return nodes;
}

/** Takes with four clients a limiter, each at once again, until `enough` says so. */
async function hammer(
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

/** Takes what a key's bucket holds, so that from here on its rate is all there is. */
async function empty(limiters: RateLimiter[], key: string, rate: number): Promise<void> {
  await Promise.all(
    limiters.map((limiter) => hammer([limiter], key, rate, (waitSeconds) => waitSeconds > 0)),
  );
}

describe.skipIf(withoutRedis)('with Redis', () => {
  let redis: RedisServer;
  let observer: ReturnType<typeof observerOf>;
  const observerOf = (url: string) => createClient({ url }).on('error', () => {});

  beforeAll(async () => {
    redis = await startRedis();
    observer = observerOf(redis.url);
    await observer.connect();
  });

  afterAll(async () => {
    observer?.destroy();
    await redis?.remove();
  });

  /** Redis's own clock, in seconds. */
  const redisSeconds = async () => {
    const [seconds, microseconds] = (await observer.sendCommand(['TIME'])) as [string, string];
    return Number(seconds) + Number(microseconds) / 1e6;
  };

  test.each([
    { nodes: 1, rate: 50 },
    { nodes: 2, rate: 50 },
    { nodes: 2, rate: 333 },
    { nodes: 3, rate: 10 },
  ])('$nodes nodes let $rate a second through, together', async ({ nodes: count, rate }) => {
    const key = `${count} nodes at ${rate}`;
    const limiters = (await nodesOn(redis.url, count)).map(({ limiter }) => limiter);
    // before the bucket is empty, so that a pause can only make the bound wider
    const begun = await redisSeconds();
    await empty(limiters, key, rate);

    const wanted = Math.max(rate, 30);
    let accepted = 0;
    let longestWait = 0;
    await hammer(limiters, key, rate, (waitSeconds) => {
      longestWait = Math.max(longestWait, waitSeconds);
      if (waitSeconds === 0) accepted++;
      return accepted >= wanted;
    });
    const seconds = (await redisSeconds()) - begun;

    // a part of one may have been left in the bucket
    expect(accepted - 1).toBeLessThanOrEqual(rate * seconds);
    // and nobody waits for longer than the next one takes, by Redis's whole milliseconds
    expect(longestWait).toBeLessThanOrEqual(1 / rate + 0.001 + 1e-9);
  });

  test('a burst is one second’s worth over all nodes', async () => {
    const [one, two] = await nodesOn(redis.url, 2);
    const begun = await redisSeconds();
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, sent) =>
        ((sent % 2 ? one : two) ?? expect.fail()).limiter.take('burst', 20),
      ),
    );
    const seconds = (await redisSeconds()) - begun;
    const accepted = answers.filter((waitSeconds) => waitSeconds === 0).length;
    expect(accepted).toBeGreaterThanOrEqual(20);
    expect(accepted).toBeLessThanOrEqual(20 + 20 * seconds);
  });

  test('another rate holds at once, without a fresh burst', async () => {
    const limiters = (await nodesOn(redis.url, 2)).map(({ limiter }) => limiter);
    const raised = await redisSeconds();
    await empty(limiters, 'changed', 10);
    let accepted = 0;
    await hammer(limiters, 'changed', 1_000, (waitSeconds) => {
      expect(waitSeconds).toBeLessThanOrEqual(0.002 + 1e-9);
      if (waitSeconds === 0) accepted++;
      return accepted >= 300;
    });
    // what the lower rate left, at most one of its intervals, is a hundred of the higher
    expect(accepted).toBeLessThanOrEqual(1_000 * ((await redisSeconds()) - raised) + 101);

    const lowered = await redisSeconds();
    await empty(limiters, 'changed', 1_000);
    const takes = limiters.flatMap((limiter) =>
      Array.from({ length: 25 }, () => limiter.take('changed', 2)),
    );
    const waits = await Promise.all(takes);
    const passed = waits.filter((waitSeconds) => waitSeconds === 0).length;
    expect(passed).toBeLessThanOrEqual(2 * ((await redisSeconds()) - lowered) + 1);
    expect(Math.max(...waits)).toBeLessThanOrEqual(0.501);
  });

  test('keys do not share a bucket, and nothing but their ids is kept, no longer than needed', async () => {
    await observer.sendCommand(['FLUSHALL']);
    const [node] = await nodesOn(redis.url, 1);
    const keyIds = ['avp_live_000000000001', 'avp_live_000000000002'];
    const firsts = await Promise.all(keyIds.map((keyId) => node?.limiter.take(keyId, 1)));
    expect(firsts).toEqual([0, 0]);
    // they last for a second: one that is gone already is put there again
    await eventually(async () => {
      for (const keyId of keyIds) await node?.limiter.take(keyId, 1);
      const keys = (await observer.sendCommand(['KEYS', '*'])) as string[];
      const kept = keys.filter((key) => !key.endsWith(':probe')).sort();
      expect(kept).toEqual(keyIds.map((keyId) => `proxy-connects:${keyId}`));
      for (const key of kept) {
        const ttlMs = await observer.sendCommand(['PTTL', key]);
        expect(ttlMs).toBeGreaterThan(0);
        expect(ttlMs).toBeLessThanOrEqual(1_000);
        expect(await observer.sendCommand(['GET', key])).toMatch(/^\d+\.\d\d$/);
      }
    });
  });

  test('a clock that was set back locks no key out', async () => {
    const [node] = await nodesOn(redis.url, 1);
    const future = ((await redisSeconds()) + 3_600) * 1e6;
    await observer.sendCommand(['SET', 'proxy-connects:future', future.toFixed(2)]);
    const waitSeconds = await node?.limiter.take('future', 10);
    expect(waitSeconds).toBeGreaterThan(0);
    expect(waitSeconds).toBeLessThanOrEqual(0.101);
  });

  test('a Redis that is killed under load, and returns: each node counts alone meanwhile', async () => {
    const own = await startRedis();
    closing.push(() => own.remove());
    const nodes = await nodesOn(own.url, 2);
    const rate = 40;
    let killed = 0;
    let stop = false;
    const loads = nodes.map(async ({ limiter }) => {
      let accepted = 0;
      const begun = performance.now();
      await hammer([limiter], 'killed', rate, (waitSeconds) => {
        if (waitSeconds === 0) accepted++;
        return stop;
      });
      const seconds = (performance.now() - begun) / 1_000;
      // in every state: a burst, and the rate
      expect(accepted).toBeLessThanOrEqual(rate + rate * seconds);
      return accepted;
    });
    for (; killed < 3; killed++) {
      await own.kill();
      await eventually(() => expect(nodes.some(({ limiter }) => limiter.available)).toBe(false));
      await own.start();
      await eventually(() => expect(nodes.every(({ limiter }) => limiter.available)).toBe(true));
    }
    stop = true;
    for (const accepted of await Promise.all(loads)) expect(accepted).toBeGreaterThan(0);
    for (const { logged } of nodes) {
      // a line at each loss, and one at each return
      expect(logged().map(({ level }) => level)).toEqual([40, 30, 40, 30, 40, 30]);
    }
  });

  test('a Redis that falls silent holds up nobody, and is used again when it answers', async () => {
    const line = await startTcpProxy(redis.url);
    closing.push(() => line.close());
    const nodes = await nodesOn(line.through(redis.url), 2, 100);
    const limiters = nodes.map(({ limiter }) => limiter);
    expect(await Promise.all(limiters.map((limiter) => limiter.take('silent', 5)))).toEqual([0, 0]);

    line.blackHole();
    // by Redis, or by the node alone: an answer
    const held = limiters.flatMap((limiter) => [1, 2, 3].map(() => limiter.take('silent', 5)));
    expect(await Promise.all(held)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(limiters.map(({ available }) => available)).toEqual([false, false]);
    // while it is tried again
    await eventually(() => expect(line.accepted).toBeGreaterThan(4));
    expect(limiters.map(({ available }) => available)).toEqual([false, false]);

    line.restore();
    await eventually(() => expect(limiters.every(({ available }) => available)).toBe(true));
    for (const { logged } of nodes) {
      expect(logged()).toMatchObject([{ level: 40, reason: 'RedisTimeoutError' }, { level: 30 }]);
    }
  });

  test('regression: Redis is not late because this process was busy', async () => {
    const [node] = await nodesOn(redis.url, 1, 2_000);
    const taking = node?.limiter.take('busy', 5);
    const until = performance.now() + 2_500;
    while (performance.now() < until);
    expect(await taking).toBe(0);
    expect(node?.limiter.available).toBe(true);
    expect(node?.logged()).toEqual([]);
  });

  test('a Redis that answers, but takes no writes, counts as away', async () => {
    const replica = await startRedis('--replicaof', loopback, `${await freePort()}`);
    closing.push(() => replica.remove());
    const { limiter, logged } = newNode(replica.url);
    await eventually(() => expect(logged()).toHaveLength(1));
    await empty([limiter], 'key', 1);
    expect(limiter.available).toBe(false);
  });

  const secret = 'hunter2-of-redis';
  test.each([
    ['a wrong password', ['--requirepass', 'another'], 'WRONGPASS'],
    ['a command that it does not know', ['--rename-command', 'HELLO', ''], 'ERR'],
  ])('regression: no word of the URL is logged after %s', async (_, options, reason) => {
    const guarded = await startRedis(...options);
    closing.push(() => guarded.remove());
    const { limiter, lines, logged } = newNode(`redis://:${secret}@${loopback}:${guarded.port}`);
    await eventually(() => expect(logged()).toMatchObject([{ level: 40, reason }]));
    expect(await limiter.take('key', 1)).toBe(0);
    expect(lines.join('')).not.toContain(secret);
  });

  test('the right password is let in', async () => {
    const guarded = await startRedis('--requirepass', secret);
    closing.push(() => guarded.remove());
    const [node] = await nodesOn(`redis://:${secret}@${loopback}:${guarded.port}`, 1);
    expect(await node?.limiter.take('key', 1)).toBe(0);
    expect(node?.lines).toEqual([]);
  });
});

test('a Redis that is not there from the start leaves a node to itself, and is said once', async () => {
  const { limiter, logged } = newNode(`redis://${loopback}:${await freePort()}`);
  let accepted = 0;
  await hammer([limiter], 'key', 2, (waitSeconds) => {
    expect(waitSeconds).toBeLessThanOrEqual(0.5);
    if (waitSeconds === 0) accepted++;
    return waitSeconds > 0;
  });
  expect(accepted).toBeGreaterThanOrEqual(2);
  await eventually(() => expect(logged()).toMatchObject([{ level: 40, reason: 'ECONNREFUSED' }]));
});

test('regression: a limiter that is closed as it connects leaves no connection', async () => {
  const openSockets = () =>
    process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
  const before = openSockets();
  // accepts, and never says a word
  const silent = createServer((socket) => socket.resume());
  silent.listen(0, loopback);
  await once(silent, 'listening');
  const { limiter } = newNode(`redis://${loopback}:${(silent.address() as AddressInfo).port}`);
  await once(silent, 'connection');
  await limiter.close();
  await eventually(() => expect(openSockets()).toBe(before));
  silent.close();
});

test.each(['redis://:hunter2@[bad/', 'http://:hunter2@127.0.0.1', ':hunter2@127.0.0.1', ''])(
  'regression: %s is refused without being repeated',
  (url) => {
    const create = () => newNode(url);
    expect(create).toThrow();
    try {
      create();
    } catch (error) {
      expect(inspect(error, { showHidden: true, depth: 10 })).not.toContain('hunter2');
    }
  },
);
