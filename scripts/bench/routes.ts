import { type Call, type ClosedLoop, openClosedLoop } from './closed-loop.ts';
import { compare, type Measuring } from './measuring.ts';
import { type Route, routes } from './route-calls.ts';
import type { BenchUser } from './scene.ts';

/** Compares each route to a route of the same service that makes one empty RPC, with the same users' tokens. */
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
  const { scene, size, sql } = measuring;
  const users = await scene.newUsers(
    // each connection needs several requests, or the wait for the last one dominates
    Math.max(size.requests, Math.min(size.requests, 4) * connections),
    { admin: route.admin ?? false },
  );
  const newKeys = () =>
    scene.newKeys(
      Array(route.keys ?? 0)
        .fill(users)
        .flat(),
    );
  let keys = await newKeys();
  if (route.used) await scene.newUsage(keys, { events: 60 * keys.length, days: 20 });
  const callOf = (user: BenchUser, index: number): Call => ({
    ...route,
    token: user.token,
    path: route.path(keys[index] ?? ''),
    body: route.body?.(user),
    headers: route.headers?.() ?? {},
  });
  await compare(
    measuring,
    { group: 'routes', name: route.name, connections, against: 'floor', aim: 1.3 },
    {
      candidate: {
        prepare: async () => {
          if (route.newKeys) keys = await newKeys();
          await route.before?.(sql, keys, users);
        },
        round: () => loop.run(users.map(callOf)),
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
