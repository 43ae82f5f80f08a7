import { afterAll, expect, it } from 'vitest';
import { connectOwner } from '../support/personas.ts';

const sql = connectOwner();
afterAll(() => sql.end());

const schemas = ['public', 'proxy_private', 'gateway'];
/** The roles that the platform creates in a database. */
const platformRoles = [
  'anon',
  'authenticated',
  'authenticator',
  'postgres',
  'service_role',
  'supabase_admin',
  'supabase_auth_admin',
];

it('every schema, table, view, partition, type, function and role of ours has a comment', async () => {
  const objects = await sql<{ name: string; comment: string | null }[]>`
    select 'schema ' || nspname as name, obj_description(oid, 'pg_namespace') as comment
    from pg_namespace where nspname = any(${schemas})
    union all
    select 'relation ' || c.oid::regclass, obj_description(c.oid, 'pg_class')
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = any(${schemas}) and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    union all
    select 'type ' || t.oid::regtype, obj_description(t.oid, 'pg_type')
    from pg_type as t join pg_namespace as n on n.oid = t.typnamespace
    left join pg_class as c on c.oid = t.typrelid
    where n.nspname = any(${schemas})
      and t.typcategory <> 'A' and (t.typrelid = 0 or c.relkind = 'c')
    union all
    select 'function ' || p.oid::regprocedure, obj_description(p.oid, 'pg_proc')
    from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = any(${schemas})
    union all
    select 'role ' || rolname, shobj_description(oid, 'pg_authid')
    from pg_roles where rolname !~ '^pg_' and rolname <> all(${platformRoles})`;

  expect(objects.filter(({ comment }) => !comment).map(({ name }) => name)).toEqual([]);
  expect(objects.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'schema proxy_private',
      'relation proxy_private.proxy_keys',
      'type minted_proxy_key',
      'function gateway.record_usage(jsonb)',
      'role proxy_gateway',
    ]),
  );
});
