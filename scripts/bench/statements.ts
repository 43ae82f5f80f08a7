import { randomBytes, randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { timeEach } from './interleave.ts';
import { compare, type Measuring } from './measuring.ts';
import type { BenchUser } from './scene.ts';
import { makeScratchTables } from './scratch-tables.ts';
import { actAs, connectAsUser } from './user-connection.ts';

const keysInStore = 1000;

/** Measures what the rules cost in SQL: mint, rotate and look-up against one bare statement each. */
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
  let owner = '';
  const prepare = async () => {
    // a new user each time, because of the key limit
    const [user] = (await scene.newUsers(1)) as [BenchUser];
    owner = user.id;
    await actAs(sql, user);
  };
  const round = (statement: () => postgres.PendingQuery<postgres.Row[]>) => () =>
    timeEach(size.statements, statement);
  await compare(
    measuring,
    { group: 'sql', name: 'mint_proxy_key', against: 'bare insert', aim: 2 },
    {
      candidate: {
        prepare,
        round: round(() => sql`select * from public.mint_proxy_key('bench', 'developer', true)`),
      },
      baseline: {
        prepare,
        round: round(
          () => sql`
            insert into bench.bare_keys (id, key_id, user_id, label, tier, live_mode, created_at)
            values (
              ${randomUUID()}, ${`avp_live_${randomBytes(6).toString('hex')}`}, ${owner},
              'bench', 'developer', true, clock_timestamp()
            )
            returning *`,
        ),
      },
    },
  );
}

async function measureRotate(measuring: Measuring, sql: postgres.Sql): Promise<void> {
  const { scene, size } = measuring;
  const owners = await scene.newUsers(size.statements);
  const keys = await scene.newKeys(owners);
  await measuring.sql`
    insert into bench.bare_keys select * from proxy_private.proxy_keys where id = any(${keys}::uuid[])`;
  const round = (statement: (key: string) => postgres.PendingQuery<postgres.Row[]>) => () =>
    timeEach(
      size.statements,
      (index) => statement(keys[index] as string),
      (index) => actAs(sql, owners[index] as BenchUser),
    );
  await compare(
    measuring,
    { group: 'sql', name: 'rotate_proxy_key', against: 'bare update', aim: 2 },
    {
      candidate: { round: round((key) => sql`select * from public.rotate_proxy_key(${key})`) },
      baseline: {
        round: round(
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
  const round = (statement: (keyId: string) => postgres.PendingQuery<postgres.Row[]>) => () =>
    timeEach(5 * measuring.size.statements, () =>
      statement(known[next++ % known.length]?.keyId ?? ''),
    );
  await compare(
    measuring,
    { group: 'sql', name: 'lookup_proxy_key', against: 'bare select', aim: 1.3 },
    {
      candidate: { round: round((id) => sql`select * from gateway.lookup_proxy_key(${id})`) },
      baseline: {
        round: round((id) => sql`select * from bench.bare_lookups where key_id = ${id}`),
      },
    },
  );
}
