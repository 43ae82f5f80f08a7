import type postgres from 'postgres';
import { readSchemaFiles } from '../../scripts/schemas.ts';

/** Drops everything that the migrations created in a database, as role postgres. Roles stay. */
export const dropSchemas = `
  drop schema proxy_private, gateway cascade;
  do $$
  declare
    statement text;
  begin
    for statement in
      select format('drop routine %s', p.oid::regprocedure)
      from pg_proc as p where p.pronamespace = 'public'::regnamespace
      union all
      select format('drop %s %s', case c.relkind when 'v' then 'view' else 'table' end, c.oid::regclass)
      from pg_class as c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v')
      union all
      select format('drop type %s', t.oid::regtype)
      from pg_type as t
      join pg_class as c on c.oid = t.typrelid
      where t.typnamespace = 'public'::regnamespace and c.relkind = 'c'
    loop
      execute statement || ' cascade';
    end loop;
  end
  $$`;

/** Creates it again from the files of `supabase/schemas`. */
export async function applySchemaFiles(sql: postgres.Sql): Promise<void> {
  for (const { sql: text } of readSchemaFiles()) {
    await sql.begin((transaction) => transaction.unsafe(text));
  }
}
