import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { freePort, loopback } from '../../../scripts/stack/ports.ts';
import { isOnPath } from '../clients/client.ts';

/** Whether to skip tests of HAProxy: it is not on the PATH, and `REQUIRE_HAPROXY` is not set. */
export const withoutHaproxy = !isOnPath('haproxy') && !process.env.REQUIRE_HAPROXY;

/** A load balancer in front of gateways, configured as in docs/listeners.md. */
export interface Haproxy {
  port: number;
  /** Resolves when it sends clients to every gateway. */
  untilAllUp(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts HAProxy in front of gateways, with their client ports and `/readyz` ports. */
export async function startHaproxy(
  gateways: { port: number; metricsPort: number }[],
): Promise<Haproxy> {
  const [port, statePort] = [await freePort(), await freePort()];
  const folder = mkdtempSync(join(tmpdir(), 'haproxy-'));
  const file = join(folder, 'haproxy.cfg');
  const servers = gateways.map(
    (gateway, index) =>
      `  server gateway${index} ${loopback}:${gateway.port} check port ${gateway.metricsPort}`,
  );
  writeFileSync(
    file,
    `defaults
  mode tcp
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  retries 3
  option redispatch 1
frontend clients
  bind ${loopback}:${port}
  default_backend gateways
backend gateways
  balance roundrobin
  option httpchk GET /readyz
  http-check expect status 200
  default-server inter 200ms fall 2 rise 1
${servers.join('\n')}
frontend state
  mode http
  bind ${loopback}:${statePort}
  monitor-uri /all
  monitor fail if { nbsrv(gateways) lt ${gateways.length} }
`,
  );
  const child = spawn('haproxy', ['-q', '-db', '-f', file], { stdio: 'ignore' });
  await once(child, 'spawn');
  const exited = once(child, 'exit');
  return {
    port,
    async untilAllUp() {
      await vi.waitFor(
        async () => {
          const { ok } = await fetch(`http://${loopback}:${statePort}/all`);
          if (!ok) throw new Error('HAProxy does not send clients to every gateway');
        },
        { timeout: 60_000, interval: 50 },
      );
    },
    async stop() {
      child.kill('SIGKILL');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
