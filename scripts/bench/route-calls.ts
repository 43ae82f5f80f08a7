import { randomUUID } from 'node:crypto';
import type { Call } from './closed-loop.ts';
import type { Measuring } from './measuring.ts';
import type { BenchUser, Scene } from './scene.ts';

/** A route, with what must be so before a round of calls to it: one call each of many users. */
export interface Route {
  name: string;
  admin?: boolean;
  /** Once, before the first round; returns the keys to call it for. */
  stage?(scene: Scene, users: BenchUser[]): Promise<string[]>;
  /** Before each round; returns the keys to call it for, where `stage` does not. */
  prepare?(measuring: Measuring, users: BenchUser[], keys: string[]): Promise<string[]>;
  call(user: BenchUser, key: string): Omit<Call, 'token'>;
}

const keysPath = '/api/v1/proxy/keys';
const usagePath = '/api/v1/proxy/usage';
const adminPath = '/admin/proxy';

async function threeKeys(scene: Scene, users: BenchUser[]): Promise<string[]> {
  return scene.newKeys([...users, ...users, ...users]);
}

async function usedKeys(scene: Scene, users: BenchUser[]): Promise<string[]> {
  const keys = await threeKeys(scene, users);
  await scene.newUsage(keys, { events: 60 * keys.length, days: 20 });
  return keys;
}

const keysOfTheirOwn = (scene: Scene, users: BenchUser[]) => scene.newKeys(users);

const read = (name: string, stage: Route['stage'], path: (key: string) => string): Route => ({
  name,
  ...(stage ? { stage } : {}),
  call: (_user, key) => ({ method: 'GET', path: path(key), expect: 200 }),
});

const reads: Route[] = [
  read('list (3 keys)', threeKeys, () => keysPath),
  read('page of 2 keys', threeKeys, () => `${keysPath}?limit=2&active=true`),
  read('one key', threeKeys, (key) => `${keysPath}/${key}`),
  read('events (50 of 60)', usedKeys, (key) => `${keysPath}/${key}/events`),
  read('usage (3 keys)', threeKeys, () => usagePath),
  read('usage by key (3)', usedKeys, () => `${usagePath}/keys`),
  read('series (30 days)', usedKeys, () => `${usagePath}/series?interval=day`),
  { ...read('find 20 keys', threeKeys, () => `${adminPath}/keys?limit=20`), admin: true },
  { ...read('list grants', undefined, () => `${adminPath}/grants`), admin: true },
  read('health', undefined, () => '/api/v1/health'),
];

const writes: Route[] = [
  {
    name: 'mint',
    call: () => ({ method: 'POST', path: keysPath, body: { label: 'bench' }, expect: 201 }),
  },
  {
    name: 'mint, idempotent',
    call: () => ({
      method: 'POST',
      path: keysPath,
      body: { label: 'bench' },
      headers: { 'Idempotency-Key': randomUUID() },
      expect: 201,
    }),
  },
  {
    name: 'update',
    stage: keysOfTheirOwn,
    call: (_user, key) => ({
      method: 'PATCH',
      path: `${keysPath}/${key}`,
      body: { label: randomUUID(), allowedIps: ['203.0.113.0/24'] },
      expect: 200,
    }),
  },
  {
    name: 'rotate',
    stage: keysOfTheirOwn,
    call: (_user, key) => ({ method: 'POST', path: `${keysPath}/${key}/rotate`, expect: 200 }),
  },
  {
    name: 'rotate with grace',
    stage: keysOfTheirOwn,
    call: (_user, key) => ({
      method: 'POST',
      path: `${keysPath}/${key}/rotate`,
      body: { graceSeconds: 30 },
      expect: 200,
    }),
  },
  {
    name: 'delete',
    prepare: ({ scene }, users) => scene.newKeys(users),
    call: (_user, key) => ({ method: 'DELETE', path: `${keysPath}/${key}`, expect: 204 }),
  },
  {
    name: 'suspend',
    admin: true,
    prepare: ({ scene }, users) => scene.newKeys(users),
    call: (_user, key) => ({
      method: 'POST',
      path: `${adminPath}/keys/${key}/suspend`,
      body: { reason: 'bench' },
      expect: 200,
    }),
  },
  {
    name: 'reactivate',
    admin: true,
    stage: keysOfTheirOwn,
    prepare: async ({ sql }, _users, keys) => {
      await sql`update private.proxy_keys set deleted_at = now() where id = any(${keys}::uuid[])`;
      return keys;
    },
    call: (_user, key) => ({
      method: 'POST',
      path: `${adminPath}/keys/${key}/reactivate`,
      expect: 200,
    }),
  },
  {
    name: 'set limits',
    admin: true,
    stage: keysOfTheirOwn,
    call: (_user, key) => ({
      method: 'PUT',
      path: `${adminPath}/keys/${key}/limits`,
      body: {
        bandwidthLimitBytes: Math.floor(Math.random() * 1e12),
        rateLimit: null,
        tunnelLimit: null,
        reason: 'bench',
      },
      expect: 200,
    }),
  },
  {
    name: 'grant a tier',
    admin: true,
    prepare: async ({ sql }, users) => {
      await sql`
        delete from private.proxy_tier_grants
        where user_id = any(${users.map(({ id }) => id)}::uuid[])`;
      return [];
    },
    call: ({ id }) => ({
      method: 'POST',
      path: `${adminPath}/grants`,
      body: { user: id, tier: 'enterprise', reason: 'bench' },
      expect: 200,
    }),
  },
];

/** Every route of the API, reads first. */
export const routes: Route[] = [...reads, ...writes];
