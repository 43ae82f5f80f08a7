import type postgres from 'postgres';
import { compare, type Measuring } from './measuring.ts';
import type { BenchUser } from './scene.ts';
import { actAs, connectAsUser } from './user-connection.ts';

const users = 20;
const mintsEach = 5;

/** Measures what concurrent writers cost each other: all at once against one after another. */
export async function measureFairness(measuring: Measuring): Promise<void> {
  const { scene, stack } = measuring;
  const connections = await Promise.all(
    Array.from({ length: users }, () => connectAsUser(stack.dbUrl)),
  );
  const mint = async (sql: postgres.Sql) => {
    for (let count = 0; count < mintsEach; count += 1) {
      await sql`select from public.mint_proxy_key('bench', 'developer', true)`;
    }
  };
  // new users each time, because of the key limit
  const prepare = async () => {
    const owners = await scene.newUsers(users);
    await Promise.all(connections.map((sql, index) => actAs(sql, owners[index] as BenchUser)));
  };
  const timed = async (work: () => Promise<unknown>) => {
    const startedAt = performance.now();
    await work();
    return [(performance.now() - startedAt) / (users * mintsEach)];
  };
  try {
    await compare(
      measuring,
      { group: 'fairness', name: '20 users mint at once', against: 'one after another', aim: 1.05 },
      {
        candidate: { prepare, round: () => timed(() => Promise.all(connections.map(mint))) },
        baseline: {
          prepare,
          round: () =>
            timed(async () => {
              for (const sql of connections) await mint(sql);
            }),
        },
      },
    );
  } finally {
    await Promise.all(connections.map((sql) => sql.end({ timeout: 1 })));
  }
}
