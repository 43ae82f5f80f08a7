import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, loopback } from '../../stack/ports.ts';
import { projectRoot } from '../../stack/project-root.ts';
import { type MeasuredProcess, type Program, startProcess } from './measured-process.ts';

/** A proxy that is measured. */
export interface ProxyProcess extends MeasuredProcess {
  port: number;
}

/** A gateway that is measured. */
export interface GatewayProcess extends ProxyProcess {
  /** Resolves when the database has all usage. */
  recorded(): Promise<void>;
}

/** A bare relay. */
export async function startBareRelay(): Promise<ProxyProcess> {
  const port = await freePort();
  const script = join(projectRoot, 'scripts', 'bench', 'floor', 'bare-relay.ts');
  const relay = startProcess(script, { args: [String(port)] });
  await untilReady(relay, () => takesConnections(port));
  return { port, ...relay };
}

/** The gateway as the local stack runs it, with a spool of its own, more flags for Node and settings. */
export async function startGatewayProcess(
  databaseUrl: string,
  { flags = [], env: more = {} }: { flags?: string[]; env?: Record<string, string> } = {},
): Promise<GatewayProcess> {
  const port = await freePort();
  const metricsPort = await freePort();
  const script = join(projectRoot, 'gateway', 'main.ts');
  const env = (folder: string) => ({
    GATEWAY_DATABASE_URL: databaseUrl,
    GATEWAY_HOST: loopback,
    GATEWAY_PORT: String(port),
    GATEWAY_METRICS_PORT: String(metricsPort),
    GATEWAY_NODE_ID: 'bench',
    GATEWAY_SPOOL_DIR: join(folder, 'spool'),
    GATEWAY_FLUSH_MS: '2000',
    GATEWAY_DRAIN_MS: '0',
    GATEWAY_ALLOW_TARGETS: '127.0.0.0/8',
    ...more,
  });
  // as `npm run gateway` has it
  const gateway = startProcess(script, { env, flags: ['--initial-heap-size=256', ...flags] });
  const operations = (path: string) => fetch(`http://${loopback}:${metricsPort}${path}`);
  await untilReady(gateway, async () => (await operations('/readyz')).ok);
  return {
    port,
    ...gateway,
    async recorded() {
      while (!/^gateway_spool_events 0$/m.test(await (await operations('/metrics')).text())) {
        await sleep(50);
      }
    },
  };
}

/** Resolves when a program is ready, and rejects with what it said where it ends before. */
export async function untilReady(program: Program, ready: () => Promise<boolean>): Promise<void> {
  while (!(await ready().catch(() => false))) {
    const words = program.ended();
    if (words !== null) {
      await program.stop();
      throw new Error(`a proxy ended before it was ready: ${words}`);
    }
    await sleep(20);
  }
}

/** Whether a loopback port is listened on. Rejects where it is not. */
export async function takesConnections(port: number): Promise<boolean> {
  const socket = connect({ host: loopback, port });
  await once(socket, 'connect');
  socket.destroy();
  return true;
}
