import { randomInt, randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePort, loopback } from '../../../scripts/stack/ports.ts';
import { postgresUser } from '../../../scripts/stack/process-user.ts';
import { openStateDirectory } from '../../../scripts/stack/state-directory.ts';
import { createSupervisor } from '../../../scripts/stack/supervisor.ts';
import { startGatewayProcess } from '../../support/gateway/gateway-process.ts';
import { SeededRandom } from '../../support/gateway/seeded-random.ts';
import { startTcpProxy } from '../../support/gateway/tcp-proxy.ts';
import { type SeededKey, seedKeys } from '../../support/seeded-keys.ts';
import { startRedis } from '../limits/redis-server.ts';
import { type LoadTunnel, startTunnelLoad, type TunnelLoad } from '../tunnels/tunnel-load.ts';
import { withoutClocks } from './clock-ahead.ts';
import {
  type CountedUsage,
  countEvents,
  countReportsTakenAgain,
  noteReports,
  usageByTarget,
  usageTotals,
} from './counted-usage.ts';
import { type Disturbance, disturb, kills, makeCourse, type Scene } from './disturbances.ts';
import { type MortalDatabase, startMortalDatabase } from './mortal-database.ts';

const seed = Number(process.env.EXACTLY_ONCE_SEED) || randomInt(1, 2 ** 31);
const random = new SeededRandom(seed);
const slowDisk = new URL('./slow-disk.ts', import.meta.url).href;
const leastEnded = 250;
/** Long, because a hang must fail, but a slow machine must not. */
const courseTimeoutMs = 400_000;

/** From the start of the database to the end of its month, so that the load runs across it. */
const beforeMonthEndMs = 40_000;
/** How long the load continues in the next month, so that older tunnels report in it. */
const afterMonthEndMs = 2_000;

/**
 * Causes every kind of failure under load, with a gateway of this many workers. An hour, a day and
 * a month end meanwhile by the database's clock, if it can be set.
 */
export function describeExactlyOnce(workers: number, kinds: Disturbance['kind'][]): void {
  const undo = new AsyncDisposableStack();
  let database: MortalDatabase;
  let load: TunnelLoad;
  let keys: SeededKey[];
  let counted: Map<string, CountedUsage>;
  let spoolDirectory: string;
  let exitCode: unknown;
  /** By the database's clock. */
  let startedAt: Date;
  /** The failures so far, and how many reports the database got again after each. */
  const done: (Disturbance & { takenAgain: number })[] = [];

  beforeAll(async () => {
    console.info(`EXACTLY_ONCE_SEED=${seed}`);
    const state = openStateDirectory({ ephemeral: true, user: postgresUser() });
    undo.defer(() => state.remove());
    const supervisor = await createSupervisor(state.processesFile, () => {});
    undo.defer(() => supervisor.stopAll());
    const now = new Date();
    const monthEnd = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1);
    const aheadMs = withoutClocks ? 0 : monthEnd - now.getTime() - beforeMonthEndMs;
    database = await startMortalDatabase(supervisor, state, { aheadMs });
    const { sql } = database;
    undo.defer(() => sql.end({ timeout: 1 }));
    const [clock] = await sql<{ now: Date }[]>`select now()`;
    startedAt = clock?.now ?? new Date();
    await noteReports(sql);
    const owner = randomUUID();
    await sql`insert into auth.users (id, email) values (${owner}, ${`${owner}@example.com`})`;
    keys = await seedKeys(sql, owner, 8, { tier: 'enterprise' });

    const network = await startTcpProxy(database.gatewayUrl);
    undo.defer(() => network.close());
    const redis = kinds.includes('Redis is killed') ? await startRedis() : undefined;
    undo.defer(async () => redis?.remove());
    const gatewayPort = await freePort();
    spoolDirectory = state.gatewaySpool;
    const environment = {
      GATEWAY_DATABASE_URL: network.through(database.gatewayUrl),
      GATEWAY_HOST: loopback,
      GATEWAY_PORT: String(gatewayPort),
      GATEWAY_METRICS_PORT: '0',
      GATEWAY_SPOOL_DIR: spoolDirectory,
      GATEWAY_FLUSH_MS: '500',
      GATEWAY_ALLOW_TARGETS: '127.0.0.0/8',
      GATEWAY_WORKERS: String(workers),
      ...(redis && { REDIS_URL: redis.url }),
    };
    const startGateway = async () => {
      const gateway = startGatewayProcess(environment, { nodeOptions: ['--import', slowDisk] });
      undo.defer(async () => void (await gateway.kill()));
      const { operationsUrl } = await gateway.ready();
      await vi.waitUntil(async () => (await fetch(`${operationsUrl}/readyz`)).ok, 90_000);
      return gateway;
    };
    const gateway = await startGateway();
    load = await startTunnelLoad({ gatewayPort, clients: 24, keys, random });
    undo.defer(() => load.target.close());

    const scene: Scene = {
      database,
      redis,
      network,
      gateway,
      startGateway,
      load,
      countEvents: () => countEvents(sql, keys),
      countTakenAgain: () => countReportsTakenAgain(sql),
    };
    for (const disturbance of makeCourse(random, kinds)) {
      await load.untilEnded(random.integer(15, 45));
      done.push({ ...disturbance, takenAgain: await disturb(scene, disturbance) });
    }
    await load.untilEnded(Math.max(40, leastEnded - load.ended));
    while (aheadMs > 0 && Date.now() + aheadMs < monthEnd + afterMonthEndMs)
      await load.untilEnded(10);
    await load.stop();
    exitCode = await scene.gateway.stop();
    counted = await usageByTarget(sql, keys);
  }, courseTimeoutMs);

  afterAll(() => undo.disposeAsync());

  function tunnels(select: (tunnel: LoadTunnel) => boolean): LoadTunnel[] {
    return [...load.tunnels.values()].filter(select);
  }

  /** A tunnel as its target saw it, and as it was counted. */
  function compare(tunnel: LoadTunnel) {
    const seen = load.target.counts.get(tunnel.address) ?? {
      connections: 0,
      received: 0,
      sent: 0,
      reset: false,
    };
    const none: CountedUsage = {
      sent: 0,
      received: 0,
      counts: [],
      hours: 0,
      eventIds: [],
      longestMs: 0,
      statuses: [],
      keys: [],
    };
    return { tunnel, seen, counted: counted.get(tunnel.address) ?? none };
  }

  describe(`${kinds.join(', ')}, 3 times each`, () => {
    it('ran under load', () => {
      const ended = tunnels(({ outcome }) => outcome === 'ended');
      expect(ended.length).toBeGreaterThanOrEqual(leastEnded);
      const endings = new Set(ended.map(({ plan }) => plan.ending));
      expect([...endings].sort()).toEqual(['client', 'client early', 'target', 'target early']);
      // a tunnel reports every 250 ms
      const raised = ended.map(compare).filter((each) => each.counted.longestMs > 500);
      expect(raised.length).toBeGreaterThan(5);
      expect(tunnels(({ status, killed }) => status === 200 && killed).length).toBeGreaterThan(5);
      expect(done).toHaveLength(3 * kinds.length);
      expect(load.life).toBe(done.filter(({ kind }) => kills.has(kind)).length);
    });

    it('resends reports that got no answer', () => {
      expect(done.filter(({ beforeAnswer }) => beforeAnswer)).toHaveLength(kinds.length);
      expect(
        done.filter(({ beforeAnswer, takenAgain }) => beforeAnswer && takenAgain === 0),
      ).toEqual([]);
    });

    it('only breaks tunnels when their process is killed', () => {
      const unkilled = tunnels(({ killed }) => !killed);
      expect(unkilled.filter((each) => each.status === 200 && each.outcome === 'broken')).toEqual(
        [],
      );
      const unanswered = unkilled.filter((each) => each.status === null).map(compare);
      expect(unanswered.filter(({ seen }) => seen.connections > 0)).toEqual([]);
      expect(tunnels(({ status }) => status !== null && ![200, 503].includes(status))).toEqual([]);
      const ended = tunnels(({ outcome }) => outcome === 'ended');
      expect(ended.filter(({ got, plan }) => got !== plan.download)).toEqual([]);
    });

    it('counts every ended tunnel once, to the byte', () => {
      const wrong = tunnels(({ outcome }) => outcome === 'ended')
        .map(compare)
        .filter(({ tunnel, seen, counted: { sent, received, ...events } }) => {
          // no answer confirms the bytes that a client sends after the target's end
          const established = tunnel.plan.ending !== 'target early';
          return !(
            seen.connections === 1 &&
            received === seen.sent &&
            (established ? sent === seen.received : sent <= seen.received) &&
            events.eventIds.length === 1 &&
            events.counts.every((count, index) => count === (index === 0 ? 1 : 0)) &&
            events.hours === events.counts.length &&
            String(events.statuses) === '200' &&
            String(events.keys) === tunnel.key.id
          );
        });
      expect(wrong).toEqual([]);
    });

    it('counts every tunnel of the gateway that was stopped gracefully', () => {
      const last = tunnels(({ life, status }) => life === load.life && status === 200);
      expect(last.length).toBeGreaterThan(0);
      const wrong = last.map(compare).filter(({ seen, counted: { sent, received } }) => {
        return sent !== seen.received || received !== seen.sent;
      });
      expect(wrong).toEqual([]);
      expect(exitCode).toBe(0);
    });

    it('never counts more than the target saw, nor a tunnel twice', () => {
      const wrong = tunnels(() => true)
        .map(compare)
        .filter(
          ({ tunnel, seen, counted: { sent, received, counts, hours, eventIds } }) =>
            sent > (tunnel.killed && seen.reset ? tunnel.plan.upload : seen.received) ||
            received > seen.sent ||
            eventIds.length > 1 ||
            hours < counts.length,
        );
      expect(wrong).toEqual([]);
      expect([...counted.keys()].filter((host) => !load.tunnels.has(host))).toEqual([]);
    });

    it.skipIf(withoutClocks)('counts in two months, by the database’s clock', async () => {
      const [row] = await database.sql`
        select
          count(distinct date_trunc('month', occurred_at, 'UTC'))::integer as months,
          bool_and(occurred_at between ${startedAt} and now()) as "timely"
        from proxy_private.proxy_usage_events
        where api_key_id in ${database.sql(keys.map(({ id }) => id))}`;
      expect(row).toEqual({ months: 2, timely: true });
    });

    it('leaves the spool empty, and rejects no event', () => {
      expect(readdirSync(spoolDirectory).filter((file) => /ndjson/.test(file))).toEqual([]);
    });

    it('adds each report to each rollup once', async () => {
      const { events, rollups } = await usageTotals(database.sql, keys);
      expect(events?.requests).toBeGreaterThanOrEqual(leastEnded);
      expect(rollups).toEqual(rollups.map(() => events));
      const drift = await database.sql`
      select d.*
      from (
        select distinct (occurred_at at time zone 'UTC')::date as day
        from proxy_private.proxy_usage_events
      ) as t
      cross join lateral proxy_private.usage_drift(t.day) as d
      union all
      select d.*
      from (select distinct month from proxy_private.proxy_usage_monthly) as m
      cross join lateral proxy_private.usage_month_drift(m.month) as d`;
      expect([...drift]).toEqual([]);
    });
  });
}
