import type postgres from 'postgres';

/**
 * The tables behind the baselines in SQL. `bare_keys` has the columns, the indexes and the rows of
 * proxy_keys and nothing else: no checks, no triggers, no foreign keys, no row level security.
 */
export async function makeScratchTables(sql: postgres.Sql): Promise<void> {
  await sql.unsafe(`
    create schema if not exists bench;
    grant usage on schema bench to authenticated;
    create table bench.bare_keys (like private.proxy_keys including defaults including indexes);
    insert into bench.bare_keys select * from private.proxy_keys;
    grant select, insert, update on bench.bare_keys to authenticated;
  `);
  await vacuum(sql, ['bench.bare_keys', 'private.proxy_keys']);
  await makeBareLookups(sql);
}

/** Makes `bare_lookups`, anew: what a lookup of each key returns, under a primary key. */
export async function makeBareLookups(sql: postgres.Sql): Promise<void> {
  await sql.unsafe(`
    create schema if not exists bench;
    grant usage on schema bench to proxy_gateway;
    drop table if exists bench.bare_lookups;
    create table bench.bare_lookups as
      select l.* from private.proxy_keys as k cross join gateway.lookup_proxy_key(k.key_id) as l;
    alter table bench.bare_lookups add primary key (key_id);
    grant select on bench.bare_lookups to proxy_gateway;
  `);
  await vacuum(sql, ['bench.bare_lookups']);
}

async function vacuum(sql: postgres.Sql, tables: string[]): Promise<void> {
  for (const table of tables) await sql.unsafe(`vacuum analyze ${table}`);
}
