import { pino } from 'pino';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { readTrafficConfiguration } from '../configuration.ts';
import { parseClientRanges } from '../keys/client-ranges.ts';
import { createNameLatency } from '../latency.ts';
import { sweepMs } from '../sweep.ts';
import { startTraffic, type Traffic } from '../traffic.ts';
import { Channel } from './channel.ts';
import type { CoreFunctions, WorkerFunctions } from './messages.ts';
import { createRemoteSession } from './remote-session.ts';

/*
 * A worker of a gateway: serves the traffic of one CPU core. It has neither the database's URL nor
 * the spool, and ends with the process that started it.
 */

const configuration = readTrafficConfiguration(process.env);
const worker = Number(process.env.GATEWAY_WORKER);
const log = pino({ level: configuration.logLevel, base: { nodeId: configuration.nodeId, worker } });
const registry = new Registry();
registry.setDefaultLabels({ worker });
collectDefaultMetrics({ register: registry });
const timeNames = createNameLatency(registry);
let traffic: Traffic | undefined;

const ours: WorkerFunctions = {
  async start(ports) {
    const { tls } = configuration;
    const { port, tlsPort } = ports;
    traffic = await startTraffic(
      { ...configuration, port, tls: tls && { ...tls, port: tlsPort ?? tls.port } },
      { log, now: () => performance.now(), reusePort: true, join: () => session, timeNames },
    );
    return { port: traffic.port, tlsPort: traffic.tlsPort };
  },
  setClock: (offsetMs) => session.setClock(offsetMs),
  closeTunnels: (keyId, { reason, outside }) =>
    traffic?.closeTunnels(keyId, {
      reason,
      ...(outside && { outside: parseClientRanges(outside) }),
    }),
  processMetrics: () => registry.getMetricsAsJSON(),
  reload: () => traffic?.reload(),
  leave: () => traffic?.leave(),
  async stop(drainMs) {
    await traffic?.stop(drainMs);
    traffic = undefined;
    session.flushCharges();
  },
};
const core = new Channel<CoreFunctions>(process, ours);
const session = createRemoteSession(core);

setInterval(() => {
  if (!traffic) return;
  traffic.sweep();
  session.flushCharges();
  core.notify('figures', traffic.figures());
}, sweepMs);

// the parent process handles signals for its workers; a terminal signals the whole group
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
const end = () => {
  // reset, so that its clients do not take a part for the whole
  traffic?.cut();
  setImmediate(() => process.exit());
};
process.on('disconnect', end);
// the parent may have ended while this was loading
if (!process.connected) end();
