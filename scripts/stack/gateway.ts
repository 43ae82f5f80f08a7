import { join } from 'node:path';
import { waitUntilReady } from './child-process.ts';
import { loopback, requireFreePort } from './ports.ts';
import { projectRoot } from './project-root.ts';
import type { Supervisor } from './supervisor.ts';

/** Where the gateway listens unless it is told otherwise, as the contract says. */
export const gatewayPorts = { connect: 7777, metrics: 9777 };

/** Fails with what to do when the gateway could not listen where it always does. */
export async function requireGatewayPorts(): Promise<void> {
  await requireFreePort(gatewayPorts.connect, 'the CONNECT gateway', { configured: false });
  await requireFreePort(gatewayPorts.metrics, 'the CONNECT gateway', { configured: false });
}

/** Starts the CONNECT gateway; loopback targets are allowed, on any port, as this is local work. */
export async function startGateway(
  supervisor: Supervisor,
  options: {
    port: number;
    metricsPort: number;
    databaseUrl: string;
    spoolDirectory: string;
    logFile: string;
  },
): Promise<void> {
  const child = supervisor.start({
    name: 'Gateway',
    command: process.execPath,
    args: ['--initial-heap-size=256', join(projectRoot, 'gateway', 'main.ts')],
    env: {
      GATEWAY_DATABASE_URL: options.databaseUrl,
      GATEWAY_HOST: loopback,
      GATEWAY_PORT: String(options.port),
      GATEWAY_METRICS_PORT: String(options.metricsPort),
      GATEWAY_NODE_ID: 'local',
      GATEWAY_SPOOL_DIR: options.spoolDirectory,
      GATEWAY_FLUSH_MS: '2000',
      // a developer's Ctrl-C is not to wait for a tunnel that is left open
      GATEWAY_DRAIN_MS: '0',
      GATEWAY_ALLOW_TARGETS: '127.0.0.0/8,::1/128',
    },
    logFile: options.logFile,
  });
  await waitUntilReady(child, async () => {
    const response = await fetch(`http://${loopback}:${options.metricsPort}/readyz`);
    return response.ok;
  });
}
