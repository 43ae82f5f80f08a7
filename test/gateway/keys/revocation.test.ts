import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import {
  connectRequest,
  type GatewayFixture,
  sendRaw,
  startTestGateway,
} from '../../support/gateway/gateway-fixture.ts';
import { type KeyOwner, newKeyOwner, type UsableKey } from '../../support/gateway/key-owner.ts';
import { startTcpTarget, type TargetServer } from '../../support/gateway/targets.ts';
import { startTcpProxy, type TcpProxy } from '../../support/gateway/tcp-proxy.ts';
import { connectOwner } from '../../support/personas.ts';
import { overrideLimits, seedKeys } from '../../support/seeded-keys.ts';

const stack = inject('stack');
const sql = connectOwner();
let target: TargetServer;
let owner: KeyOwner;

beforeAll(async () => {
  [target, owner] = await Promise.all([
    startTcpTarget((socket) => socket.pipe(socket)),
    newKeyOwner(sql),
  ]);
});

afterAll(async () => {
  await Promise.all([target.close(), sql.end()]);
});

/** A key with a very high rate limit. */
async function newKey(): Promise<UsableKey> {
  const key = await owner.newKey();
  await overrideLimits(sql, key.id, { rate_limit: 1000000 });
  return key;
}

/** The status of a CONNECT; its tunnel is closed. */
async function statusOf(gateway: GatewayFixture, basicAuth: string): Promise<number> {
  const { status, socket } = await openTunnel(gateway, basicAuth);
  socket.destroy();
  return status;
}

function openTunnel(gateway: GatewayFixture, basicAuth: string) {
  return sendRaw(gateway.port, connectRequest(`127.0.0.1:${target.port}`, basicAuth));
}

/** Rotates a key over HTTP; returns its new `keyId:secret`. */
async function rotate(key: UsableKey): Promise<string> {
  const path = `/api/v1/proxy/keys/${key.id}/rotate`;
  const response = await owner.persona.request('POST', path);
  expect(response.status).toBe(200);
  return ((await response.json()) as { key: { basicAuth: string } }).key.basicAuth;
}

async function remove(key: UsableKey): Promise<void> {
  const response = await owner.persona.request('DELETE', `/api/v1/proxy/keys/${key.id}`);
  expect(response.status).toBe(204);
}

async function suspend(key: UsableKey): Promise<void> {
  await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${key.id}`;
}

describe('three gateways that have the key in their caches', () => {
  let gateways: GatewayFixture[];

  beforeAll(async () => {
    // time stands still, so only notifications change their caches
    const now = () => 0;
    gateways = await Promise.all([1, 2, 3].map(() => startTestGateway({ now })));
  });

  afterAll(async () => {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
  });

  /** Hammers each gateway with a secret, from before `act` until each has refused it many times. */
  async function hammer(basicAuth: string, act: () => Promise<unknown>): Promise<number[][]> {
    const refusals = 20;
    const answers: number[][] = gateways.map(() => []);
    const clients = gateways.map(async (gateway, index) => {
      const seen = answers[index] ?? [];
      while (seen.filter((status) => status !== 200).length < refusals) {
        seen.push(await statusOf(gateway, basicAuth));
      }
    });
    await vi.waitFor(() => expect(answers.every(({ length }) => length >= 2)).toBe(true), 60_000);
    await act();
    await Promise.all(clients);
    return answers;
  }

  /** Expects that each gateway accepts at first, and never again after its first refusal. */
  function expectRefusedForGood(answers: number[][], status: number): void {
    for (const seen of answers) {
      expect(seen[0]).toBe(200);
      const refused = seen.slice(seen.findIndex((answer) => answer !== 200));
      expect(new Set(refused)).toEqual(new Set([status]));
    }
  }

  it('refuse the old secret for good after a rotation, and accept the new one', async () => {
    // `npm run bench` revokes hundreds
    const key = await newKey();
    let fresh = '';
    const answers = await hammer(key.basicAuth, async () => {
      fresh = await rotate(key);
    });
    expectRefusedForGood(answers, 407);
    for (const gateway of gateways) expect(await statusOf(gateway, fresh)).toBe(200);
  });

  it.each([
    ['deleted', remove, 407],
    ['suspended', suspend, 403],
  ])('refuse a key that is %s, and close its tunnels and no others', async (_, revoke, status) => {
    const [key, other] = await Promise.all([newKey(), newKey()]);
    const open = async ({ basicAuth }: UsableKey): Promise<Socket[]> => {
      const answers = await Promise.all(gateways.map((gateway) => openTunnel(gateway, basicAuth)));
      for (const { status, socket } of answers) {
        expect(status).toBe(200);
        socket.resume();
      }
      return answers.map(({ socket }) => socket);
    };
    const [tunnels, others] = await Promise.all([open(key), open(other)]);
    const closed = Promise.all(
      // they are reset, which `once` of node:events reports as an error
      tunnels.map((socket) => new Promise((resolve) => socket.once('close', resolve))),
    );

    expectRefusedForGood(await hammer(key.basicAuth, () => revoke(key)), status);
    await closed;
    for (const socket of others) {
      socket.write('still there');
      const [echo] = (await once(socket, 'data')) as [Buffer];
      expect(String(echo)).toBe('still there');
      socket.destroy();
    }
  });

  it('refuse 300 keys that one call deletes, soon after it', async () => {
    const keys = await seedKeys(sql, owner.persona.id, 300);
    const [gateway] = gateways as [GatewayFixture];
    const answers = () =>
      Promise.all(keys.map((key) => statusOf(gateway, `${key.keyId}:${key.secret}`)));
    expect(new Set(await answers())).toEqual(new Set([200]));
    const response = await owner.persona.request('POST', '/api/v1/proxy/keys/changes', {
      ids: keys.map(({ id }) => id),
      deleted: true,
    });
    expect(await response.json()).toEqual({ changed: 300, unchanged: 0 });
    await vi.waitFor(async () => expect(new Set(await answers())).toEqual(new Set([407])), 30_000);
  });
});

describe('a gateway whose database is in a black hole', () => {
  let network: TcpProxy;
  let gateway: GatewayFixture;
  let time: number;

  beforeAll(async () => {
    network = await startTcpProxy(stack.gatewayDbUrl);
  });

  afterAll(() => network.close());

  afterEach(async () => {
    network.restore();
    await gateway.stop();
  });

  async function startBehindNetwork(): Promise<void> {
    time = 0;
    gateway = await startTestGateway({
      databaseUrl: network.through(stack.gatewayDbUrl),
      now: () => time,
    });
    await vi.waitFor(async () => expect(await gateway.metric('gateway_listening')).toBe(1), 60_000);
  }

  /** Expects that the gateway, without a restart, knows the change that it missed. */
  async function expectCaughtUp(old: UsableKey, fresh: string): Promise<void> {
    network.restore();
    await vi.waitFor(async () => expect(await gateway.metric('gateway_listening')).toBe(1), 60_000);
    expect(await statusOf(gateway, old.basicAuth)).toBe(407);
    expect(await statusOf(gateway, fresh)).toBe(200);
  }

  it('does not accept a secret that was rotated 30 s ago', async () => {
    await startBehindNetwork();
    const key = await newKey();
    expect(await statusOf(gateway, key.basicAuth)).toBe(200);
    network.blackHole();
    const fresh = await rotate(key);

    time += 30_001;
    expect(await statusOf(gateway, key.basicAuth)).toBe(503);
    expect(await statusOf(gateway, fresh)).toBe(503);
    await expectCaughtUp(key, fresh);
  });

  it('keeps its entries for 30 s after it stops receiving changes, but does not trust them fully', async () => {
    await startBehindNetwork();
    const key = await newKey();
    expect(await statusOf(gateway, key.basicAuth)).toBe(200);
    network.blackHole();
    const fresh = await rotate(key);

    await vi.waitFor(async () => expect(await gateway.metric('gateway_listening')).toBe(0), 60_000);
    // a cached key is valid for 30 s; an unknown secret may be new, so it gets neither 200 nor 407
    expect(await statusOf(gateway, key.basicAuth)).toBe(200);
    expect(await statusOf(gateway, fresh)).toBe(503);
    time += 30_001;
    expect(await statusOf(gateway, key.basicAuth)).toBe(503);
    await expectCaughtUp(key, fresh);
  });
});
