import type { Socket } from 'node:net';
import type postgres from 'postgres';
import { expect, vi } from 'vitest';
import type { GatewayConfiguration } from '../../../gateway/configuration.ts';
import {
  type ClientPlace,
  connectRequest,
  type GatewayFixture,
  sendRaw,
  startTestGateway,
} from '../../support/gateway/gateway-fixture.ts';
import { type KeyOwner, newKeyOwner, type UsableKey } from '../../support/gateway/key-owner.ts';
import { startTcpTarget, type TargetServer } from '../../support/gateway/targets.ts';
import { overrideLimits } from '../../support/seeded-keys.ts';

const patient = { timeout: 60_000 };

/** A gateway that receives changes, with a clock that the test controls. */
export interface WarmGateway {
  gateway: GatewayFixture;
  clock: { now: number };
  owner: KeyOwner;
  /** A key with a very high rate limit. */
  newKey(): Promise<UsableKey>;
  /** The result of a CONNECT: `connected`, or the code of the refusal. Its tunnel is closed. */
  answerTo(basicAuth: string, place?: ClientPlace): Promise<string>;
  /** A tunnel to an echo server. */
  openTunnel(basicAuth: string, place?: ClientPlace): Promise<Socket>;
  /** The number of lookups in the database. */
  lookups(): Promise<number>;
  /** Resolves once the gateway has received every change committed before. */
  changeArrives(): Promise<void>;
  close(): Promise<void>;
}

/** Starts one for a new user; `sql` is the schema's owner. */
export async function startWarmGateway(
  sql: postgres.Sql,
  configuration: Partial<GatewayConfiguration> = {},
): Promise<WarmGateway> {
  const clock = { now: 0 };
  const [gateway, target, owner] = await Promise.all([
    startTestGateway({ ...configuration, now: () => clock.now }),
    startTcpTarget((socket) => socket.pipe(socket)) as Promise<TargetServer>,
    newKeyOwner(sql),
  ]);
  await vi.waitFor(async () => expect(await gateway.metric('gateway_listening')).toBe(1), patient);

  const newKey = async () => {
    const key = await owner.newKey();
    await overrideLimits(sql, key.id, { rate_limit: 1000000 });
    return key;
  };
  const ask = (basicAuth: string, place?: ClientPlace) =>
    sendRaw(gateway.port, connectRequest(`127.0.0.1:${target.port}`, basicAuth), {
      ...(gateway.url.includes('[') && { host: '::1' }),
      ...place,
    });
  const answerTo = async (basicAuth: string, place?: ClientPlace) => {
    const { status, body, socket } = await ask(basicAuth, place);
    socket.destroy();
    return status === 200 ? 'connected' : (body.split(':')[0] ?? '');
  };
  return {
    gateway,
    clock,
    owner,
    newKey,
    answerTo,
    async openTunnel(basicAuth, place) {
      const { status, socket } = await ask(basicAuth, place);
      expect(status).toBe(200);
      return socket;
    },
    lookups: () => gateway.metric('gateway_key_requests_total', { result: 'miss' }),
    async changeArrives() {
      // changes arrive in commit order
      const last = await newKey();
      expect(await answerTo(last.basicAuth)).toBe('connected');
      await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${last.id}`;
      await vi.waitFor(async () => {
        expect(await answerTo(last.basicAuth)).toBe('key_suspended');
      }, patient);
    },
    async close() {
      await gateway.stop();
      await target.close();
    },
  };
}

/** Resolves once the other side closes or resets a tunnel. */
export function closed(tunnel: Socket): Promise<void> {
  tunnel.resume();
  return new Promise((resolve) => {
    if (tunnel.destroyed) resolve();
    else tunnel.once('close', () => resolve());
  });
}

/** Expects that a tunnel still echoes. */
export async function expectOpen(tunnel: Socket): Promise<void> {
  const echo = new Promise((resolve) => tunnel.once('data', (bytes) => resolve(String(bytes))));
  tunnel.resume();
  tunnel.write('still there');
  expect(await echo).toBe('still there');
}
