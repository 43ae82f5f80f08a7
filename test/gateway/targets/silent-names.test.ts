import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  connectRequest,
  sendRaw,
  startTestGateway,
} from '../../support/gateway/gateway-fixture.ts';
import { newKeyOwner } from '../../support/gateway/key-owner.ts';
import { startTcpTarget } from '../../support/gateway/targets.ts';
import { connectOwner } from '../../support/personas.ts';
import { overrideLimits } from '../../support/seeded-keys.ts';
import { type NameServer, noData, startNameServer } from './name-server.ts';

let server: NameServer;

beforeAll(async () => {
  server = await startNameServer((type, name) => {
    if (name.startsWith('silent')) return 'silence';
    return type === 'A' ? { addresses: ['127.0.0.1'] } : noData;
  });
});
afterAll(() => server.close());

test('regression: unanswered names block neither other names nor the disk, with one thread', async () => {
  const script = fileURLToPath(new URL('./silent-names-process.ts', import.meta.url));
  const child = spawn(process.execPath, [script], {
    env: { UV_THREADPOOL_SIZE: '1', NAME_SERVER: server.address },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  expect(JSON.parse(await text(child.stdout))).toEqual({
    address: '127.0.0.1',
    underWay: 20,
    requests: 0,
  });
});

test('regression: a key with 60 unanswered names has 50 queries, and another key is still served', async () => {
  const sql = connectOwner();
  const owner = await newKeyOwner(sql);
  const [noisy, quiet] = [await owner.newKey(), await owner.newKey()];
  await overrideLimits(sql, noisy.id, { rate_limit: 1000 });
  const target = await startTcpTarget((socket) => socket.resume());
  const gateway = await startTestGateway({ dnsServers: [server.address], drainMs: 0 });
  const underWay = () => gateway.metric('gateway_names_under_way');
  try {
    for (let at = 0; at < 60; at += 1) {
      const request = connectRequest(`silent-${at}.example:443`, noisy.basicAuth);
      sendRaw(gateway.port, request).catch(() => {});
    }
    await vi.waitFor(async () => expect(await underWay()).toBe(50), { timeout: 60_000 });
    const request = connectRequest(`good.example:${target.port}`, quiet.basicAuth);
    const { status, socket } = await sendRaw(gateway.port, request);
    expect(status).toBe(200);
    socket.destroy();
    expect(await underWay()).toBe(50);
  } finally {
    await Promise.all([gateway.stop(), target.close(), sql.end()]);
  }
});
