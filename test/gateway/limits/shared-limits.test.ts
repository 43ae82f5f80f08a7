import { createClient } from '@redis/client';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  connectRequest,
  type GatewayFixture,
  sendRaw,
  startTestGateway,
} from '../../support/gateway/gateway-fixture.ts';
import { type KeyOwner, newKeyOwner, type UsableKey } from '../../support/gateway/key-owner.ts';
import { startTcpTarget, type TargetServer } from '../../support/gateway/targets.ts';
import { connectOwner } from '../../support/personas.ts';
import { overrideLimits } from '../../support/seeded-keys.ts';
import { type RedisServer, startRedis, withoutRedis } from './redis-server.ts';

const rate = 20;
const sql = connectOwner();
let target: TargetServer;
let owner: KeyOwner;
const running: GatewayFixture[] = [];

beforeAll(async () => {
  [target, owner] = await Promise.all([
    startTcpTarget((socket) => socket.resume()),
    newKeyOwner(sql),
  ]);
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((gateway) => gateway.stop()));
});

afterAll(async () => {
  await Promise.all([target.close(), sql.end()]);
});

async function start(settings: Parameters<typeof startTestGateway>[0]): Promise<GatewayFixture> {
  const gateway = await startTestGateway(settings);
  running.push(gateway);
  return gateway;
}

async function newKey(): Promise<UsableKey> {
  const key = await owner.newKey();
  await overrideLimits(sql, key.id, { rate_limit: rate });
  return key;
}

/** Whether a CONNECT is accepted; expects 429 otherwise. */
async function accepted(gateway: GatewayFixture, key: UsableKey): Promise<boolean> {
  const request = connectRequest(`127.0.0.1:${target.port}`, key.basicAuth);
  const { status, headers, socket } = await sendRaw(gateway.port, request);
  socket.destroy();
  if (status === 200) return true;
  expect(status).toBe(429);
  expect(headers['retry-after']).toBe('1');
  return false;
}

async function countAccepted(gateway: GatewayFixture, key: UsableKey, tries: number) {
  let count = 0;
  for (let sent = 0; sent < tries; sent++) if (await accepted(gateway, key)) count += 1;
  return count;
}

it('one node allows one second’s worth at once, and exactly the key’s rate afterwards', async () => {
  let time = 0;
  const gateway = await start({ now: () => time });
  const key = await newKey();
  expect(await countAccepted(gateway, key, rate + 5)).toBe(rate);

  const steps = 30;
  let later = 0;
  for (let step = 0; step < steps; step++) {
    time += 1_000 / rate;
    later += await countAccepted(gateway, key, 2);
  }
  expect(later).toBe(steps);
});

describe.skipIf(withoutRedis)('two nodes with one Redis', () => {
  let redis: RedisServer;
  let observer: ReturnType<typeof createClient>;

  beforeAll(async () => {
    redis = await startRedis();
    observer = createClient({ url: redis.url });
    await observer.on('error', () => {}).connect();
  });

  afterAll(async () => {
    observer?.destroy();
    await redis?.remove();
  });

  /** Redis's own clock, in seconds. */
  async function redisSeconds(): Promise<number> {
    const [seconds, microseconds] = (await observer.sendCommand(['TIME'])) as [string, string];
    return Number(seconds) + Number(microseconds) / 1e6;
  }

  /** The accepted CONNECTs of two hammered nodes, each and in total, and the elapsed seconds. */
  async function hammer(nodes: GatewayFixture[], key: UsableKey) {
    const [first = expect.fail()] = nodes;
    // start at a moment when the bucket is known to be empty
    let startedAt: number;
    do {
      startedAt = await redisSeconds();
    } while (await accepted(first, key));

    const counts = nodes.map(() => 0);
    const total = () => counts.reduce((sum, count) => sum + count);
    const client = async ([index, node]: [number, GatewayFixture]) => {
      while (total() < 3 * rate) {
        if (await accepted(node, key)) counts[index] = (counts[index] ?? 0) + 1;
      }
    };
    await Promise.all([...nodes.entries(), ...nodes.entries()].map(client));
    return { counts, total: total(), seconds: (await redisSeconds()) - startedAt };
  }

  it('allow no more than the key’s rate, together', async () => {
    const nodes = await Promise.all([1, 2].map(() => start({ redisUrl: redis.url })));
    const lost = () => nodes.flatMap(({ logged }) => logged).filter((line) => /alone/.test(line));
    for (let disturbed = true; disturbed; ) {
      await vi.waitFor(async () => {
        for (const node of nodes) expect(await node.metric('gateway_counting_together')).toBe(1);
      }, 60_000);
      const before = lost().length;
      const { counts, total, seconds } = await hammer(nodes, await newKey());
      // repeat the trial if a node counted alone because Redis was slow, or if one node was
      // accepted every time, which would show nothing about the other
      disturbed = lost().length > before || Math.min(...counts) === 0;
      if (disturbed) continue;
      // one token may have been almost complete
      expect(total - 1).toBeLessThanOrEqual(rate * seconds);
    }
  });
});
