import { type Call, type ClosedLoop, openClosedLoop } from './closed-loop.ts';
import { compare, type Measuring } from './measuring.ts';
import type { BenchUser, Scene } from './scene.ts';

/** A route, with what must be so before a round of calls to it: one call each of many users. */
interface Route {
  name: string;
  admin?: boolean;
  /** Once, before the first round. */
  stage?(scene: Scene, users: BenchUser[]): Promise<string[]>;
  /** Before each round; returns the keys to call it for, where `stage` does not. */
  prepare?(measuring: Measuring, users: BenchUser[], keys: string[]): Promise<string[]>;
  call(user: BenchUser, key: string): Omit<Call, 'token'>;
}

const keysPath = '/api/v1/proxy/keys';

async function threeKeys(scene: Scene, users: BenchUser[]): Promise<string[]> {
  return scene.newKeys([...users, ...users, ...users]);
}

const routes: Route[] = [
  {
    name: 'mint',
    call: () => ({ method: 'POST', path: keysPath, body: { label: 'bench' }, expect: 201 }),
  },
  {
    name: 'list (3 keys)',
    stage: threeKeys,
    call: () => ({ method: 'GET', path: keysPath, expect: 200 }),
  },
  {
    name: 'rotate',
    stage: (scene, users) => scene.newKeys(users),
    prepare: async ({ scene }, users, keys) => {
      await scene.forgetRotations(users);
      return keys;
    },
    call: (_user, key) => ({ method: 'POST', path: `${keysPath}/${key}/rotate`, expect: 200 }),
  },
  {
    name: 'delete',
    prepare: ({ scene }, users) => scene.newKeys(users),
    call: (_user, key) => ({ method: 'DELETE', path: `${keysPath}/${key}`, expect: 204 }),
  },
  {
    name: 'usage (3 keys)',
    stage: threeKeys,
    call: () => ({ method: 'GET', path: '/api/v1/proxy/usage', expect: 200 }),
  },
  {
    name: 'reactivate',
    admin: true,
    stage: (scene, users) => scene.newKeys(users),
    prepare: async ({ sql }, _users, keys) => {
      await sql`update public.proxy_keys set deleted_at = now() where id = any(${keys}::uuid[])`;
      return keys;
    },
    call: (_user, key) => ({
      method: 'POST',
      path: `/admin/proxy/keys/${key}/reactivate`,
      expect: 200,
    }),
  },
  { name: 'health', call: () => ({ method: 'GET', path: '/api/v1/health', expect: 200 }) },
];

/** Each route against the same service doing one empty RPC, with the same users' tokens. */
export async function measureRoutes(measuring: Measuring): Promise<void> {
  for (const connections of [1, 8]) {
    const loop = openClosedLoop(measuring.stack.url, connections);
    try {
      for (const route of routes) await measureRoute(measuring, route, loop, connections);
    } finally {
      loop.close();
    }
  }
}

async function measureRoute(
  measuring: Measuring,
  route: Route,
  loop: ClosedLoop,
  connections: number,
): Promise<void> {
  const { scene, size } = measuring;
  const users = await scene.newUsers(
    // connections need some requests each, or the last one's wait weighs too much
    Math.max(size.requests, 4 * connections),
    { admin: route.admin ?? false },
  );
  let keys = (await route.stage?.(scene, users)) ?? [];
  await compare(
    measuring,
    { group: 'routes', name: route.name, connections, against: 'floor', aim: 1.3 },
    {
      candidate: {
        prepare: async () => {
          keys = (await route.prepare?.(measuring, users, keys)) ?? keys;
        },
        round: () =>
          loop.run(
            users.map((user, index) => ({
              ...route.call(user, keys[index] ?? ''),
              token: user.token,
            })),
          ),
      },
      baseline: {
        round: () =>
          loop.run(
            users.map(({ token }) => ({ method: 'GET', path: '/floor', token, expect: 200 })),
          ),
      },
    },
  );
}
