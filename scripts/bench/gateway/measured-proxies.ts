import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort, loopback } from '../../stack/ports.ts';
import { projectRoot } from '../../stack/project-root.ts';
import { startProgram, type ThrowAwayProgram, takesConnections } from '../../throw-away-program.ts';
import type { MemoryUse } from './tell-memory.ts';

/** One of our proxies, in its own process. */
export interface MeasuredProxy extends ThrowAwayProgram {
  port: number;
  memory(): Promise<MemoryUse>;
}

/** A gateway to measure. */
export interface MeasuredGateway extends MeasuredProxy {
  /** Resolves when all usage is recorded in the database. */
  recorded(): Promise<void>;
}

/** Starts a bare relay. */
export async function startBareRelay(): Promise<MeasuredProxy> {
  const port = await freePort();
  return startProxy({
    name: 'The bare relay',
    port,
    args: [fileURLToPath(new URL('../floor/bare-relay.ts', import.meta.url)), String(port)],
    ready: () => takesConnections(port),
  });
}

/** Starts the gateway like the local stack, with its own spool and additional Node flags and settings. */
export async function startGatewayProcess(
  databaseUrl: string,
  { flags = [], env = {} }: { flags?: string[]; env?: Record<string, string> } = {},
): Promise<MeasuredGateway> {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const operations = (path: string) => fetch(`http://${loopback}:${metricsPort}${path}`);
  const proxy = await startProxy({
    name: 'The gateway',
    port,
    // as in `npm run gateway`
    args: ['--initial-heap-size=256', ...flags, join(projectRoot, 'gateway', 'main.ts')],
    env: (folder) => ({
      GATEWAY_DATABASE_URL: databaseUrl,
      GATEWAY_HOST: loopback,
      GATEWAY_PORT: String(port),
      GATEWAY_METRICS_PORT: String(metricsPort),
      GATEWAY_NODE_ID: 'bench',
      GATEWAY_SPOOL_DIR: join(folder, 'spool'),
      GATEWAY_FLUSH_MS: '2000',
      GATEWAY_DRAIN_MS: '0',
      GATEWAY_ALLOW_TARGETS: '127.0.0.0/8',
      ...env,
    }),
    ready: async () => (await operations('/readyz')).ok,
  });
  return {
    ...proxy,
    async recorded() {
      while (!/^gateway_spool_events 0$/m.test(await (await operations('/metrics')).text())) {
        await sleep(50);
      }
    },
  };
}

async function startProxy(options: {
  name: string;
  port: number;
  args: string[];
  env?(folder: string): Record<string, string>;
  ready(): Promise<boolean>;
}): Promise<MeasuredProxy> {
  const { name, port, args, env, ready } = options;
  const memoryPort = await freePort();
  const tellMemory = new URL('./tell-memory.ts', import.meta.url).href;
  const program = await startProgram({
    name,
    command: process.execPath,
    args: () => ['--expose-gc', '--import', tellMemory, ...args],
    env: (folder) => ({ TELL_MEMORY_PORT: String(memoryPort), ...env?.(folder) }),
    ready,
  });
  return {
    ...program,
    port,
    memory: async () => (await fetch(`http://${loopback}:${memoryPort}/`)).json() as never,
  };
}
