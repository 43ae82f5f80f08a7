import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { ClientConnections } from './clients/client-connections.ts';
import type { TrafficConfiguration } from './configuration.ts';
import { Descriptors } from './descriptors.ts';
import type { TunnelHolder } from './keys/keys-in-use.ts';
import type { Timed } from './latency.ts';
import { Certificates } from './listeners/certificates.ts';
import { DroppedConnections } from './listeners/dropped-connections.ts';
import { untilJustAccepted } from './listeners/just-accepted.ts';
import { Listener } from './listeners/listener.ts';
import type { TrafficFigures } from './metrics.ts';
import { ProxyServer } from './proxy-server.ts';
import type { Refusal } from './refusal.ts';
import { RequestHandler } from './requests/request-handler.ts';
import type { Session } from './session.ts';
import { Dialer } from './targets/dialer.ts';
import { createNameResolver } from './targets/name-resolver.ts';
import { createTargetPolicy } from './targets/target-policy.ts';
import { OpenTunnels } from './tunnels/open-tunnels.ts';
import { UndoStack } from './undo-stack.ts';

export interface TrafficOptions {
  log: Logger;
  /** Monotonic, in ms. */
  now: () => number;
  /** Opens a session with the core. */
  join: (holder: TunnelHolder) => Session;
  /** Whether other processes listen on the same port. */
  reusePort?: boolean | undefined;
  /** How long a client may take to send a request's head, in ms. */
  firstRequestMs?: number | undefined;
  /** How long a client may keep sending the body of a refused request, in ms. */
  longestLingerMs?: number | undefined;
  /** How long resolving a target and connecting to it may take together, in ms. */
  connectTimeoutMs?: number | undefined;
  /** How long a shutdown still serves clients that had connected before it, in ms. */
  lastRequestsMs?: number | undefined;
  /** Measures how long name servers take. */
  timeNames: Timed;
  /** How often the certificate files are checked, in ms. */
  lookEveryMs?: number | undefined;
  /** The host's clock, in ms since 1970, for tests that set it. */
  hostNow?: (() => number) | undefined;
  /** Files and sockets that the process may have open; by default the limit of the process. */
  descriptorLimit?: number | undefined;
}

/** What a process does for clients: connections, requests, targets and tunnels. */
export interface Traffic extends TunnelHolder {
  /** Where clients connect. */
  readonly port: number;
  /** The same for TLS; undefined without TLS. */
  readonly tlsPort: number | undefined;
  /** Reads the certificate files again; an unusable certificate changes nothing. */
  reload(): Promise<void>;
  figures(): TrafficFigures;
  /** Charges and reports the bytes that moved. Called often. */
  sweep(): void;
  /** From now on answers ask clients to switch to another gateway. */
  leave(): void;
  /**
   * Takes no more clients, waits up to `drainMs` for open tunnels and pending answers, and closes
   * the rest.
   */
  stop(drainMs: number): Promise<void>;
  /** Closes every tunnel at once, as this process is about to end. */
  cut(): void;
}

/** Listens for clients. Rejects with an error of a port, or with `CertificateUnusable`. */
export async function startTraffic(
  configuration: TrafficConfiguration,
  options: TrafficOptions,
): Promise<Traffic> {
  const { log, now, join, firstRequestMs = 10_000, connectTimeoutMs = 15_000 } = options;
  const { lastRequestsMs = 1_000, hostNow, lookEveryMs } = options;
  await using undo = new UndoStack();
  const { flushMs, idleMs, nodeId } = configuration;
  let leaving = false;
  let stopping = false;
  const descriptors = new Descriptors(options.descriptorLimit);
  const names = createNameResolver({
    servers: configuration.dnsServers,
    most: descriptors.names,
    timed: options.timeNames,
    log,
  });
  const tunnels = new OpenTunnels({ log, reportMs: flushMs / 2, idleMs });
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
  const onRefused = ({ code, statusCode }: Refusal, id: string) => {
    // strangers cannot fill the log
    log.debug({ id, code }, 'refused');
    session.answered(code, statusCode);
  };
  const server = new ProxyServer({
    connections,
    headTimeoutMs: firstRequestMs,
    now,
    serve: (request) => void handler.serve(request),
    onRefused,
  });
  undo.defer(async () => server.close());
  const { tls, host, proxyProtocolFrom } = configuration;
  const certificates = tls
    ? await Certificates.open({
        ...tls,
        log,
        ...(hostNow && { hostNow }),
        ...(lookEveryMs && { lookEveryMs }),
      })
    : null;
  undo.defer(async () => certificates?.close());
  const dropped = new DroppedConnections(log, (reason) => session.dropped(reason));
  const listen = async (port: number, certificates: Certificates | null) => {
    const listener = new Listener({
      host,
      port,
      reusePort: options.reusePort,
      certificates,
      proxyProtocolFrom,
      stepMs: firstRequestMs,
      connections,
      dropped,
      take: (connection) => server.serve(connection),
      onRefused,
    });
    await listener.listen();
    undo.defer(async () => {
      connections.closeAll();
      await listener.close();
    });
    return listener;
  };
  const plain = await listen(configuration.port, null);
  const secure = tls && (await listen(tls.port, certificates));
  undo.move();

  return {
    ...holder,
    port: plain.port,
    tlsPort: secure?.port,
    async reload() {
      await certificates?.reload();
    },
    figures: () => ({
      openTunnels: tunnels.count,
      namesUnderWay: names.underWay,
      socketsInUse: descriptors.inUse,
      ...(certificates && { certificateExpiresAt: certificates.current.expiresAt }),
    }),
    sweep: () => tunnels.sweep(),
    leave() {
      leaving = true;
    },
    async stop(drainMs) {
      leaving = true;
      const last = setTimeout(() => {
        stopping = true;
      }, lastRequestsMs);
      // first only the listening sockets are closed: open tunnels may continue
      await untilJustAccepted();
      const closed = Promise.all([plain.close(), secure?.close()]);
      server.close();
      await Promise.race([
        Promise.all([tunnels.empty(), connections.quiet(lastRequestsMs)]),
        sleep(drainMs, undefined, { ref: false }),
      ]);
      clearTimeout(last);
      stopping = true;
      if (tunnels.count > 0) log.warn({ tunnels: tunnels.count }, 'closing open tunnels');
      tunnels.closeAll();
      connections.closeAll();
      await tunnels.empty();
      await closed;
      certificates?.close();
    },
    cut: () => tunnels.closeAll(),
  };
}
