import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import type { Call } from './closed-loop.ts';
import type { BenchUser } from './scene.ts';

/** A route, and the setup before a round of calls to it: one call per user. */
export interface Route extends Pick<Call, 'method' | 'expect'> {
  name: string;
  /** Whether the users are admins. */
  admin?: boolean;
  /** The number of keys per user; the route is called for the first. */
  keys?: number;
  /** Whether the keys are new in each round. */
  newKeys?: boolean;
  /** Whether the keys have usage events, 60 each. */
  used?: boolean;
  /** Runs before each round. */
  before?(sql: postgres.Sql, keys: string[], users: BenchUser[]): Promise<unknown>;
  path(key: string): string;
  body?(user: BenchUser): unknown;
  headers?(): Record<string, string>;
}

const keysPath = '/api/v1/proxy/keys';
const usagePath = '/api/v1/proxy/usage';
const adminPath = '/admin/proxy';

const read = (name: string, keys: number, path: Route['path'], more?: Partial<Route>): Route => ({
  name,
  method: 'GET',
  keys,
  path,
  expect: 200,
  ...more,
});

const reads: Route[] = [
  read('list (3 keys)', 3, () => keysPath),
  read('page of 2 keys', 3, () => `${keysPath}?limit=2&active=true`),
  read('one key', 3, (key) => `${keysPath}/${key}`),
  read('events (50 of 60)', 3, (key) => `${keysPath}/${key}/events`, { used: true }),
  read('usage (3 keys)', 3, () => usagePath),
  read('usage by key (3)', 3, () => `${usagePath}/keys`, { used: true }),
  read('series (30 days)', 3, () => `${usagePath}/series?interval=day`, { used: true }),
  read('find 20 keys', 3, () => `${adminPath}/keys?limit=20`, { admin: true }),
  read('list grants', 0, () => `${adminPath}/grants`, { admin: true }),
  read('health', 0, () => '/api/v1/health'),
];

const mint: Route = {
  name: 'mint',
  method: 'POST',
  path: () => keysPath,
  body: () => ({ label: 'bench' }),
  expect: 201,
};
const rotate: Route = {
  name: 'rotate',
  method: 'POST',
  keys: 1,
  path: (key) => `${keysPath}/${key}/rotate`,
  expect: 200,
};

const writes: Route[] = [
  mint,
  { ...mint, name: 'mint, idempotent', headers: () => ({ 'Idempotency-Key': randomUUID() }) },
  {
    name: 'update',
    method: 'PATCH',
    keys: 1,
    path: (key) => `${keysPath}/${key}`,
    body: () => ({ label: randomUUID(), allowedIps: ['203.0.113.0/24'] }),
    expect: 200,
  },
  rotate,
  { ...rotate, name: 'rotate with grace', body: () => ({ graceSeconds: 30 }) },
  {
    name: 'delete',
    method: 'DELETE',
    keys: 1,
    newKeys: true,
    path: (key) => `${keysPath}/${key}`,
    expect: 204,
  },
  {
    name: 'suspend',
    admin: true,
    method: 'POST',
    keys: 1,
    newKeys: true,
    path: (key) => `${adminPath}/keys/${key}/suspend`,
    body: () => ({ reason: 'bench' }),
    expect: 200,
  },
  {
    name: 'reactivate',
    admin: true,
    method: 'POST',
    keys: 1,
    before: (sql, keys) => sql`
      update proxy_private.proxy_keys set deleted_at = now() where id = any(${keys}::uuid[])`,
    path: (key) => `${adminPath}/keys/${key}/reactivate`,
    expect: 200,
  },
  {
    name: 'set limits',
    admin: true,
    method: 'PATCH',
    keys: 1,
    path: (key) => `${adminPath}/keys/${key}/limits`,
    body: () => ({
      bandwidthLimitBytes: Math.floor(Math.random() * 1e12),
      reason: 'bench',
    }),
    expect: 200,
  },
  {
    name: 'grant a tier',
    admin: true,
    method: 'POST',
    before: (sql, _, users) => sql`
      delete from proxy_private.proxy_tier_grants
      where user_id = any(${users.map(({ id }) => id)}::uuid[])`,
    path: () => `${adminPath}/grants`,
    body: ({ id }) => ({ user: id, tier: 'enterprise', reason: 'bench' }),
    expect: 200,
  },
];

/** Every route of the API, reads first. */
export const routes: Route[] = [...reads, ...writes];
