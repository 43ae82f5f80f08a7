import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { readConfiguration } from '../../gateway/configuration.ts';
import { startGateway } from '../../gateway/gateway.ts';
import { explainStartFailure } from '../../gateway/start-failure.ts';
import { freePort, listenOnLoopback } from '../../scripts/stack/ports.ts';
import {
  connectRequest,
  plainRequest,
  readToEnd,
  sendRaw,
} from '../support/gateway/gateway-fixture.ts';
import { startGatewayProcess } from '../support/gateway/gateway-process.ts';
import { type KeyOwner, newKeyOwner } from '../support/gateway/key-owner.ts';
import { startTcpTarget, type TargetServer } from '../support/gateway/targets.ts';
import { startTcpProxy } from '../support/gateway/tcp-proxy.ts';
import { connectOwner } from '../support/personas.ts';

const stack = inject('stack');
const sql = connectOwner();
let owner: KeyOwner;
/** An echo target. */
let echo: TargetServer;
const authority = () => `127.0.0.1:${echo.port}`;

beforeAll(async () => {
  [owner, echo] = await Promise.all([
    newKeyOwner(sql),
    startTcpTarget((socket) => socket.pipe(socket)),
  ]);
});

afterAll(async () => {
  await Promise.all([echo.close(), sql.end()]);
});

/** A spool folder, removed after the test. */
function spoolFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'spool');
}

/** Free ports, with loopback targets allowed. */
function environment(settings: Record<string, string>): Record<string, string> {
  return {
    GATEWAY_DATABASE_URL: stack.gatewayDbUrl,
    GATEWAY_PORT: '0',
    GATEWAY_METRICS_PORT: '0',
    GATEWAY_NODE_ID: 'test-node',
    GATEWAY_SPOOL_DIR: settings.GATEWAY_SPOOL_DIR ?? spoolFolder(),
    GATEWAY_ALLOW_TARGETS: '127.0.0.0/8',
    ...settings,
  };
}

/** Runs `node gateway/main.ts`; killed after the test. */
function run(settings: Record<string, string>) {
  const gateway = startGatewayProcess(environment(settings));
  onTestFinished(async () => void (await gateway.kill()));
  return gateway;
}

async function refusesConnections(port: number): Promise<void> {
  await vi.waitFor(async () => {
    const attempt = sendRaw(port, connectRequest('10.0.0.1:80'));
    await expect(attempt).rejects.toThrow('closed after 0 bytes');
  });
}

describe('SIGTERM', () => {
  it('accepts no new CONNECTs, lets the open tunnel finish, and exits with 0', async () => {
    const gateway = run({ GATEWAY_DRAIN_MS: '600000', GATEWAY_FLUSH_MS: '60000' });
    const { port, operationsUrl } = await gateway.ready();
    const key = await owner.newKey();
    const open = await sendRaw(port, connectRequest(authority(), key.basicAuth));
    expect(open.status).toBe(200);
    gateway.child.kill('SIGTERM');
    await refusesConnections(port);
    expect(await (await fetch(`${operationsUrl}/readyz`)).text()).toMatch(/^stopping: /);
    // a second signal changes nothing
    gateway.child.kill('SIGTERM');

    open.socket.end('y'.repeat(1_000_000));
    expect((await readToEnd(open.socket)).length).toBe(1_000_000);
    expect(await gateway.ended).toBe(0);
    expect(gateway.stderr()).toBe('');
    // recorded before it exits, not later
    const events = await sql`
      select sum(bytes_sent)::int as sent, sum(bytes_received)::int as received
      from proxy_private.proxy_usage_events where api_key_id = ${key.id}`;
    expect(events).toEqual([{ sent: 1_000_000, received: 1_000_000 }]);
  });

  it('closes and meters open tunnels after GATEWAY_DRAIN_MS, and exits with 0', async () => {
    const gateway = run({ GATEWAY_DRAIN_MS: '100' });
    const { port } = await gateway.ready();
    const key = await owner.newKey();
    const open = await sendRaw(port, connectRequest(authority(), key.basicAuth));
    open.socket.write('z'.repeat(5_000));
    let said = 0;
    open.socket.on('data', (chunk) => {
      said += chunk.length;
    });
    open.socket.resume();
    await vi.waitFor(() => expect(said).toBe(5_000));
    expect(await gateway.stop()).toBe(0);
    await vi.waitFor(() => expect(open.socket.closed).toBe(true));
    const events = await sql`
      select sum(bytes_sent)::int as sent, sum(bytes_received)::int as received
      from proxy_private.proxy_usage_events where api_key_id = ${key.id}`;
    expect(events).toEqual([{ sent: 5_000, received: 5_000 }]);
  });

  it.each(['cut', 'blackHole'] as const)(
    'with the database away (%s), exits with 0, and the next start delivers the usage once',
    async (away) => {
      const proxy = await startTcpProxy(stack.gatewayDbUrl);
      onTestFinished(() => proxy.close());
      const GATEWAY_SPOOL_DIR = spoolFolder();
      const settings = { GATEWAY_SPOOL_DIR, GATEWAY_DRAIN_MS: '0', GATEWAY_FLUSH_MS: '60000' };
      const gateway = run({
        ...settings,
        GATEWAY_DATABASE_URL: proxy.through(stack.gatewayDbUrl),
      });
      const { port } = await gateway.ready();
      const key = await owner.newKey();
      const open = await sendRaw(port, connectRequest(authority(), key.basicAuth));
      expect(open.status).toBe(200);
      open.socket.end('w'.repeat(7_000));
      expect((await readToEnd(open.socket)).length).toBe(7_000);
      proxy[away]();
      expect(await gateway.stop()).toBe(0);
      expect(readdirSync(GATEWAY_SPOOL_DIR).filter((name) => name !== 'lock')).not.toEqual([]);
      const count = sql`select from proxy_private.proxy_usage_events where api_key_id = ${key.id}`;
      expect(await count).toHaveLength(0);

      const next = run(settings);
      await next.ready();
      const [event] = await owner.eventsOf(key, 1);
      expect(event).toMatchObject({ bytes_sent: 7_000, bytes_received: 7_000, status_code: 200 });
      expect(await next.stop()).toBe(0);
    },
  );
});

describe('a failed start is explained, exits with 1, and shows no stack trace', () => {
  const expectWords = (said: string, words: string[]) => {
    for (const word of words) expect(said).toContain(word);
    expect(said).not.toMatch(/^\s+at /m);
    expect(said).not.toContain(stack.gatewayDbUrl);
  };
  const expectExplained = async (settings: Record<string, string>, words: string[]) => {
    const gateway = run(settings);
    expect(await gateway.ended).toBe(1);
    expectWords(gateway.stderr(), words);
  };
  /** Expects the explanation of `main.ts`, without its process. */
  const expectExplanation = async (settings: Record<string, string>, words: string[]) => {
    const configuration = readConfiguration(environment(settings));
    const started = startGateway(configuration, { log: pino({ level: 'silent' }) });
    const error = await started.then(
      () => expect.unreachable(),
      (error: unknown) => error,
    );
    expectWords(explainStartFailure(error, configuration) ?? expect.fail(String(error)), words);
  };

  it('invalid environment: every wrong variable is named', async () => {
    const words = ['GATEWAY_DATABASE_URL', 'GATEWAY_PORT', 'docs/gateways.md'];
    await expectExplained({ GATEWAY_DATABASE_URL: '', GATEWAY_PORT: '70000' }, words);
  });

  it('a spool that another gateway uses', async () => {
    const GATEWAY_SPOOL_DIR = spoolFolder();
    const first = run({ GATEWAY_SPOOL_DIR });
    const { operationsUrl } = await first.ready();
    await expectExplained({ GATEWAY_SPOOL_DIR }, [GATEWAY_SPOOL_DIR, 'GATEWAY_SPOOL_DIR']);
    expect((await fetch(`${operationsUrl}/healthz`)).status).toBe(200);
  });

  it('a spool that is not a folder', async () => {
    const folder = spoolFolder();
    mkdirSync(dirname(folder), { recursive: true });
    writeFileSync(folder, '');
    await expectExplanation({ GATEWAY_SPOOL_DIR: folder }, [folder, 'GATEWAY_SPOOL_DIR']);
    const below = join(folder, 'below');
    await expectExplanation({ GATEWAY_SPOOL_DIR: below }, [below, 'GATEWAY_SPOOL_DIR']);
  });

  it('a spool whose lock cannot be opened', async () => {
    const folder = spoolFolder();
    mkdirSync(join(folder, 'lock'), { recursive: true });
    await expectExplanation({ GATEWAY_SPOOL_DIR: folder }, [folder, 'GATEWAY_SPOOL_DIR']);
  });

  it('a port that is in use', async () => {
    const server = createServer();
    const port = await freePort();
    await listenOnLoopback(server, port, 'the test');
    onTestFinished(() => void server.close());
    const words = (variable: string) => [`Port ${port}`, `set ${variable}.`];
    const taken = String(port);
    // the process exits, even with parts of it open
    await expectExplained({ GATEWAY_METRICS_PORT: taken }, words('GATEWAY_METRICS_PORT'));
    await expectExplanation({ GATEWAY_PORT: taken }, words('GATEWAY_PORT'));
  });

  it('an address that this machine does not have', async () => {
    await expectExplanation({ GATEWAY_HOST: '192.0.2.1' }, ['192.0.2.1', 'GATEWAY_HOST']);
    await expectExplanation({ GATEWAY_METRICS_HOST: 'no-such-host.invalid' }, [
      'no-such-host.invalid',
    ]);
  });
});

it('the log, at any level, is JSON lines without secrets, URLs, paths or header values', async () => {
  // the trace level includes all others
  const gateway = run({ GATEWAY_LOG_LEVEL: 'trace', GATEWAY_DRAIN_MS: '0' });
  const { port } = await gateway.ready();
  const key = await owner.newKey();
  const url = `http://${authority()}/a-secret-path?a-secret-query`;
  const header = 'Connection: close\r\nX-Secret: a-secret-header\r\nHost';
  const requests = [
    connectRequest(authority(), key.basicAuth),
    connectRequest(authority(), `${key.keyId}:${'a'.repeat(64)}`),
    connectRequest('a-secret-name.invalid:80/a-secret-path', key.basicAuth),
    plainRequest(url, key.basicAuth),
    plainRequest('http://a-secret-user:a-secret-word@localhost/a-secret-path', key.basicAuth),
    'a-secret-beginning\r\n\r\n',
  ];
  for (const request of requests) {
    const { socket } = await sendRaw(port, request.replace('Host', header));
    socket.destroy();
  }
  expect(await gateway.stop()).toBe(0);
  expect(gateway.stderr()).toBe('');
  expect(gateway.logged().length).toBeGreaterThan(2);
  for (const line of gateway.logged()) {
    expect(JSON.parse(line)).toMatchObject({ level: expect.any(Number), nodeId: 'test-node' });
  }
  const log = gateway.logged().join('\n');
  // a refusal has its key's id at each level
  const { info } = pino.levels.values;
  const refusals = gateway.logged().filter((line) => line.includes(key.keyId));
  expect(refusals.some((line) => JSON.parse(line).level >= Number(info))).toBe(true);
  const encoded = Buffer.from(key.basicAuth).toString('base64');
  for (const secret of [key.secret, encoded, 'a'.repeat(64), 'a-secret', stack.gatewayDbUrl]) {
    expect(log).not.toContain(secret);
  }
});
