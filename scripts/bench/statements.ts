import { randomBytes, randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { timeEach } from './interleave.ts';
import { compare, type Measuring } from './measuring.ts';
import type { BenchUser } from './scene.ts';
import { makeScratchTables } from './scratch-tables.ts';
import { actAs, connectAsUser } from './user-connection.ts';

const keysInStore = 1000;

/** What the rules cost in SQL: mint, rotate and lookup against one bare statement each. */
export async function measureStatements(measuring: Measuring): Promise<void> {
  const { scene, sql, stack } = measuring;
  const owners = await scene.newUsers(keysInStore / 10);
  for (let count = 0; count < keysInStore; count += owners.length) await scene.newKeys(owners);
  await makeScratchTables(sql);

  const user = await connectAsUser(stack.dbUrl);
  const gateway = postgres(stack.gatewayDbUrl, { max: 1, onnotice: () => {} });
  try {
    await measureMint(measuring, user);
    await measureRotate(measuring, user);
    await measureLookup(measuring, gateway);
  } finally {
    await Promise.all([user.end({ timeout: 1 }), gateway.end({ timeout: 1 })]);
  }
}

async function measureMint(measuring: Measuring, sql: postgres.Sql): Promise<void> {
  const { scene, size } = measuring;
  let owner: BenchUser | undefined;
  const prepare = async () => {
    // a new one each time, for the limit of keys
    [owner] = await scene.newUsers(1);
    if (owner) await actAs(sql, owner);
  };
  await compare(
    measuring,
    { group: 'sql', name: 'mint_proxy_key', against: 'bare insert', aim: 2 },
    {
      candidate: {
        prepare,
        round: () =>
          timeEach(
            size.statements,
            () => sql`select * from public.mint_proxy_key('bench', 'developer', true)`,
          ),
      },
      baseline: {
        prepare,
        round: () => {
          const rows = Array.from({ length: size.statements }, () => ({
            id: randomUUID(),
            keyId: `avp_live_${randomBytes(6).toString('hex')}`,
          }));
          return timeEach(
            size.statements,
            (index) => sql`
              insert into bench.bare_keys
                (id, key_id, user_id, label, tier, live_mode, created_at)
              values (
                ${rows[index]?.id ?? null}, ${rows[index]?.keyId ?? null}, ${owner?.id ?? null},
                'bench', 'developer', true, clock_timestamp()
              )
              returning *`,
          );
        },
      },
    },
  );
}

async function measureRotate(measuring: Measuring, sql: postgres.Sql): Promise<void> {
  const { scene, size } = measuring;
  const owners = await scene.newUsers(size.statements);
  const keys = await scene.newKeys(owners);
  await measuring.sql`
    insert into bench.bare_keys select * from private.proxy_keys where id = any(${keys}::uuid[])`;
  const become = async (index: number) => {
    const owner = owners[index];
    if (owner) await actAs(sql, owner);
  };
  const rounds = (statement: (key: string) => postgres.PendingQuery<postgres.Row[]>) => () =>
    timeEach(size.statements, (index) => statement(keys[index] ?? ''), become);
  await compare(
    measuring,
    { group: 'sql', name: 'rotate_proxy_key', against: 'bare update', aim: 2 },
    {
      candidate: { round: rounds((key) => sql`select * from public.rotate_proxy_key(${key})`) },
      baseline: {
        round: rounds(
          (key) => sql`
            update bench.bare_keys set rotated_at = clock_timestamp() where id = ${key}
            returning *`,
        ),
      },
    },
  );
}

async function measureLookup(measuring: Measuring, sql: postgres.Sql): Promise<void> {
  const known = await measuring.sql<{ keyId: string }[]>`
    select key_id as "keyId" from bench.bare_lookups order by random()`;
  let next = 0;
  const rounds = (statement: (keyId: string) => postgres.PendingQuery<postgres.Row[]>) => () =>
    timeEach(5 * measuring.size.statements, () =>
      statement(known[next++ % known.length]?.keyId ?? ''),
    );
  await compare(
    measuring,
    { group: 'sql', name: 'lookup_proxy_key', against: 'bare select', aim: 1.3 },
    {
      candidate: {
        round: rounds((keyId) => sql`select * from gateway.lookup_proxy_key(${keyId})`),
      },
      baseline: {
        round: rounds((keyId) => sql`select * from bench.bare_lookups where key_id = ${keyId}`),
      },
    },
  );
}
