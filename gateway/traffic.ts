import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { ClientConnections } from './clients/client-connections.ts';
import type { TrafficConfiguration } from './configuration.ts';
import { Descriptors } from './descriptors.ts';
import type { TunnelHolder } from './keys/keys-in-use.ts';
import type { TrafficFigures } from './metrics.ts';
import { ProxyServer } from './proxy-server.ts';
import { RequestHandler } from './requests/request-handler.ts';
import type { Session } from './session.ts';
import { Dialer } from './targets/dialer.ts';
import { createNameResolver } from './targets/name-resolver.ts';
import { createTargetPolicy } from './targets/target-policy.ts';
import { OpenTunnels } from './tunnels/open-tunnels.ts';

export interface TrafficOptions {
  log: Logger;
  /** Monotonic, in ms. */
  now: () => number;
  /** Lets this traffic in to the core. */
  join: (holder: TunnelHolder) => Session;
  /** Whether other processes listen on the same port. */
  reusePort?: boolean | undefined;
  /** How long a client may take to say what it wants, in ms. */
  firstRequestMs?: number | undefined;
  /** How long a client may go on sending the body of what is refused, in ms. */
  longestLingerMs?: number | undefined;
  /** How long resolving a target and connecting to it may take together, in ms. */
  connectTimeoutMs?: number | undefined;
  /** How long a stop serves clients that had connected before it, in ms. */
  lastRequestsMs?: number | undefined;
  /** Files and sockets that the process may have open; by default what it is allowed. */
  descriptorLimit?: number | undefined;
}

/** What a process does for clients: connections, requests, targets and tunnels. */
export interface Traffic extends TunnelHolder {
  /** Where clients connect. */
  readonly port: number;
  figures(): TrafficFigures;
  /** Charges and reports what was moved. Called often. */
  sweep(): void;
  /** From now on answers ask clients to look for another gateway. */
  leave(): void;
  /**
   * Takes no more clients, waits for the open tunnels and for who waits for an answer, `drainMs` at most,
   * and ends what is left.
   */
  stop(drainMs: number): Promise<void>;
  /** Ends every tunnel at once, as this process is about to. */
  cut(): void;
}

/** Listens for clients. Rejects with an error of a port. */
export async function startTraffic(
  configuration: TrafficConfiguration,
  options: TrafficOptions,
): Promise<Traffic> {
  const { log, now, join, firstRequestMs = 10_000, connectTimeoutMs = 15_000 } = options;
  const { lastRequestsMs = 1_000 } = options;
  const { flushMs, idleMs, nodeId } = configuration;
  let leaving = false;
  let stopping = false;
  const descriptors = new Descriptors(options.descriptorLimit);
  const names = createNameResolver({
    servers: configuration.dnsServers,
    most: descriptors.names,
    log,
  });
  const tunnels = new OpenTunnels({ log, sliceMs: flushMs / 2, idleMs });
  const connections = new ClientConnections({
    descriptors,
    mostUnproven: configuration.unprovenPerAddress,
    longestLingerMs: options.longestLingerMs,
    log,
  });
  const dialer = new Dialer({
    policy: createTargetPolicy({ allowed: configuration.allowedTargets, names }),
    descriptors,
    timeoutMs: connectTimeoutMs,
    log,
  });
  const holder: TunnelHolder = {
    closeTunnels: (keyId, order) => tunnels.close(keyId, order),
  };
  const session = join(holder);
  const handler = new RequestHandler({
    session,
    connections,
    dialer,
    tunnels,
    nodeId,
    via: configuration.via,
    leaving: () => leaving,
    stopping: () => stopping,
    now,
    log,
  });
  const server = new ProxyServer({
    host: configuration.host,
    port: configuration.port,
    reusePort: options.reusePort,
    connections,
    headTimeoutMs: firstRequestMs,
    now,
    serve: (request) => void handler.serve(request),
    onRefused: ({ code, statusCode }) => session.answered(code, statusCode),
  });
  await server.listen();

  return {
    ...holder,
    port: server.port,
    figures: () => ({ openTunnels: tunnels.count, namesUnderWay: names.underWay }),
    sweep: () => tunnels.sweep(),
    leave() {
      leaving = true;
    },
    async stop(drainMs) {
      leaving = true;
      const last = setTimeout(() => {
        stopping = true;
      }, lastRequestsMs);
      // the listening socket is closed by itself first: open tunnels may go on
      await server.stopListening();
      await Promise.race([
        Promise.all([tunnels.empty(), connections.quiet(lastRequestsMs)]),
        sleep(drainMs, undefined, { ref: false }),
      ]);
      clearTimeout(last);
      stopping = true;
      if (tunnels.count > 0) log.warn({ tunnels: tunnels.count }, 'ending open tunnels');
      tunnels.closeAll();
      connections.closeAll();
      await tunnels.empty();
      await server.close();
    },
    cut: () => tunnels.closeAll(),
  };
}
