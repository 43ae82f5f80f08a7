import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseAllowedTargets } from '../../gateway/targets/allowed-targets.ts';
import {
  connectRequest,
  type GatewayFixture,
  sendRaw,
  startTestGateway,
} from '../support/gateway/gateway-fixture.ts';
import { type KeyOwner, newKeyOwner } from '../support/gateway/key-owner.ts';
import { startPlainTarget, type TargetServer } from '../support/gateway/targets.ts';
import { connectOwner, newAdmin } from '../support/personas.ts';
import type { SeededKey } from '../support/seeded-keys.ts';
import { overrideLimits } from '../support/seeded-keys.ts';

const sql = connectOwner();
let gateway: GatewayFixture;
let target: TargetServer;
let owner: KeyOwner;
const newKey = () => owner.newKey();
const eventsOf = (key: SeededKey, count: number) => owner.eventsOf(key, count);

beforeAll(async () => {
  [gateway, target, owner] = await Promise.all([
    startTestGateway({ allowedTargets: parseAllowedTargets('127.0.0.0/30') }),
    startPlainTarget(),
    newKeyOwner(sql),
  ]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), target.close(), sql.end()]);
});

const oneLine = /^[a-z_]+: [^\n]+\n$/;

describe('each refusal is one line with its code', () => {
  it.each([
    ['no port', 'CONNECT localhost HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['a port above 65535', 'CONNECT localhost:70000 HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['a path in place of a host', 'CONNECT /etc HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['a relative URL', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['https without CONNECT', 'GET https://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['bytes that are not HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ])('400 malformed_request for %s', async (_, bytes) => {
    const answer = await sendRaw(gateway.port, bytes);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatch(oneLine);
    expect(answer.body).toContain('malformed_request');
  });

  it('402 quota_exceeded when the month’s quota is used up', async () => {
    const key = await newKey();
    await overrideLimits(sql, key.id, { bandwidth_limit_bytes: 0 });
    const request = connectRequest(`127.0.0.1:${target.port}`, key.basicAuth);
    const answer = await sendRaw(gateway.port, request);
    expect(answer.status).toBe(402);
    expect(answer.body).toMatch(/^quota_exceeded: [^\n]+\n$/);
    expect((await eventsOf(key, 1))[0]).toMatchObject({
      status_code: 402,
      bytes_sent: 0,
      bytes_received: 0,
      target_host: '127.0.0.1',
    });
  });

  it.each([
    ['port_forbidden', '192.0.43.8:22', 'a port that is not a web port'],
    ['target_forbidden', '10.0.0.1:443', 'a private address'],
    ['target_forbidden', '127.0.0.5:443', 'a loopback address'],
    ['target_forbidden', '169.254.169.254:80', 'cloud metadata'],
    ['target_forbidden', '[::1]:443', 'an IPv6 loopback address'],
    ['target_forbidden', '[64:ff9b::a9fe:a9fe]:80', 'cloud metadata behind NAT64'],
  ])('403 %s for %s, %s', async (code, asked) => {
    const key = await newKey();
    const answer = await sendRaw(gateway.port, connectRequest(asked, key.basicAuth));
    expect(answer.status).toBe(403);
    expect(answer.body).toMatch(oneLine);
    expect(answer.body).toContain(`${code}: `);
    expect((await eventsOf(key, 1))[0]).toMatchObject({ status_code: 403, bytes_sent: 0 });
  });

  it('403 key_suspended while an admin suspends the key, and no usage is recorded', async () => {
    const key = await newKey();
    await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${key.id}`;
    const request = connectRequest(`127.0.0.1:${target.port}`, key.basicAuth);
    const answer = await sendRaw(gateway.port, request);
    expect(answer.status).toBe(403);
    expect(answer.body).toMatch(/^key_suspended: [^\n]+\n$/);
  });

  it.each<[string, (key: SeededKey) => string | undefined]>([
    ['no credentials', () => undefined],
    ['no secret', (key) => key.keyId],
    ['a wrong secret', (key) => `${key.keyId}:${'0'.repeat(64)}`],
    ['an unknown keyId', (key) => `avp_live_ffffffffffff:${key.secret}`],
    ['the secret of another key', (key) => `${key.keyId}:${key.secret.replace(/./g, 'a')}`],
  ])(
    '407 credentials_required with Proxy-Authenticate for %s, and no usage is recorded',
    async (_, pair) => {
      const key = await newKey();
      const request = connectRequest(`127.0.0.1:${target.port}`, pair(key));
      const answer = await sendRaw(gateway.port, request);
      expect(answer.status).toBe(407);
      expect(answer.headers['proxy-authenticate']).toBe(
        'Basic realm="proxy keys", charset="UTF-8"',
      );
      expect(answer.body).toMatch(/^credentials_required: [^\n]+\n$/);
      // a metered request follows, so that the refusal would have been recorded before it
      await sendRaw(gateway.port, connectRequest('10.0.0.1:80', key.basicAuth));
      expect(await eventsOf(key, 1)).toMatchObject([{ status_code: 403 }]);
    },
  );

  it('407 for a scheme that is not Basic', async () => {
    const bytes = connectRequest('10.0.0.1:80').replace(
      '\r\n\r\n',
      '\r\nProxy-Authorization: Bearer x\r\n\r\n',
    );
    expect((await sendRaw(gateway.port, bytes)).status).toBe(407);
  });

  it('429 rate_limited with Retry-After above the key’s rate', async () => {
    const key = await newKey();
    await overrideLimits(sql, key.id, { rate_limit: 2 });
    const request = connectRequest('10.0.0.1:80', key.basicAuth);
    const statuses: number[] = [];
    let last = await sendRaw(gateway.port, request);
    while (last.status !== 429) {
      statuses.push(last.status);
      last = await sendRaw(gateway.port, request);
    }
    expect(last.headers['retry-after']).toBe('1');
    expect(last.body).toMatch(/^rate_limited: [^\n]+\n$/);
    expect(statuses.length).toBeGreaterThanOrEqual(2);
    const refusals = { target_forbidden: statuses.length, rate_limited: 1 };
    expect(await owner.refusalsOf(key, statuses.length + 1)).toEqual(refusals);
  });

  it('502 target_unreachable for a closed port, and for a name that does not exist', async () => {
    const key = await newKey();
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    for (const asked of [`127.0.0.1:${port}`, 'no-such-name.invalid:443']) {
      const answer = await sendRaw(gateway.port, connectRequest(asked, key.basicAuth));
      expect(answer.status).toBe(502);
      expect(answer.body).toMatch(/^target_unreachable: [^\n]+\n$/);
    }
    expect(await eventsOf(key, 2)).toMatchObject([{ status_code: 502 }, { status_code: 502 }]);
  });
});

it('a deleted key is refused, and works again when an admin reactivates it', async () => {
  const key = await newKey();
  const admin = await newAdmin();
  const request = connectRequest(`127.0.0.1:${target.port}`, key.basicAuth);
  const deleted = await owner.persona.supabase.rpc('delete_proxy_key', { id: key.id });
  expect(deleted.error).toBeNull();
  await vi.waitFor(async () => {
    expect((await sendRaw(gateway.port, request)).status).toBe(407);
  });
  await admin.supabase.rpc('reactivate_proxy_key', { id: key.id });
  await vi.waitFor(async () => {
    const answer = await sendRaw(gateway.port, request);
    answer.socket.destroy();
    expect(answer.status).toBe(200);
  });
});
