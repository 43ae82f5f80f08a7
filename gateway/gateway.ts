import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { GatewayConfiguration } from './configuration.ts';
import { type Core, startCore } from './core.ts';
import { Certificates } from './listeners/certificates.ts';
import { noTraffic, type TrafficFigures } from './metrics.ts';
import { createOperationsServer } from './operations-server.ts';
import { createReadiness } from './readiness/readiness.ts';
import { newReason } from './readiness/reason.ts';
import { sweepMs } from './sweep.ts';
import { startTraffic } from './traffic.ts';
import { UndoStack } from './undo-stack.ts';
import { WorkerPool } from './workers/worker-pool.ts';

/** A gateway that takes CONNECTs. */
export interface Gateway {
  /** Where clients send their CONNECTs. */
  url: string;
  /** The same over TLS; undefined without TLS. */
  tlsUrl: string | undefined;
  /** Where `/healthz`, `/readyz` and `/metrics` are. */
  operationsUrl: string;
  /** Reads the certificate files again, if any; an unusable certificate changes nothing. */
  reload(): Promise<void>;
  /**
   * Is not ready for `lameDuckMs`, or until `hurry` is aborted, but still serves. Then takes no
   * more CONNECTs, waits up to `drainMs` for open tunnels, closes the rest, and sends the usage;
   * events that the database does not take stay in the spool for the next start.
   */
  stop(hurry?: AbortSignal): Promise<void>;
}

export interface GatewayOptions {
  log: Logger;
  /** This process's environment, from which its workers' environments are built. */
  environment?: NodeJS.ProcessEnv;
  /** A monotonic clock in ms, for tests that move the time. */
  now?: () => number;
  /** The host's clock, in ms since 1970, for tests that set it. */
  hostNow?: () => number;
  /** See `TrafficOptions`. */
  firstRequestMs?: number;
  longestLingerMs?: number;
  connectTimeoutMs?: number;
  descriptorLimit?: number;
  lookEveryMs?: number;
  lastRequestsMs?: number;
  /** How long refusals of one key and code are counted in one event, in ms. */
  refusalWindowMs?: number;
}

/** What serves the gateway's clients: this process, or several others. */
interface Front {
  readonly port: number;
  readonly tlsPort: number | undefined;
  reload(): Promise<void>;
  figures(): TrafficFigures;
  sweep(): void;
  leave(): void;
  stop(drainMs: number): Promise<void>;
}

/**
 * Starts a gateway. Rejects with `SpoolInUse`, `TooFewConnections`, `DatabaseUrlError`, or with an error of
 * a port or of the file system.
 */
export async function startGateway(
  configuration: GatewayConfiguration,
  options: GatewayOptions,
): Promise<Gateway> {
  const { log, now = () => performance.now() } = options;
  await using undo = new UndoStack();
  let stopping = false;
  let stopped: Promise<void> | undefined;

  let front: Front | undefined;
  const core = await startCore(configuration, {
    ...options,
    now,
    traffic: () => front?.figures() ?? noTraffic,
  });
  undo.defer(() => core.stop());
  const sweeping = setInterval(() => {
    front?.sweep();
    core.sweep();
  }, sweepMs);
  undo.defer(async () => clearInterval(sweeping));

  const readiness = createReadiness({
    sources: [() => (stopping ? newReason('stopping') : null), ...core.reasons],
    log,
  });
  undo.defer(async () => readiness.stop());
  core.metrics.addReadiness(readiness);
  const operations = createOperationsServer({
    metrics: () => core.metrics.text(),
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

  const opened = await startFront(configuration, core, { ...options, now });
  front = opened;
  undo.defer(() => opened.stop(configuration.drainMs));

  const { port } = operations.address() as AddressInfo;
  const host = bracketed(configuration.host);
  const url = `http://${host}:${opened.port}`;
  const tlsUrl = opened.tlsPort === undefined ? undefined : `https://${host}:${opened.tlsPort}`;
  const operationsUrl = `http://${bracketed(configuration.metricsHost)}:${port}`;
  const { nodeId, workers } = configuration;
  log.info({ url, tlsUrl, operationsUrl, nodeId, workers }, 'taking CONNECTs');
  const kept = undo.move();
  const stop = async (hurry?: AbortSignal) => {
    stopping = true;
    opened.leave();
    const { lameDuckMs } = configuration;
    // this timer keeps the process alive
    if (lameDuckMs > 0) await sleep(lameDuckMs, undefined, { signal: hurry }).catch(() => {});
    await kept.disposeAsync();
  };
  return {
    url,
    tlsUrl,
    operationsUrl,
    reload: () => opened.reload(),
    stop(hurry) {
      stopped ??= stop(hurry);
      return stopped;
    },
  };
}

async function startFront(
  configuration: GatewayConfiguration,
  core: Core,
  options: GatewayOptions & { now: () => number },
): Promise<Front> {
  const { workers } = configuration;
  if (workers === 1)
    return startTraffic(configuration, {
      ...options,
      join: core.join,
      timeNames: core.metrics.timeNames,
    });
  const { log, environment = process.env } = options;
  // an unusable file fails here, once
  if (configuration.tls) (await Certificates.open({ ...configuration.tls, log })).close();
  const pool = await WorkerPool.start(configuration, { core, workers, environment, log });
  core.metrics.addWorkers(pool);
  return pool;
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
