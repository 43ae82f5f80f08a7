import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { freePort, loopback } from '../../../scripts/stack/ports.ts';
import { startTcpProxy } from '../../support/gateway/tcp-proxy.ts';
import { empty, eventually, hammer, newNode, nodesOn } from './redis-nodes.ts';
import { type RedisServer, startRedis, withoutRedis } from './redis-server.ts';

describe.skipIf(withoutRedis)('with Redis', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(async () => {
    await redis?.remove();
  });

  test('while a Redis that is killed under load is away, each node counts alone', async () => {
    const own = await startRedis();
    onTestFinished(() => own.remove());
    const nodes = await nodesOn(own.url, 2);
    const rate = 40;
    let killed = 0;
    let stop = false;
    const loads = nodes.map(async ({ limiter }) => {
      let accepted = 0;
      const startedAt = performance.now();
      await hammer([limiter], 'killed', rate, (waitSeconds) => {
        if (waitSeconds === 0) accepted++;
        return stop;
      });
      const seconds = (performance.now() - startedAt) / 1_000;
      // in every state: one burst plus the rate
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
      // one line per loss, and one per return
      expect(logged().map(({ level }) => level)).toEqual([40, 30, 40, 30, 40, 30]);
    }
  });

  test('a Redis that stops answering delays no one, and is used again when it answers', async () => {
    const line = await startTcpProxy(redis.url);
    onTestFinished(() => line.close());
    const nodes = await nodesOn(line.through(redis.url), 2, 100);
    const limiters = nodes.map(({ limiter }) => limiter);
    expect(await Promise.all(limiters.map((limiter) => limiter.take('silent', 5)))).toEqual([0, 0]);

    line.blackHole();
    // each gets an answer, from Redis or from the node alone
    const held = limiters.flatMap((limiter) => [1, 2, 3].map(() => limiter.take('silent', 5)));
    expect(await Promise.all(held)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(limiters.map(({ available }) => available)).toEqual([false, false]);
    // while connections are retried
    await eventually(() => expect(line.accepted).toBeGreaterThan(4));
    expect(limiters.map(({ available }) => available)).toEqual([false, false]);

    line.restore();
    await eventually(() => expect(limiters.every(({ available }) => available)).toBe(true));
    for (const { logged } of nodes) {
      expect(logged()).toMatchObject([{ level: 40, reason: 'RedisTimeoutError' }, { level: 30 }]);
    }
  });

  test('regression: Redis does not count as late because this process was busy', async () => {
    const [node] = await nodesOn(redis.url, 1, 2_000);
    const taking = node?.limiter.take('busy', 5);
    const until = performance.now() + 2_500;
    while (performance.now() < until);
    expect(await taking).toBe(0);
    expect(node?.limiter.available).toBe(true);
    expect(node?.logged()).toEqual([]);
  });

  test('a Redis that answers but accepts no writes counts as away', async () => {
    const replica = await startRedis('--replicaof', loopback, `${await freePort()}`);
    onTestFinished(() => replica.remove());
    const { limiter, logged } = newNode(replica.url);
    await eventually(() => expect(logged()).toHaveLength(1));
    await empty([limiter], 'key', 1);
    expect(limiter.available).toBe(false);
  });

  const secret = 'hunter2-of-redis';
  test.each([
    ['a wrong password', ['--requirepass', 'another'], 'WRONGPASS'],
    ['an unknown command', ['--rename-command', 'HELLO', ''], 'ERR'],
  ])('regression: nothing of the URL is logged after %s', async (_, options, reason) => {
    const guarded = await startRedis(...options);
    onTestFinished(() => guarded.remove());
    const { limiter, lines, logged } = newNode(`redis://:${secret}@${loopback}:${guarded.port}`);
    await eventually(() => expect(logged()).toMatchObject([{ level: 40, reason }]));
    expect(await limiter.take('key', 1)).toBe(0);
    expect(lines.join('')).not.toContain(secret);
  });

  test('the right password works', async () => {
    const guarded = await startRedis('--requirepass', secret);
    onTestFinished(() => guarded.remove());
    const [node] = await nodesOn(`redis://:${secret}@${loopback}:${guarded.port}`, 1);
    expect(await node?.limiter.take('key', 1)).toBe(0);
    expect(node?.lines).toEqual([]);
  });
});

test('without Redis from the start, a node counts alone and logs it once', async () => {
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

test('regression: a limiter that is closed while it connects leaves no connection', async () => {
  const openSockets = () =>
    process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
  const before = openSockets();
  // accepts, and never answers
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
  'regression: %s is refused without being shown',
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
