import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort, loopback } from '../../../scripts/stack/ports.ts';

/** A redis-server of a test's own, that keeps nothing. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Starts it again after `kill`, empty, at the same port. */
  start(): Promise<void>;
  /** Ends it without a goodbye. */
  kill(): Promise<void>;
  remove(): Promise<void>;
}

const installed = spawnSync('redis-server', ['--version']).error === undefined;

/** Whether tests of Redis are left out: no redis-server on the PATH, and `REQUIRE_REDIS` not set. */
export const withoutRedis = !installed && !process.env.REQUIRE_REDIS;

/** Starts a redis-server on a free port, with more of its options, as `--requirepass word`. */
export async function startRedis(...options: string[]): Promise<RedisServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'redis-'));
  let server: ChildProcess | undefined;

  const start = async () => {
    const settings = ['--port', `${port}`, '--bind', loopback, '--save', '', '--dir', folder];
    server = spawn('redis-server', [...settings, ...options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    // rejects when it cannot be spawned, as `exited` cannot
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
    // nobody reads on: a full pipe would stop it
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
