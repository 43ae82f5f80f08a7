import { join } from 'node:path';
import { waitUntilReady } from './child-process.ts';
import { localGatewayLogin } from './database.ts';
import { freePort, loopback, requireFreePort } from './ports.ts';
import { databaseUrl } from './postgres.ts';
import { projectRoot } from './project-root.ts';
import type { Run } from './run.ts';

/** The gateway's default ports. */
const gatewayPorts = { connect: 7777, metrics: 9777 };

/** Fails, with what to do next, if the gateway cannot listen on its default ports. */
export async function requireGatewayPorts(): Promise<void> {
  await requireFreePort(gatewayPorts.connect, 'the CONNECT gateway', { configured: false });
  await requireFreePort(gatewayPorts.metrics, 'the CONNECT gateway', { configured: false });
}

/** Starts the CONNECT gateway. Loopback targets are allowed on any port, for local development. */
export async function startGateway(
  run: Run,
  databasePort: number,
): Promise<{ gatewayUrl: string; gatewayMetricsUrl: string }> {
  const port = run.ephemeral ? await freePort() : gatewayPorts.connect;
  const metricsPort = run.ephemeral ? await freePort() : gatewayPorts.metrics;
  const gatewayMetricsUrl = `http://${loopback}:${metricsPort}`;
  const child = run.supervisor.start({
    name: 'Gateway',
    command: process.execPath,
    args: ['--initial-heap-size=256', join(projectRoot, 'gateway', 'main.ts')],
    env: {
      GATEWAY_DATABASE_URL: databaseUrl(localGatewayLogin, databasePort),
      GATEWAY_HOST: loopback,
      GATEWAY_PORT: String(port),
      GATEWAY_METRICS_PORT: String(metricsPort),
      GATEWAY_NODE_ID: 'local',
      GATEWAY_SPOOL_DIR: run.state.gatewaySpool,
      GATEWAY_FLUSH_MS: '2000',
      // a developer's Ctrl-C must not wait for an open tunnel
      GATEWAY_DRAIN_MS: '0',
      GATEWAY_ALLOW_TARGETS: '127.0.0.0/8,::1/128',
    },
    logFile: join(run.state.logs, 'gateway.log'),
  });
  await waitUntilReady(child, async () => (await fetch(`${gatewayMetricsUrl}/readyz`)).ok);
  run.report('the CONNECT gateway');
  return { gatewayUrl: `http://${loopback}:${port}`, gatewayMetricsUrl };
}
