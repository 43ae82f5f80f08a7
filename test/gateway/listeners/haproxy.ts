import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../scripts/stack/ports.ts';

const installed = spawnSync('haproxy', ['-v']).error === undefined;

/** Whether to skip tests of HAProxy: it is not on the PATH, and `REQUIRE_CLIENTS` is not set. */
export const withoutHaproxy = !installed && !process.env.REQUIRE_CLIENTS;

/** A load balancer that forwards TCP connections to a gateway, with a PROXY header. */
export interface Haproxy {
  /** One port per header version. */
  ports: { v1: number; v2: number };
  stop(): Promise<void>;
}

/** Starts one on these addresses, in front of a gateway's port on 127.0.0.1. */
export async function startHaproxy(hosts: string[], gatewayPort: number): Promise<Haproxy> {
  const folder = mkdtempSync(join(tmpdir(), 'haproxy-'));
  const ports = { v1: await freePort(), v2: await freePort() };
  const sections = (['v1', 'v2'] as const).flatMap((version) => [
    `listen ${version}`,
    ...hosts.map((host) => `  bind ${host}:${ports[version]}`),
    // the gateway trusts 127.0.0.2 as a load balancer
    `  server gateway 127.0.0.1:${gatewayPort} source 127.0.0.2 ${
      version === 'v1' ? 'send-proxy' : 'send-proxy-v2'
    }`,
  ]);
  const file = join(folder, 'haproxy.cfg');
  const timeouts = ['connect 5s', 'client 60s', 'server 60s'].map((each) => `  timeout ${each}`);
  const lines = ['defaults', '  mode tcp', ...timeouts, ...sections, ''];
  writeFileSync(file, lines.join('\n'));
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'inherit'] });
  await once(child, 'spawn');
  const ended = once(child, 'exit');
  const over = ended.then(([code]) => {
    throw new Error(`haproxy ended with ${code} before it listened`);
  });
  // no one waits for it after HAProxy listens
  over.catch(() => {});
  await Promise.race([over, Promise.all(Object.values(ports).map(isListening))]);
  return {
    ports,
    async stop() {
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function isListening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const connected = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (connected) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
