import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { GatewayConfiguration } from './configuration.ts';
import { startCore } from './core.ts';
import { createOperationsServer } from './operations-server.ts';
import { startTraffic, type Traffic } from './traffic.ts';

/** A gateway that takes CONNECTs. */
export interface Gateway {
  /** Where clients send their CONNECTs. */
  url: string;
  /** Where `/healthz`, `/readyz` and `/metrics` are. */
  operationsUrl: string;
  /**
   * Takes no more CONNECTs, waits for the open tunnels up to `drainMs`, ends what is left, and sends
   * the usage; what the database does not take stays in the spool for the next start.
   */
  stop(): Promise<void>;
}

/** How often open tunnels are looked at, in ms: what a key may overshoot its quota by on one node. */
const sweepMs = 250;

export interface GatewayOptions {
  log: Logger;
  /** A monotonic clock in ms, for tests that travel. */
  now?: () => number;
  /** The host's clock, in ms since 1970, for tests that set it. */
  hostNow?: () => number;
  /** See `TrafficOptions`. */
  firstRequestMs?: number;
  longestLingerMs?: number;
  connectTimeoutMs?: number;
  descriptorLimit?: number;
  /** How long refusals of one key and code are counted in one event, in ms. */
  refusalWindowMs?: number;
}

/** Starts a gateway. Rejects with `SpoolInUse`, or with an error of a port or of the file system. */
export async function startGateway(
  configuration: GatewayConfiguration,
  options: GatewayOptions,
): Promise<Gateway> {
  const { log, now = () => performance.now() } = options;
  await using undo = new AsyncDisposableStack();
  let stopping = false;
  let stopped: Promise<void> | undefined;

  let traffic: Traffic | undefined;
  const core = await startCore(configuration, {
    ...options,
    now,
    traffic: () => traffic?.figures() ?? { openTunnels: 0, namesUnderWay: 0 },
  });
  undo.defer(() => core.stop());
  const sweeping = setInterval(() => {
    traffic?.sweep();
    core.sweep();
  }, sweepMs);
  undo.defer(async () => clearInterval(sweeping));

  const operations = createOperationsServer({
    registry: core.metrics.registry,
    notReady: () => [...(stopping ? ['stopping'] : []), ...core.notReady()],
  });
  await new Promise<void>((resolve, reject) => {
    operations.once('error', reject);
    operations.listen(configuration.metricsPort, configuration.metricsHost, resolve);
  });
  undo.defer(async () => {
    operations.closeAllConnections();
    operations.close();
  });

  const opened = await startTraffic(configuration, { ...options, now, join: core.join });
  traffic = opened;
  undo.defer(() => opened.stop(configuration.drainMs));

  const { port } = operations.address() as AddressInfo;
  const url = `http://${bracketed(configuration.host)}:${opened.port}`;
  const operationsUrl = `http://${bracketed(configuration.metricsHost)}:${port}`;
  log.info({ url, operationsUrl, nodeId: configuration.nodeId }, 'taking CONNECTs');
  const kept = undo.move();
  return {
    url,
    operationsUrl,
    stop() {
      stopping = true;
      stopped ??= kept.disposeAsync();
      return stopped;
    },
  };
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
