import type postgres from 'postgres';

/**
 * Creates the tables for the SQL baselines. `bare_keys` has only the columns, indexes and rows of
 * proxy_keys: no checks, no triggers, no foreign keys, no row level security. `bare_lookups` has the
 * result of a look-up of each key, under a primary key.
 */
export async function makeScratchTables(sql: postgres.Sql): Promise<void> {
  await sql.unsafe(`
    create schema bench;
    grant usage on schema bench to authenticated, proxy_gateway;
    create table bench.bare_keys (like proxy_private.proxy_keys including defaults including indexes);
    insert into bench.bare_keys select * from proxy_private.proxy_keys;
    grant select, insert, update on bench.bare_keys to authenticated;
    create table bench.bare_lookups as
      select l.* from proxy_private.proxy_keys as k cross join gateway.lookup_proxy_key(k.key_id) as l;
    alter table bench.bare_lookups add primary key (key_id);
    grant select on bench.bare_lookups to proxy_gateway;
  `);
  for (const table of ['bench.bare_keys', 'bench.bare_lookups', 'proxy_private.proxy_keys']) {
    await sql.unsafe(`vacuum analyze ${table}`);
  }
}
