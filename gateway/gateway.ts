import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { ClientConnections } from './clients/client-connections.ts';
import type { GatewayConfiguration } from './configuration.ts';
import { createDatabaseClock } from './database-clock.ts';
import { Descriptors } from './descriptors.ts';
import { startChangeListener } from './keys/change-listener.ts';
import { KeyCache } from './keys/key-cache.ts';
import { createPool, lookUpWith } from './keys/key-lookup.ts';
import { LameDuck } from './lame-duck.ts';
import { QuotaLedger } from './limits/quota-ledger.ts';
import { createLocalRateLimiter } from './limits/rate-limiter.ts';
import { createRedisRateLimiter } from './limits/redis-rate-limiter.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { createOperationsServer } from './operations-server.ts';
import { ProxyServer } from './proxy-server.ts';
import { watchLookups } from './readiness/lookup-watch.ts';
import { sendCheckWith } from './readiness/notification-check.ts';
import { createReadiness } from './readiness/readiness.ts';
import { newReason } from './readiness/reason.ts';
import { SchemaWatch } from './readiness/schema-watch.ts';
import { RequestHandler } from './requests/request-handler.ts';
import { Dialer } from './targets/dialer.ts';
import { createNameResolver } from './targets/name-resolver.ts';
import { createTargetPolicy } from './targets/target-policy.ts';
import { OpenTunnels } from './tunnels/open-tunnels.ts';
import { TunnelSlots } from './tunnels/tunnel-slots.ts';
import { recordUsageWith } from './usage/record-usage.ts';
import { RefusedRequests } from './usage/refused-requests.ts';
import { openSpool } from './usage/spool.ts';
import type { UsageEvent } from './usage/usage-event.ts';
import { createUsageRecorder } from './usage/usage-recorder.ts';

/** A gateway that takes CONNECTs. */
export interface Gateway {
  /** Where clients send their CONNECTs. */
  url: string;
  /** Where `/healthz`, `/readyz` and `/metrics` are. */
  operationsUrl: string;
  /**
   * Is not ready for `lameDuckMs`, or until `hurry` is aborted, and serves all the same. Then takes no
   * more CONNECTs, waits for the open tunnels up to `drainMs`, ends what is left, and sends the usage;
   * what the database does not take stays in the spool for the next start.
   */
  stop(hurry?: AbortSignal): Promise<void>;
}

/** How often open tunnels are looked at, in ms: what a key may overshoot its quota by on one node. */
const sweepMs = 250;
/** How long a stop waits for the database to take the last events, in ms. */
const lastFlushMs = 10_000;
const lookupConnections = 8;

export interface GatewayOptions {
  log: Logger;
  /** A monotonic clock in ms, for tests that travel. */
  now?: () => number;
  /** The host's clock, in ms since 1970, for tests that set it. */
  hostNow?: () => number;
  /** How long a client may take to say what it wants, in ms. */
  firstRequestMs?: number;
  /** How long a client may go on sending the body of what is refused, in ms. */
  longestLingerMs?: number;
  /** How long resolving a target and connecting to it may take together, in ms. */
  connectTimeoutMs?: number;
  /** Files and sockets that the process may have open; by default what it is allowed. */
  descriptorLimit?: number;
  /** How long a stop serves clients that had connected before it, in ms. */
  lastRequestsMs?: number;
  /** How long refusals of one key and code are counted in one event, in ms. */
  refusalWindowMs?: number;
}

/** Starts a gateway. Rejects with `SpoolInUse`, or with an error of a port or of the file system. */
export async function startGateway(
  configuration: GatewayConfiguration,
  options: GatewayOptions,
): Promise<Gateway> {
  const { log, now = () => performance.now(), firstRequestMs = 10_000 } = options;
  const { databaseUrl, nodeId, flushMs, idleMs } = configuration;
  const undo = new AsyncDisposableStack();
  const { lastRequestsMs = 1_000 } = options;
  const lameDuck = new LameDuck(configuration.lameDuckMs, lastRequestsMs);
  let stopped: Promise<void> | undefined;
  try {
    const ledger = new QuotaLedger(now);
    const spool = await openSpool({
      directory: configuration.spoolDirectory,
      log,
      onRecovered: (event) => ledger.add(event.apiKeyId, event.bytesSent + event.bytesReceived),
    });
    undo.defer(() => spool.close());

    const pool = createPool({ databaseUrl, connections: lookupConnections, log });
    undo.defer(() => pool.end());
    const recording = createPool({ databaseUrl, connections: 1, timeoutMs: 30_000, log });
    undo.defer(() => recording.end());
    const lookups = watchLookups({ lookUp: lookUpWith(pool), now, log });
    undo.defer(async () => lookups.stop());
    const keys = new KeyCache({ lookUp: lookups.lookUp, now });
    const tunnels = new OpenTunnels({ keys, ledger, log, now, sliceMs: flushMs / 2, idleMs });
    const local = createLocalRateLimiter({ now });
    const shared = configuration.redisUrl
      ? createRedisRateLimiter({ url: configuration.redisUrl, local, log })
      : null;
    if (shared) undo.defer(() => shared.close());

    const clock = createDatabaseClock({
      log,
      ...(options.hostNow && { hostNow: options.hostNow }),
    });
    const descriptors = new Descriptors(options.descriptorLimit);
    const names = createNameResolver({
      servers: configuration.dnsServers,
      most: descriptors.names,
      log,
    });

    const metrics: Metrics = createMetrics({
      keys,
      tunnels,
      spool,
      names,
      clock,
      listening: () => listener.listening,
      countingTogether: () => shared?.available,
    });

    const recorder = createUsageRecorder({
      spool,
      record: recordUsageWith(recording),
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

    const schema = new SchemaWatch();
    const listener = startChangeListener({
      databaseUrl,
      sendCheck: sendCheckWith(pool),
      clock,
      log,
      onSchema: (found) => schema.found(found),
      onChange(keyId) {
        keys.drop(keyId);
        tunnels.changed(keyId);
      },
      onListening() {
        keys.switchOn();
        tunnels.recheckAll();
      },
      onLost: () => keys.switchOff(),
    });
    undo.defer(() => listener.stop());

    const connections = new ClientConnections({
      descriptors,
      mostUnproven: configuration.unprovenPerAddress,
      longestLingerMs: options.longestLingerMs,
      log,
    });
    const dialer = new Dialer({
      policy: createTargetPolicy({ allowed: configuration.allowedTargets, names }),
      descriptors,
      timeoutMs: options.connectTimeoutMs ?? 15_000,
      log,
    });
    const record = (event: UsageEvent) => {
      metrics.metered(event.bytesSent, event.bytesReceived);
      return spool.append(event);
    };
    const { refusalWindowMs } = options;
    const refused = new RefusedRequests({
      ...(refusalWindowMs && { windowMs: refusalWindowMs }),
      nodeId,
      clock: clock.now,
      now,
      record(event) {
        record(event).catch((error: Error) => {
          log.error({ id: event.eventId, reason: error.message }, 'an event was not spooled');
        });
      },
    });
    const handler = new RequestHandler({
      connections,
      keys,
      ledger,
      limiter: shared ?? local,
      slots: new TunnelSlots(),
      dialer,
      tunnels,
      refused,
      nodeId,
      via: configuration.via,
      now,
      clock: clock.now,
      accepting: () => !lameDuck.over && spool.accepting,
      leaving: () => lameDuck.begun,
      record,
      onConnected: (setupMs) => metrics.connected(setupMs),
      onRefused: (code, statusCode) => metrics.refused(code, statusCode),
      log,
    });
    const server = new ProxyServer({
      host: configuration.host,
      port: configuration.port,
      connections,
      headTimeoutMs: firstRequestMs,
      now,
      serve: (request) => void handler.serve(request),
      onRefused: ({ code, statusCode }) => metrics.refused(code, statusCode),
    });
    const sweeping = setInterval(() => {
      tunnels.sweep();
      refused.flush();
    }, sweepMs);
    undo.defer(async () => {
      clearInterval(sweeping);
      refused.flush(true);
    });

    const readiness = createReadiness({
      sources: [
        () => (lameDuck.begun ? newReason('stopping') : null),
        () => listener.problem,
        () => schema.problem,
        () => lookups.problem(),
        () => (spool.accepting ? null : newReason('spool_full')),
        () => (clock.measured ? null : newReason('clock_unmeasured')),
      ],
      log,
    });
    undo.defer(async () => readiness.stop());
    const operations = createOperationsServer({
      registry: metrics.registry,
      notReady: () => readiness.reasons().map(({ code, sentence }) => `${code}: ${sentence}`),
    });
    await new Promise<void>((resolve, reject) => {
      operations.once('error', reject);
      operations.listen(configuration.metricsPort, configuration.metricsHost, resolve);
    });
    undo.defer(async () => {
      operations.closeAllConnections();
      operations.close();
    });

    await server.listen();
    undo.defer(async () => {
      // the listening socket is closed by itself first: open tunnels may go on
      await server.stopListening();
      const drained = AbortSignal.timeout(configuration.drainMs);
      await Promise.race([
        Promise.all([tunnels.empty(), connections.quiet(lastRequestsMs)]),
        new Promise((resolve) => drained.addEventListener('abort', resolve)),
      ]);
      if (tunnels.count > 0) log.warn({ tunnels: tunnels.count }, 'ending open tunnels');
      tunnels.closeAll();
      connections.closeAll();
      await tunnels.empty();
      await server.close();
    });
    const { port } = operations.address() as AddressInfo;
    const gateway: Gateway = {
      url: `http://${bracketed(configuration.host)}:${server.port}`,
      operationsUrl: `http://${bracketed(configuration.metricsHost)}:${port}`,
      stop(hurry) {
        stopped ??= lameDuck.wait(hurry).then(() => undo.disposeAsync());
        return stopped;
      },
    };
    log.info({ url: gateway.url, operationsUrl: gateway.operationsUrl, nodeId }, 'taking CONNECTs');
    return gateway;
  } catch (error) {
    await undo.disposeAsync();
    throw error;
  }
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
