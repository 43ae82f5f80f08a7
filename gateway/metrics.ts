import type pg from 'pg';
import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type Registry,
} from 'prom-client';
import packageJson from '../package.json' with { type: 'json' };
import type { DatabaseClock } from './database-clock.ts';
import type { KeyCache } from './keys/key-cache.ts';
import { createNameLatency, type Timed } from './latency.ts';
import type { MaintenanceWatch } from './readiness/maintenance-watch.ts';
import type { Readiness } from './readiness/readiness.ts';
import type { SchemaWatch } from './readiness/schema-watch.ts';
import { rejectedBytes } from './usage/rejected-events.ts';
import type { Spool } from './usage/spool.ts';
import { gatewayVersion } from './versions.ts';

/** The traffic at one moment. */
export interface TrafficFigures {
  openTunnels: number;
  namesUnderWay: number;
  /** The share of sockets in use, in the process with the fewest left: 0 to 1. */
  socketsInUse: number;
  /** When the certificate in use expires, in ms since 1970: the earliest over all processes. */
  certificateExpiresAt?: number;
}

export const noTraffic: TrafficFigures = { openTunnels: 0, namesUnderWay: 0, socketsInUse: 0 };

/** The traffic of several processes. */
export function addFigures(each: readonly TrafficFigures[]): TrafficFigures {
  return each.reduce((sum, figures) => {
    const expires = [sum, figures].flatMap((one) => one.certificateExpiresAt ?? []);
    return {
      openTunnels: sum.openTunnels + figures.openTunnels,
      namesUnderWay: sum.namesUnderWay + figures.namesUnderWay,
      socketsInUse: Math.max(sum.socketsInUse, figures.socketsInUse),
      ...(expires.length > 0 && { certificateExpiresAt: Math.min(...expires) }),
    };
  }, noTraffic);
}

export interface MetricSources {
  keys: KeyCache;
  /** The connections that look up keys. */
  pool: Pick<pg.Pool, 'totalCount' | 'idleCount' | 'waitingCount'>;
  schema: SchemaWatch;
  maintenance: MaintenanceWatch;
  spool: Spool;
  /** Over all processes. */
  traffic: () => TrafficFigures;
  clock: DatabaseClock;
  /** Whether there is a port for TLS. */
  withTls: boolean;
  /** Whether key changes arrive. */
  listening: () => boolean;
  /** Whether CONNECTs are counted over all nodes; undefined without Redis. */
  countingTogether: () => boolean | undefined;
}

/** The processes that serve clients. */
export interface WorkerMetrics {
  /** How many run. */
  readonly size: number;
  /** How many were replaced. */
  readonly replaced: number;
  /** The result of prom-client's `getMetricsAsJSON` for each process that answers. */
  processMetrics(): Promise<object[]>;
}

/** What happened, counted where it happens. */
export interface Metrics {
  /** Prometheus text, with the metrics of every process. */
  text(): Promise<string>;
  /** Adds the metrics of the other processes. */
  addWorkers(workers: WorkerMetrics): void;
  /** Adds the reasons why the gateway is not ready. */
  addReadiness(readiness: Pick<Readiness, 'reasons'>): void;
  /** Measures how long name servers take, in this process. */
  timeNames: Timed;
  connected(setupMs: number): void;
  answered(code: string, status: number): void;
  /** A connection ended before a request could be read from it. */
  dropped(reason: string): void;
  metered(bytesSent: number, bytesReceived: number): void;
  recorded(outcome: { recorded: number; repeated: number; rejected: number }): void;
}

/** The gateway's metrics, in `registry`. No label holds a key, a host or a client. */
export function createMetrics(registry: Registry, sources: MetricSources): Metrics {
  const { keys, spool, traffic, clock, withTls, listening, countingTogether } = sources;
  const { pool, schema, maintenance } = sources;
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  // plain numbers: a counter with labels takes longer than the rest of an event
  const answers = new Map<string, { status: number; code: string; count: number }>();
  const answered = (code: string, status: number) => {
    const seen = answers.get(code);
    if (seen) seen.count += 1;
    else answers.set(code, { status, code, count: 1 });
  };
  const moved = { sent: 0, received: 0 };
  new Counter({
    name: 'gateway_connects_total',
    help: 'Requests for a tunnel by answer.',
    labelNames: ['status', 'code'],
    registers,
    collect() {
      this.reset();
      for (const { status, code, count } of answers.values()) this.inc({ status, code }, count);
    },
  });
  const setup = new Histogram({
    name: 'gateway_connect_setup_seconds',
    help: 'From a request to the connection to its target.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
    registers,
  });
  new Counter({
    name: 'gateway_bytes_total',
    help: 'Metered bytes: sent to targets, received from them.',
    labelNames: ['direction'],
    registers,
    collect() {
      this.reset();
      for (const [direction, bytes] of Object.entries(moved)) this.inc({ direction }, bytes);
    },
  });
  const events = new Counter({
    name: 'gateway_usage_events_total',
    help: 'Usage events by what the database did with them.',
    labelNames: ['outcome'],
    registers,
  });
  new Counter({
    name: 'gateway_key_requests_total',
    help: 'Requests for a key: answered from the cache, looked up in the database, or not answered.',
    labelNames: ['result'],
    registers,
    collect() {
      this.reset();
      for (const [result, count] of Object.entries(keys.counts)) this.inc({ result }, count);
    },
  });
  const dropped = new Map<string, number>();
  new Counter({
    name: 'gateway_dropped_connections_total',
    help: 'Connections closed before a request could be read, by reason.',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset();
      for (const [reason, count] of dropped) this.inc({ reason }, count);
    },
  });
  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(await read());
      },
    });
  new Gauge({
    name: 'gateway_build_info',
    help: 'Always 1; the version of this gateway, and its version for the schema.',
    labelNames: ['version', 'gateway_version'],
    registers,
  }).set({ version: packageJson.version, gateway_version: gatewayVersion }, 1);
  gauge('gateway_schema_version', "The schema's version; 0 until it is known.", () =>
    Number(schema.version),
  );
  gauge(
    'gateway_maintenance_finished_seconds',
    'When the longest waiting maintenance task last ran, in seconds since 1970; 0 if a task never ran.',
    () => (maintenance.finishedAt ?? 0) / 1_000,
  );
  gauge(
    'gateway_maintenance_problems',
    'Reports of the last maintenance that need an operator.',
    () => maintenance.problems,
  );
  gauge('gateway_lookup_connections', 'Connections that look up keys.', () => pool.totalCount);
  gauge('gateway_lookup_connections_idle', 'Of these, the idle ones.', () => pool.idleCount);
  gauge('gateway_lookups_waiting', 'Lookups that wait for a connection.', () => pool.waitingCount);
  gauge('gateway_open_tunnels', 'Tunnels that are open.', () => traffic().openTunnels);
  gauge('gateway_cached_keys', 'Keys in the cache.', () => keys.size.known);
  gauge('gateway_cached_unknown_keys', 'Unknown keyIds in the cache.', () => keys.size.unknown);
  gauge('gateway_listening', '1 while key changes arrive.', () => Number(listening()));
  gauge(
    'gateway_clock_offset_seconds',
    "How far the host's clock is behind the database's; 0 until measured.",
    () => clock.offsetMs / 1_000,
  );
  gauge('gateway_names_under_way', 'Names that are being resolved.', () => traffic().namesUnderWay);
  gauge(
    'gateway_sockets_in_use_ratio',
    'The share of client and target sockets in use, in the process with the fewest left.',
    () => traffic().socketsInUse,
  );
  gauge('gateway_spool_events', 'Events not yet recorded.', () => spool.pendingRecords);
  gauge('gateway_spool_bytes', 'Bytes of events not yet recorded.', () => spool.pendingBytes);
  gauge(
    'gateway_rejected_events_bytes',
    'Size of rejected.ndjson: events that the database refused.',
    () => rejectedBytes(spool.directory),
  );
  gauge('gateway_spool_accepting', '1 while the disk takes events.', () => Number(spool.accepting));
  gauge('gateway_spool_oldest_seconds', 'Age of the oldest event not yet recorded.', () =>
    spool.oldestAppendedAt === null ? 0 : (Date.now() - spool.oldestAppendedAt) / 1_000,
  );
  if (withTls) {
    gauge(
      'gateway_tls_certificate_expires_seconds',
      'When the certificate in use expires, in seconds since 1970.',
      () => (traffic().certificateExpiresAt ?? 0) / 1_000,
    );
  }
  if (countingTogether() !== undefined) {
    gauge('gateway_counting_together', '1 while Redis counts CONNECTs over all nodes.', () =>
      Number(countingTogether()),
    );
  }

  let workers: WorkerMetrics | undefined;
  return {
    async text() {
      if (!workers) return registry.metrics();
      const all = [await registry.getMetricsAsJSON(), ...(await workers.processMetrics())];
      return AggregatorRegistry.aggregate(all).metrics();
    },
    addWorkers(added) {
      workers = added;
      gauge('gateway_workers', 'Processes that serve clients.', () => added.size);
      new Counter({
        name: 'gateway_workers_replaced_total',
        help: 'Processes that died, and were replaced.',
        registers,
        collect() {
          this.reset();
          this.inc(added.replaced);
        },
      });
    },
    addReadiness({ reasons }) {
      new Gauge({
        name: 'gateway_not_ready',
        help: 'Always 1; each reason why the gateway is not ready, by code.',
        labelNames: ['code'],
        registers,
        collect() {
          this.reset();
          for (const { code } of reasons()) this.set({ code }, 1);
        },
      });
    },
    timeNames: createNameLatency(registry),
    connected(setupMs) {
      answered('connected', 200);
      setup.observe(setupMs / 1_000);
    },
    answered,
    dropped: (reason) => void dropped.set(reason, (dropped.get(reason) ?? 0) + 1),
    metered(bytesSent, bytesReceived) {
      moved.sent += bytesSent;
      moved.received += bytesReceived;
    },
    recorded(outcome) {
      for (const [name, count] of Object.entries(outcome)) events.inc({ outcome: name }, count);
    },
  };
}
