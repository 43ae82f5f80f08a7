import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { admit } from './admission.ts';
import type { CoreConfiguration, TrafficConfiguration } from './configuration.ts';
import { watchConnectionRoom } from './database/connection-room.ts';
import { createDatabaseClock } from './database-clock.ts';
import { startChangeListener } from './keys/change-listener.ts';
import { KeyCache } from './keys/key-cache.ts';
import { createPool, lookUpWith } from './keys/key-lookup.ts';
import { KeysInUse, type TunnelHolder } from './keys/keys-in-use.ts';
import { createDatabaseLatency } from './latency.ts';
import { QuotaLedger } from './limits/quota-ledger.ts';
import { createLocalRateLimiter } from './limits/rate-limiter.ts';
import { createRedisRateLimiter } from './limits/redis-rate-limiter.ts';
import { createMetrics, type Metrics, type TrafficFigures } from './metrics.ts';
import { describeOwnKey } from './own-key.ts';
import { watchLookups } from './readiness/lookup-watch.ts';
import { watchMaintenance } from './readiness/maintenance-watch.ts';
import { sendCheckWith } from './readiness/notification-check.ts';
import { newReason, type Reason } from './readiness/reason.ts';
import { askForState } from './readiness/schema-version.ts';
import { SchemaWatch } from './readiness/schema-watch.ts';
import { Refusal } from './refusal.ts';
import type { Session } from './session.ts';
import { UndoStack } from './undo-stack.ts';
import { BusiestKeys } from './usage/busiest-keys.ts';
import { recordUsageWith } from './usage/record-usage.ts';
import { RefusedRequests } from './usage/refused-requests.ts';
import { openSpool } from './usage/spool.ts';
import { newBytes, type UsageEvent } from './usage/usage-event.ts';
import { createUsageRecorder } from './usage/usage-recorder.ts';

/** How long a shutdown waits for the database to take the last events, in ms. */
const lastFlushMs = 10_000;
/** Database connections of the recorder and the listener. The others look up keys. */
const otherConnections = 2;
const retryAfterSeconds = 5;

export interface CoreOptions {
  log: Logger;
  /** Monotonic, in ms. */
  now: () => number;
  /** The host's clock, in ms since 1970, for tests that set it. */
  hostNow?: (() => number) | undefined;
  /** How long refusals of one key and code are counted in one event, in ms. */
  refusalWindowMs?: number | undefined;
  /** The traffic of all processes together, for metrics. */
  traffic: () => TrafficFigures;
}

/** What a gateway has once, whatever its number of processes: keys, limits and usage. */
export interface Core {
  readonly metrics: Metrics;
  /** Added to `monotonicNow` it gives the database's time; null until it is measured. */
  readonly clockOffsetMs: number | null;
  /** Opens a session for a holder of tunnels. */
  join(holder: TunnelHolder): Session;
  /** Forgets a holder that is gone, with its tunnels. */
  leave(holder: TunnelHolder): void;
  /** Why it does not keep its promises: each returns null if it has no reason. */
  readonly reasons: (() => Reason | null)[];
  /** Does the regular work that is due. Called often. */
  sweep(): void;
  /**
   * Sends the usage; events that the database does not take stay in the spool until the next start.
   */
  stop(): Promise<void>;
}

/**
 * Opens the spool and the database. Rejects with `SpoolInUse`, `TooFewConnections`, `DatabaseUrlError`, or
 * an error of the file system.
 */
export async function startCore(
  configuration: CoreConfiguration & Pick<TrafficConfiguration, 'tls'>,
  { log, now, hostNow, refusalWindowMs, traffic }: CoreOptions,
): Promise<Core> {
  const { databaseUrl, databaseConnections, nodeId, flushMs } = configuration;
  await using undo = new UndoStack();
  const registry = new Registry();
  const ledger = new QuotaLedger(now);
  const spool = await openSpool({
    directory: configuration.spoolDirectory,
    keepMs: configuration.spoolKeepMs,
    log,
    onRecovered: (event) => ledger.recover(event),
  });
  undo.defer(() => spool.close());

  const lookupConnections = databaseConnections - otherConnections;
  const pool = createPool({ databaseUrl, connections: lookupConnections, log });
  undo.defer(() => pool.end());
  const room = await watchConnectionRoom({ pool, wanted: databaseConnections });
  undo.defer(async () => room.stop());
  const recording = createPool({ databaseUrl, connections: 1, timeoutMs: 30_000, log });
  undo.defer(() => recording.end());
  const latency = createDatabaseLatency(registry);
  const lookUpKey = lookUpWith(pool);
  const lookups = watchLookups({
    lookUp: (keyId) => latency.lookUp(() => lookUpKey(keyId)),
    now,
    log,
  });
  undo.defer(async () => lookups.stop());
  const keys = new KeyCache({ lookUp: lookups.lookUp, now });
  const inUse = new KeysInUse({ keys, ledger, log, now });
  const local = createLocalRateLimiter({ now });
  const shared = configuration.redisUrl
    ? createRedisRateLimiter({ url: configuration.redisUrl, local, log })
    : null;
  if (shared) undo.defer(() => shared.close());
  const clock = createDatabaseClock({ log, ...(hostNow && { hostNow }) });

  const maintenance = watchMaintenance(pool);
  undo.defer(async () => maintenance.stop());
  const schema = new SchemaWatch();
  const recordUsage = recordUsageWith(recording);

  const metrics = createMetrics(registry, {
    keys,
    pool,
    schema,
    maintenance,
    spool,
    clock,
    traffic,
    withTls: configuration.tls !== undefined,
    listening: () => listener.listening,
    countingTogether: () => shared?.available,
  });
  const recorder = createUsageRecorder({
    spool,
    record: (events, signal) => latency.record(() => recordUsage(events, signal)),
    flushMs,
    log,
    onRecorded: (events, outcome) => {
      ledger.settle(events);
      metrics.recorded(outcome);
    },
  });
  undo.defer(async () => {
    await recorder.stop({ deadlineMs: lastFlushMs });
  });
  const listener = startChangeListener({
    databaseUrl,
    sendCheck: sendCheckWith(pool),
    clock,
    log,
    onSchema: (found) => schema.found(found),
    onChange(keyId) {
      keys.drop(keyId);
      inUse.changed(keyId);
    },
    onListening() {
      keys.switchOn();
      inUse.recheckAll();
    },
    onLost: () => keys.switchOff(),
  });
  undo.defer(() => listener.stop());

  const busiest = new BusiestKeys({ log, now });
  const record = (event: UsageEvent) => {
    const { sent, received } = newBytes(event);
    metrics.metered(sent, received);
    busiest.add(event.apiKeyId, sent + received);
    return spool.append(event);
  };
  const refused = new RefusedRequests({
    ...(refusalWindowMs && { windowMs: refusalWindowMs }),
    nodeId,
    clock: clock.now,
    record(event) {
      record(event).catch((error: Error) => {
        log.error({ eventId: event.eventId, reason: error.message }, 'an event was not spooled');
      });
    },
  });
  undo.defer(async () => refused.flush(true));

  // for requests that come before the listener has measured: their times could not be corrected
  // later
  let measuring: Promise<void> | undefined;
  const measureClock = async () => {
    measuring ??= clock
      .measure(async () => (await askForState(pool)).timeMs)
      .finally(() => {
        measuring = undefined;
      });
    try {
      await measuring;
    } catch {
      throw new Refusal('unavailable', { retryAfterSeconds });
    }
  };

  const limits = { keys, ledger, limiter: shared ?? local, inUse, now };
  const kept = undo.move();
  return {
    metrics,
    get clockOffsetMs() {
      return clock.monotonicOffsetMs;
    },
    join: (holder) => ({
      clock: clock.now,
      async admit(credentials, client) {
        if (!spool.accepting) throw new Refusal('unavailable', { retryAfterSeconds });
        if (!clock.measured) await measureClock();
        return admit(credentials, client, holder, limits);
      },
      // it records nothing, so a full spool does not matter
      async describe(credentials, client) {
        if (!clock.measured) await measureClock();
        return describeOwnKey(credentials, client, { ...limits, clock: clock.now });
      },
      opened({ key, mark }, setupMs) {
        metrics.connected(setupMs);
        inUse.opened(key.keyId, mark);
      },
      release: ({ keyId }) => inUse.release(holder, keyId),
      charge: (apiKeyId, bytes) => ledger.add(apiKeyId, bytes),
      record,
      refuse: (request) => refused.add(request),
      dropped: (reason) => metrics.dropped(reason),
      answered: (code, statusCode) => metrics.answered(code, statusCode),
    }),
    leave: (holder) => inUse.forget(holder),
    reasons: [
      () => room.failure && { ...room.failure, level: 'error' },
      () => listener.problem,
      () => schema.problem,
      () => lookups.problem(),
      () => (spool.accepting ? null : newReason('spool_full')),
      () => (clock.measured ? null : newReason('clock_unmeasured')),
    ],
    sweep() {
      inUse.sweep();
      refused.flush();
      busiest.sweep();
    },
    stop: () => kept.disposeAsync(),
  };
}
