import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { readConfiguration } from '../../gateway/configuration.ts';
import { oldestSchemaVersion } from '../../gateway/versions.ts';
import packageJson from '../../package.json' with { type: 'json' };
import {
  connectRequest,
  type GatewayFixture,
  readToEnd,
  sendRaw,
  startTestGateway,
} from '../support/gateway/gateway-fixture.ts';
import { type KeyOwner, newKeyOwner } from '../support/gateway/key-owner.ts';
import { startTcpTarget, type TargetServer } from '../support/gateway/targets.ts';
import { startTcpProxy } from '../support/gateway/tcp-proxy.ts';
import { connectOwner } from '../support/personas.ts';

const stack = inject('stack');
const sql = connectOwner();
let owner: KeyOwner;
let gateway: GatewayFixture;
/** An echo target. */
let echo: TargetServer;

beforeAll(async () => {
  [gateway, owner, echo] = await Promise.all([
    startTestGateway(),
    newKeyOwner(sql),
    startTcpTarget((socket) => socket.pipe(socket)),
  ]);
  await isListening(gateway);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), echo.close(), sql.end()]);
});

function isListening({ metric }: GatewayFixture): Promise<void> {
  return vi.waitFor(async () => expect(await metric('gateway_listening')).toBe(1), {
    timeout: 60_000,
  });
}

async function get(path: string, init?: RequestInit) {
  const response = await fetch(`${gateway.operationsUrl}${path}`, init);
  return { response, status: response.status, text: await response.text() };
}

describe('the operations server', () => {
  it('/healthz is 200 while the process runs', async () => {
    expect(await get('/healthz')).toMatchObject({ status: 200, text: 'ok\n' });
  });

  it('/readyz is 200 while the gateway accepts CONNECTs', async () => {
    expect(await get('/readyz?verbose')).toMatchObject({ status: 200, text: 'ready\n' });
  });

  it('/readyz is 503 with the reason while changes are not received, and /healthz stays 200', async () => {
    const proxy = await startTcpProxy(stack.gatewayDbUrl);
    onTestFinished(() => proxy.close());
    const other = await startTestGateway({ databaseUrl: proxy.through(stack.gatewayDbUrl) });
    onTestFinished(() => other.stop());
    await isListening(other);
    expect((await fetch(`${other.operationsUrl}/readyz`)).status).toBe(200);
    proxy.cut();
    await vi.waitFor(async () => {
      const response = await fetch(`${other.operationsUrl}/readyz`);
      expect(response.status).toBe(503);
      expect(await response.text()).toMatch(/^database_away: [^\n]+\n$/);
      expect(await other.metric('gateway_not_ready', { code: 'database_away' })).toBe(1);
    });
    expect((await fetch(`${other.operationsUrl}/healthz`)).status).toBe(200);
    proxy.restore();
    await isListening(other);
    expect((await fetch(`${other.operationsUrl}/readyz`)).status).toBe(200);
  });

  it('other paths are 404, other methods than GET and HEAD are 405, and nothing is cached', async () => {
    expect((await get('/')).status).toBe(404);
    expect((await get('/metrics/')).status).toBe(404);
    const posted = await get('/metrics', { method: 'POST', body: 'x' });
    expect(posted.status).toBe(405);
    expect(posted.response.headers.get('allow')).toBe('GET, HEAD');
    const head = await get('/healthz', { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, text: '' });
    expect(head.response.headers.get('cache-control')).toBe('no-store');
  });

  it('listens only on the loopback address, like the gateway, unless configured otherwise', () => {
    const { host, metricsHost } = readConfiguration({
      GATEWAY_DATABASE_URL: stack.gatewayDbUrl,
      GATEWAY_SPOOL_DIR: '/nowhere',
    });
    expect([host, metricsHost]).toEqual(['127.0.0.1', '127.0.0.1']);
    const port = Number(new URL(gateway.operationsUrl).port);
    const hex = port.toString(16).toUpperCase().padStart(4, '0');
    const listeners = ['tcp', 'tcp6'].flatMap((table) =>
      readFileSync(`/proc/net/${table}`, 'utf8')
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .filter(([, local = '', , state]) => local.endsWith(`:${hex}`) && state === '0A')
        .map(([, local = '']) => local.slice(0, -5)),
    );
    expect(listeners).toEqual(['0100007F']);
  });
});

describe('/metrics', () => {
  it('is Prometheus text: each sample has a help and a type, and no label identifies a user', async () => {
    const key = await owner.newKey();
    await sendRaw(gateway.port, connectRequest('10.0.0.1:443', key.basicAuth));
    const { response, text } = await get('/metrics');
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const declared = new Map<string, Set<string>>();
    for (const line of text.split('\n')) {
      const [, kind = '', name = ''] = /^# (HELP|TYPE) (\w+) \S/.exec(line) ?? [];
      if (kind) declared.set(name, (declared.get(name) ?? new Set()).add(kind));
      if (line === '' || line.startsWith('#')) continue;
      expect(line).toMatch(/^\w+(\{(\w+="[^"\\]*",?)+\})? (NaN|[+-]?Inf|-?\d[\d.e+-]*)$/);
      const [sample = ''] = /^\w+/.exec(line) ?? [];
      const family =
        declared.get(sample) ?? declared.get(sample.replace(/_(bucket|sum|count)$/, ''));
      expect([...(family ?? [])].sort(), sample).toEqual(['HELP', 'TYPE']);
    }
    expect(text).not.toContain(key.keyId);
    expect(text).not.toContain('10.0.0.1');
  });

  it('counts answers by status, open tunnels, and forwarded bytes', async () => {
    const own = await startTestGateway({ flushMs: 100 });
    onTestFinished(() => own.stop());
    const key = await owner.newKey();
    const before = echo.bytes();
    const open = await sendRaw(own.port, connectRequest(`127.0.0.1:${echo.port}`, key.basicAuth));
    await sendRaw(own.port, connectRequest('10.0.0.1:443', key.basicAuth));
    await sendRaw(own.port, connectRequest('10.0.0.1:443'));
    await sendRaw(own.port, connectRequest('10.0.0.1:443'));
    expect(await own.metric('gateway_open_tunnels')).toBe(1);
    expect(await own.metric('gateway_cached_keys')).toBeLessThanOrEqual(1);

    // reported twice, each time with all bytes so far
    const moved = (direction: string) => own.metric('gateway_bytes_total', { direction });
    open.socket.write('x'.repeat(1_000));
    await vi.waitFor(async () => expect(await moved('sent')).toBe(1_000));
    open.socket.end('x'.repeat(99_000));
    expect((await readToEnd(open.socket)).length).toBe(100_000);
    await vi.waitFor(async () => expect(await own.metric('gateway_open_tunnels')).toBe(0));
    for (const [status, count] of Object.entries({ 200: 1, 403: 1, 407: 2, 500: 0 })) {
      expect(await own.metric('gateway_connects_total', { status }), status).toBe(count);
    }
    expect(await own.metric('gateway_connect_setup_seconds_count')).toBe(1);
    const after = echo.bytes();
    expect(await moved('sent')).toBe(after.received - before.received);
    expect(await moved('received')).toBe(after.sent - before.sent);
    await vi.waitFor(
      async () => {
        const recorded = await own.metric('gateway_usage_events_total', { outcome: 'recorded' });
        expect(recorded).toBeGreaterThanOrEqual(2);
        expect(await own.metric('gateway_spool_events')).toBe(0);
      },
      { timeout: 60_000 },
    );
    expect(await own.metric('gateway_spool_bytes')).toBe(0);
    expect(await own.metric('gateway_spool_accepting')).toBe(1);
  });

  it('reports the latency of the database and name servers, and the versions in use', async () => {
    const own = await startTestGateway({ flushMs: 100 });
    onTestFinished(() => own.stop());
    await isListening(own);
    const key = await owner.newKey();
    const open = await sendRaw(own.port, connectRequest(`127.0.0.1:${echo.port}`, key.basicAuth));
    open.socket.end('x');
    await readToEnd(open.socket);
    await sendRaw(own.port, connectRequest('nowhere.invalid:443', key.basicAuth));
    const counted = (name: string, result: string) => own.metric(`${name}_count`, { result });
    expect(await counted('gateway_lookup_seconds', 'ok')).toBeGreaterThanOrEqual(1);
    expect(await counted('gateway_name_resolution_seconds', 'failed')).toBe(1);
    await vi.waitFor(async () =>
      expect(await counted('gateway_record_seconds', 'ok')).toBeGreaterThanOrEqual(1),
    );
    expect(await own.metric('gateway_lookup_connections')).toBeGreaterThanOrEqual(1);
    expect(await own.metric('gateway_lookups_waiting')).toBe(0);
    expect(await own.metric('gateway_rejected_events_bytes')).toBe(0);
    const { version } = packageJson;
    expect(await own.metric('gateway_build_info', { version })).toBe(1);
    expect(await own.metric('gateway_schema_version')).toBeGreaterThanOrEqual(oldestSchemaVersion);
    expect(await own.metric('gateway_not_ready')).toBe(0);
  });

  it('reports how much waits in the spool while the database is away', async () => {
    const proxy = await startTcpProxy(stack.gatewayDbUrl);
    onTestFinished(() => proxy.close());
    const own = await startTestGateway({ databaseUrl: proxy.through(stack.gatewayDbUrl) });
    onTestFinished(() => own.stop());
    await isListening(own);
    const key = await owner.newKey();
    // its lookup fills the cache, so that the next request needs no database
    await sendRaw(own.port, connectRequest('10.0.0.1:443', key.basicAuth));
    await owner.eventsOf(key, 1);
    // the database has the event before the gateway knows
    await vi.waitFor(async () => expect(await own.metric('gateway_spool_events')).toBe(0));
    proxy.blackHole();
    await sendRaw(own.port, connectRequest('10.0.0.1:443', key.basicAuth));
    await vi.waitFor(async () => expect(await own.metric('gateway_spool_events')).toBe(1));
    expect(await own.metric('gateway_spool_bytes')).toBeGreaterThan(100);
    expect(await own.metric('gateway_spool_oldest_seconds')).toBeGreaterThan(0);
    proxy.restore();
    await owner.eventsOf(key, 2);
    await vi.waitFor(async () => expect(await own.metric('gateway_spool_events')).toBe(0));
  });

  it('is on its own port: clients cannot reach it through the gateway’s', async () => {
    const answer = await sendRaw(gateway.port, 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(answer.status).toBe(400);
  });
});
