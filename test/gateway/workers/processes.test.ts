import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { freePort, listenOnLoopback } from '../../../scripts/stack/ports.ts';
import {
  connectRequest,
  connectTo,
  readToEnd,
  sendRaw,
} from '../../support/gateway/gateway-fixture.ts';
import { workersOf } from '../../support/gateway/gateway-process.ts';
import { certificateFolder } from '../listeners/certificate-folder.ts';
import { many, run, runReady, spoolFolder, workersScene } from './workers-scene.ts';

const stack = inject('stack');
const { sql, owner, newKey, request, open, openMany } = workersScene();

/** The number of connections from a process to a port of this machine. */
function connectionsTo(port: number, pid: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , remote = '', state]) => remote.endsWith(`:${hex}`) && state === '01')
    .map((fields) => `socket:[${fields[9]}]`);
  const open = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
  return inodes.filter((inode) => open.includes(inode)).length;
}

/** An empty string if the file was closed meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

describe('the processes', () => {
  it('end with the gateway even if it is killed, and clients get a reset', async () => {
    const { gateway, port } = await runReady();
    const workers = workersOf(gateway);
    const key = await newKey({ rate_limit: 1_000, tunnel_limit: 1_000 });
    const tunnels = await openMany(port, key);
    const codes: (string | undefined)[] = [];
    for (const { socket } of tunnels) {
      socket.on('error', (error: NodeJS.ErrnoException) => codes.push(error.code)).resume();
    }
    await gateway.kill();
    await vi.waitFor(() => {
      for (const pid of workers) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    });
    await vi.waitFor(() => expect(codes).toHaveLength(many));
    expect(new Set(codes)).toEqual(new Set(['ECONNRESET']));
  });

  it('of workers ignore signals from a terminal, and stop gracefully with the first process', async () => {
    const { gateway, port, operationsUrl } = await runReady({ GATEWAY_DRAIN_MS: '600000' });
    const key = await newKey({ rate_limit: 1_000, tunnel_limit: 1_000 });
    const tunnel = await open(port, key);
    for (const pid of workersOf(gateway)) {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.kill(pid, signal);
    }
    gateway.child.kill('SIGTERM');
    await vi.waitFor(async () => {
      const attempt = sendRaw(port, connectRequest('10.0.0.1:80'));
      await expect(attempt).rejects.toThrow('closed after 0 bytes');
    });
    expect((await fetch(`${operationsUrl}/readyz`)).status).toBe(503);
    tunnel.socket.end('y'.repeat(1_000_000));
    expect((await readToEnd(tunnel.socket)).length).toBe(1_000_000);
    expect(await gateway.ended).toBe(0);
    expect(gateway.stderr()).toBe('');
    const events = await sql`
      select sum(bytes_sent)::int as sent, sum(bytes_received)::int as received
      from proxy_private.proxy_usage_events where api_key_id = ${key.id}`;
    expect(events).toEqual([{ sent: 1_000_000, received: 1_000_000 }]);
  });

  it('of workers get no database URL and no Redis URL', async () => {
    const { gateway } = await runReady({ REDIS_URL: 'redis://:a-secret-word@127.0.0.1:1' });
    for (const pid of workersOf(gateway)) {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
      expect(environment).toContain('GATEWAY_WORKER=');
      expect(environment).not.toMatch(/DATABASE_URL|REDIS_URL|a-secret-word/);
    }
  });

  it('of workers have no database connections, and the first one has no more than a single process', async () => {
    const { gateway, port } = await runReady({ GATEWAY_WORKERS: '4' });
    const keys = await Promise.all(
      Array.from({ length: 40 }, () => newKey({ rate_limit: 1_000, tunnel_limit: 1_000 })),
    );
    const databasePort = Number(new URL(stack.gatewayDbUrl).port);
    await Promise.all(keys.map((key) => openMany(port, key, 2)));
    expect(connectionsTo(databasePort, gateway.child.pid ?? 0)).toBeLessThanOrEqual(10);
    expect(connectionsTo(databasePort, gateway.child.pid ?? 0)).toBeGreaterThanOrEqual(3);
    for (const pid of workersOf(gateway)) expect(connectionsTo(databasePort, pid)).toBe(0);
  });

  it('take over the spool of a single process', async () => {
    const GATEWAY_SPOOL_DIR = spoolFolder();
    const settings = { GATEWAY_SPOOL_DIR, GATEWAY_FLUSH_MS: '60000' };
    const single = run({ ...settings, GATEWAY_WORKERS: '1' });
    const { port } = await single.ready();
    const key = await newKey({ rate_limit: 1_000, tunnel_limit: 1_000 });
    const tunnel = await open(port, key);
    tunnel.socket.end('w'.repeat(7_000));
    expect((await readToEnd(tunnel.socket)).length).toBe(7_000);
    await single.kill();
    await run(settings).ready();
    const [event] = await owner().eventsOf(key, 1);
    expect(event).toMatchObject({ bytes_sent: 7_000, bytes_received: 7_000 });
  });
});

it('each worker uses the new certificate after SIGHUP, and open tunnels continue', async () => {
  const files = certificateFolder();
  const gateway = run({
    GATEWAY_TLS_PORT: '0',
    GATEWAY_TLS_CERT_FILE: files.certificateFile,
    GATEWAY_TLS_KEY_FILE: files.keyFile,
  });
  await gateway.ready();
  const line = gateway.logged().find((each) => each.includes('taking CONNECTs')) ?? '{}';
  const tlsPort = Number(new URL(JSON.parse(line).tlsUrl).port);
  const shown = () =>
    Promise.all(
      Array.from({ length: many }, async () => {
        const socket = connectTo(tlsPort, { tls: {} }) as TLSSocket;
        await once(socket, 'secureConnect');
        const certificate = socket.getPeerX509Certificate()?.fingerprint256;
        socket.destroy();
        return certificate;
      }),
    );
  const key = await newKey({ rate_limit: 1_000, tunnel_limit: 1_000 });
  const tunnel = await sendRaw(tlsPort, request(key), { tls: {} });
  expect(tunnel.status).toBe(200);
  const { cert } = files.write();
  gateway.child.kill('SIGHUP');
  const { fingerprint256 } = new X509Certificate(cert);
  await vi.waitFor(async () => expect(new Set(await shown())).toEqual(new Set([fingerprint256])));
  expect(await gateway.metric('gateway_tls_certificate_expires_seconds')).toBeGreaterThan(
    Date.now() / 1_000,
  );
  tunnel.socket.end('still here');
  expect(await readToEnd(tunnel.socket)).toBe('still here');
});

it('each worker uses the client address from a PROXY header', async () => {
  const { gateway, port } = await runReady({ GATEWAY_PROXY_PROTOCOL_FROM: '127.0.0.1' });
  const key = await newKey({ rate_limit: 1_000, tunnel_limit: 1_000 });
  await sql`update proxy_private.proxy_keys set allowed_ips = '{203.0.113.0/24}' where id = ${key.id}`;
  const statuses = async (address: string) => {
    const header = `PROXY TCP4 ${address} 127.0.0.1 40000 ${port}\r\n`;
    const answers = Array.from({ length: many }, () => sendRaw(port, header + request(key)));
    return new Set((await Promise.all(answers)).map(({ status }) => status));
  };
  expect(await statuses('203.0.113.7')).toEqual(new Set([200]));
  expect(await statuses('198.51.100.7')).toEqual(new Set([403]));
  await expect(sendRaw(port, request(key))).rejects.toThrow('closed after 0 bytes');
  await vi.waitFor(async () =>
    expect(
      await gateway.metric('gateway_dropped_connections_total', {
        reason: 'proxy_header_missing',
      }),
    ).toBe(1),
  );
});

describe('a failed start is explained, and leaves no process', () => {
  const expectExplained = async (settings: Record<string, string>, words: string[]) => {
    const gateway = run(settings);
    expect(await gateway.ended).toBe(1);
    for (const word of words) expect(gateway.stderr()).toContain(word);
    expect(gateway.stderr()).not.toMatch(/^\s+at /m);
  };

  it('a port that another program uses', async () => {
    const server = createServer();
    const port = await freePort();
    await listenOnLoopback(server, port, 'the test');
    onTestFinished(() => void server.close());
    await expectExplained({ GATEWAY_PORT: String(port) }, [`Port ${port}`, 'set GATEWAY_PORT.']);
  });

  it('a port that another gateway’s workers share', async () => {
    const { port } = await run().ready();
    await expectExplained({ GATEWAY_PORT: String(port) }, [`Port ${port}`, 'set GATEWAY_PORT.']);
  });

  it.each(['0', '65', 'all', '1.5'])('%s workers', async (workers) => {
    await expectExplained({ GATEWAY_WORKERS: workers }, ['GATEWAY_WORKERS']);
  });
});
