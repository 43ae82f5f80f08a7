import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { ClientConnections } from './clients/client-connections.ts';
import type { GatewayConfiguration } from './configuration.ts';
import { createDatabaseClock } from './database-clock.ts';
import { Descriptors } from './descriptors.ts';
import { startChangeListener } from './keys/change-listener.ts';
import { KeyCache } from './keys/key-cache.ts';
import { createPool, lookUpWith } from './keys/key-lookup.ts';
import { QuotaLedger } from './limits/quota-ledger.ts';
import { createLocalRateLimiter } from './limits/rate-limiter.ts';
import { createRedisRateLimiter } from './limits/redis-rate-limiter.ts';
import { Certificates } from './listeners/certificates.ts';
import { DroppedConnections } from './listeners/dropped-connections.ts';
import { Listener } from './listeners/listener.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { createOperationsServer } from './operations-server.ts';
import { ProxyServer } from './proxy-server.ts';
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
  /** The same over TLS; undefined where that is not set up. */
  tlsUrl: string | undefined;
  /** Where `/healthz`, `/readyz` and `/metrics` are. */
  operationsUrl: string;
  /** Reads the certificate's files again, where there are any; one that cannot be used changes nothing. */
  reload(): Promise<void>;
  /**
   * Takes no more CONNECTs, waits for the open tunnels up to `drainMs`, ends what is left, and sends
   * the usage; what the database does not take stays in the spool for the next start.
   */
  stop(): Promise<void>;
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
  /** How often the certificate's files are looked at, in ms. */
  lookEveryMs?: number;
  /** Files and sockets that the process may have open; by default what it is allowed. */
  descriptorLimit?: number;
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
  let stopping = false;
  let stopped: Promise<void> | undefined;
  try {
    const certificates =
      configuration.tls &&
      (await Certificates.open({
        ...configuration.tls,
        log,
        ...(options.hostNow && { hostNow: options.hostNow }),
        ...(options.lookEveryMs && { lookEveryMs: options.lookEveryMs }),
      }));
    undo.defer(async () => certificates?.close());
    const dropped = new DroppedConnections(log);

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
    const keys = new KeyCache({ lookUp: lookUpWith(pool), now });
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
      dropped,
      certificateExpiresAt: () => certificates?.current.expiresAt,
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

    const listener = startChangeListener({
      databaseUrl,
      clock,
      log,
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
      accepting: () => !stopping && spool.accepting,
      record,
      onConnected: (setupMs) => metrics.connected(setupMs),
      onRefused: (code, statusCode) => metrics.refused(code, statusCode),
      log,
    });
    const server = new ProxyServer({
      connections,
      headTimeoutMs: firstRequestMs,
      now,
      serve: (request) => void handler.serve(request),
      onRefused: ({ code, statusCode }) => metrics.refused(code, statusCode),
    });
    const { host, proxyProtocolFrom } = configuration;
    const listenerOf = (port: number, certificates: Certificates | null) =>
      new Listener({
        host,
        port,
        certificates,
        proxyProtocolFrom,
        stepMs: firstRequestMs,
        connections,
        dropped,
        take: (connection) => server.serve(connection),
        onRefused: ({ code, statusCode }) => metrics.refused(code, statusCode),
      });
    const plain = listenerOf(configuration.port, null);
    const secure =
      configuration.tls && certificates && listenerOf(configuration.tls.port, certificates);
    const sweeping = setInterval(() => {
      tunnels.sweep();
      refused.flush();
    }, sweepMs);
    undo.defer(async () => {
      clearInterval(sweeping);
      refused.flush(true);
    });

    const operations = createOperationsServer({
      registry: metrics.registry,
      notReady: () =>
        [
          stopping && 'stopping',
          !listener.listening && 'changes of keys are not heard: is the database there?',
          !spool.accepting && 'the spool takes no events: is the disk full?',
        ].filter((reason) => reason !== false),
    });
    await new Promise<void>((resolve, reject) => {
      operations.once('error', reject);
      operations.listen(configuration.metricsPort, configuration.metricsHost, resolve);
    });
    undo.defer(async () => {
      operations.closeAllConnections();
      operations.close();
    });

    undo.defer(async () => server.close());
    await plain.listen();
    undo.defer(async () => {
      connections.closeAll();
      await plain.close();
    });
    await secure?.listen();
    undo.defer(async () => {
      // the listening sockets are closed by themselves first: open tunnels may go on
      const closed = Promise.all([plain.close(), secure?.close()]);
      server.close();
      const drained = AbortSignal.timeout(configuration.drainMs);
      await Promise.race([
        tunnels.empty(),
        new Promise((resolve) => drained.addEventListener('abort', resolve)),
      ]);
      if (tunnels.count > 0) log.warn({ tunnels: tunnels.count }, 'ending open tunnels');
      tunnels.closeAll();
      connections.closeAll();
      await tunnels.empty();
      await closed;
    });
    const { port } = operations.address() as AddressInfo;
    const gateway: Gateway = {
      url: `http://${bracketed(host)}:${plain.port}`,
      tlsUrl: secure && `https://${bracketed(host)}:${secure.port}`,
      operationsUrl: `http://${bracketed(configuration.metricsHost)}:${port}`,
      async reload() {
        await certificates?.reload();
      },
      stop() {
        stopping = true;
        stopped ??= undo.disposeAsync();
        return stopped;
      },
    };
    const { url, tlsUrl, operationsUrl } = gateway;
    log.info({ url, tlsUrl, operationsUrl, nodeId }, 'taking CONNECTs');
    return gateway;
  } catch (error) {
    await undo.disposeAsync();
    throw error;
  }
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
