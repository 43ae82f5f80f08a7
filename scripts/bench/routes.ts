import { type ClosedLoop, openClosedLoop } from './closed-loop.ts';
import { compare, type Measuring } from './measuring.ts';
import { type Route, routes } from './route-calls.ts';

/** Each route against the same service doing one empty RPC, with the same users' tokens. */
export async function measureRoutes(measuring: Measuring): Promise<void> {
  for (const connections of [1, 8]) {
    const loop = openClosedLoop(measuring.stack.url, connections);
    try {
      for (const route of routes) await measureRoute(measuring, route, loop, connections);
    } finally {
      await loop.close();
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
    Math.max(size.requests, Math.min(size.requests, 4) * connections),
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
