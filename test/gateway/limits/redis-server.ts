import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort, loopback } from '../../../scripts/stack/ports.ts';

/** A redis-server for one test, without persistence. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Starts it again after `kill`, empty, on the same port. */
  start(): Promise<void>;
  /** Kills it with SIGKILL. */
  kill(): Promise<void>;
  remove(): Promise<void>;
}

const installed = spawnSync('redis-server', ['--version']).error === undefined;

/** Whether to skip tests of Redis: it is not on the PATH, and `REQUIRE_REDIS` is not set. */
export const withoutRedis = !installed && !process.env.REQUIRE_REDIS;

/** Starts a redis-server on a free port, with extra options, for example `--requirepass word`. */
export async function startRedis(...options: string[]): Promise<RedisServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'redis-'));
  let server: ChildProcess | undefined;

  const start = async () => {
    const settings = ['--port', `${port}`, '--bind', loopback, '--save', '', '--dir', folder];
    server = spawn('redis-server', [...settings, ...options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    // rejects if the program cannot start, which `exited` does not notice
    await once(server, 'spawn');
    const exited = once(server, 'exit').then(() => {
      throw new Error('redis-server ended');
    });
    exited.catch(() => {});
    const ready = async () => {
      if (!server?.stdout) return;
      for await (const line of createInterface(server.stdout)) {
        if (line.includes('Ready to accept connections')) return;
      }
    };
    await Promise.race([ready(), exited]);
    // keep draining: a full pipe would block it
    server.stdout?.resume();
  };
  const kill = async () => {
    if (!server?.pid || server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGKILL');
    await once(server, 'exit');
  };

  const remove = async () => {
    await kill();
    await rm(folder, { recursive: true });
  };

  try {
    await start();
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    port,
    url: `redis://${loopback}:${port}`,
    start,
    kill,
    remove,
  };
}
