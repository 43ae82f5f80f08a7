import { createClient } from '@redis/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { empty, eventually, hammer, nodesOn } from './redis-nodes.ts';
import { type RedisServer, startRedis, withoutRedis } from './redis-server.ts';

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
  ])('$nodes nodes allow $rate per second together', async ({ nodes: count, rate }) => {
    const key = `${count} nodes at ${rate}`;
    const limiters = (await nodesOn(redis.url, count)).map(({ limiter }) => limiter);
    // measured before the bucket is empty, so that a pause can only widen the bound
    const startedAt = await redisSeconds();
    await empty(limiters, key, rate);

    const wanted = Math.max(rate, 30);
    let accepted = 0;
    let longestWait = 0;
    await hammer(limiters, key, rate, (waitSeconds) => {
      longestWait = Math.max(longestWait, waitSeconds);
      if (waitSeconds === 0) accepted++;
      return accepted >= wanted;
    });
    const seconds = (await redisSeconds()) - startedAt;

    // a partial token may have been left in the bucket
    expect(accepted - 1).toBeLessThanOrEqual(rate * seconds);
    // no wait is longer than one token takes, in Redis's whole milliseconds
    expect(longestWait).toBeLessThanOrEqual(1 / rate + 0.001 + 1e-9);
  });

  test('a burst is one second’s worth over all nodes', async () => {
    const [one, two] = await nodesOn(redis.url, 2);
    const startedAt = await redisSeconds();
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, sent) =>
        ((sent % 2 ? one : two) ?? expect.fail()).limiter.take('burst', 20),
      ),
    );
    const seconds = (await redisSeconds()) - startedAt;
    const accepted = answers.filter((waitSeconds) => waitSeconds === 0).length;
    expect(accepted).toBeGreaterThanOrEqual(20);
    expect(accepted).toBeLessThanOrEqual(20 + 20 * seconds);
  });

  test('another rate applies at once, without a fresh burst', async () => {
    const limiters = (await nodesOn(redis.url, 2)).map(({ limiter }) => limiter);
    const raised = await redisSeconds();
    await empty(limiters, 'changed', 10);
    let accepted = 0;
    await hammer(limiters, 'changed', 1_000, (waitSeconds) => {
      expect(waitSeconds).toBeLessThanOrEqual(0.002 + 1e-9);
      if (waitSeconds === 0) accepted++;
      return accepted >= 300;
    });
    // one interval of the lower rate, the most that can be left, is a hundred of the higher
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

  test('keys do not share a bucket, and Redis only keeps their ids, for no longer than needed', async () => {
    await observer.sendCommand(['FLUSHALL']);
    const [node] = await nodesOn(redis.url, 1);
    const keyIds = ['avp_live_000000000001', 'avp_live_000000000002'];
    const firsts = await Promise.all(keyIds.map((keyId) => node?.limiter.take(keyId, 1)));
    expect(firsts).toEqual([0, 0]);
    // entries last for a second: an expired one is written again
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

  test('a clock that was set back locks out no key', async () => {
    const [node] = await nodesOn(redis.url, 1);
    const future = ((await redisSeconds()) + 3_600) * 1e6;
    await observer.sendCommand(['SET', 'proxy-connects:future', future.toFixed(2)]);
    const waitSeconds = await node?.limiter.take('future', 10);
    expect(waitSeconds).toBeGreaterThan(0);
    expect(waitSeconds).toBeLessThanOrEqual(0.101);
  });
});
