import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, loopback } from '../../stack/ports.ts';
import { projectRoot } from '../../stack/project-root.ts';

/** In bytes, after garbage collection. */
export interface MemoryUse {
  resident: number;
  /** JavaScript's heap, and the buffers that it holds outside. */
  heap: number;
}

/** A program that is measured, in a process of its own. */
export interface MeasuredProcess {
  memory(): Promise<MemoryUse>;
  /** What it answers to a message. */
  ask(message: string): Promise<unknown>;
  /** Lets it end in order, and removes what it left on disk. */
  stop(): Promise<void>;
}

/** A proxy that is measured. */
export interface ProxyProcess extends MeasuredProcess {
  port: number;
}

const tellMemory = new URL('./tell-memory.ts', import.meta.url).href;

/** proxy-chain alone. */
export async function startFloorProxy(): Promise<ProxyProcess> {
  const port = await freePort();
  const script = join(projectRoot, 'scripts', 'bench', 'floor', 'proxy-chain.ts');
  return startProxy(
    port,
    () => startProcess(script, { args: [String(port)] }),
    () => connects(port),
  );
}

/** The gateway as the local stack runs it, with a spool of its own. */
export async function startGatewayProcess(
  databaseUrl: string,
  environment: Record<string, string> = {},
): Promise<ProxyProcess> {
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
    ...environment,
  });
  return startProxy(
    port,
    // as `npm run gateway` has it
    () => startProcess(script, { env, flags: ['--initial-heap-size=256'] }),
    async () => (await fetch(`http://${loopback}:${metricsPort}/readyz`)).ok,
  );
}

async function startProxy(
  port: number,
  start: () => MeasuredProcess & { ended(): string | null },
  ready: () => Promise<boolean>,
): Promise<ProxyProcess> {
  const { ended, ...measured } = start();
  while (!(await ready().catch(() => false))) {
    const words = ended();
    if (words !== null) {
      await measured.stop();
      throw new Error(`a proxy ended before it was ready: ${words}`);
    }
    await sleep(20);
  }
  return { port, ...measured };
}

/** Runs a script that can be asked for its memory. */
export function startProcess(
  script: string,
  options: {
    args?: string[];
    env?: (folder: string) => Record<string, string>;
    /** For Node itself. */
    flags?: string[];
  } = {},
): MeasuredProcess & {
  /** What it said, once it has ended. */
  ended(): string | null;
} {
  const folder = mkdtempSync(join(tmpdir(), 'proxy-keys-bench-'));
  const logFile = join(folder, 'log');
  const log = openSync(logFile, 'a');
  // in a process group of its own: a Ctrl-C reaches it through us alone
  const child = spawn(
    process.execPath,
    [
      ...(options.flags ?? []),
      '--expose-gc',
      '--import',
      tellMemory,
      script,
      ...(options.args ?? []),
    ],
    {
      env: { PATH: process.env.PATH ?? '', TZ: 'UTC', ...options.env?.(folder) },
      stdio: ['ignore', log, log, 'ipc'],
      detached: true,
    },
  );
  closeSync(log);
  const exited = once(child, 'exit');
  const hasExited = () => child.exitCode !== null || child.signalCode !== null;
  const ask = async (message: string): Promise<unknown> => {
    child.send(message);
    const ended = exited.then(() => Promise.reject(new Error('a measured program has ended')));
    const [answer] = await Promise.race([once(child, 'message'), ended]);
    return answer;
  };
  return {
    ended: () => (hasExited() ? readFileSync(logFile, 'utf8') : null),
    ask,
    memory: async () => (await ask('memory')) as MemoryUse,
    async stop() {
      if (!hasExited()) {
        child.kill('SIGTERM');
        await exited;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function connects(port: number): Promise<boolean> {
  const socket = connect({ host: loopback, port });
  await once(socket, 'connect');
  socket.destroy();
  return true;
}
