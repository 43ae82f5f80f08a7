import type postgres from 'postgres';

export interface Relation {
  schema: string;
  name: string;
  /** Quoted and qualified, ready to go into a statement. */
  qualified: string;
  /** The name of its first column, quoted. */
  column: string;
  view: boolean;
  /** False for a view that no privilege makes writable. */
  writable: boolean;
}

/** Every table, partition and view of the schemas, from the catalog, so that none is missed. */
export async function listRelations(sql: postgres.Sql, schemas: string[]): Promise<Relation[]> {
  return sql<Relation[]>`
    select
      n.nspname as schema,
      c.relname as name,
      format('%I.%I', n.nspname, c.relname) as qualified,
      (
        select quote_ident(a.attname) from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        order by a.attnum limit 1
      ) as column,
      c.relkind = 'v' as view,
      pg_relation_is_updatable(c.oid, true) <> 0 as writable
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = any(${schemas}) and c.relkind in ('r', 'p', 'v', 'm', 'f')
    order by 1, 2`;
}

export interface Routine {
  schema: string;
  name: string;
  /** Schema, name and argument types. */
  signature: string;
  /** The argument names; empty if they have no names. */
  argumentNames: string[];
  /** A call with nulls of the right types, ready to go into a statement. */
  call: string;
}

/** Every function of the schemas, read from the catalog. */
export async function listRoutines(sql: postgres.Sql, schemas: string[]): Promise<Routine[]> {
  return sql<Routine[]>`
    select
      n.nspname as schema,
      p.proname as name,
      format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)) as signature,
      coalesce(p.proargnames[1:p.pronargs], '{}') as "argumentNames",
      format('%I.%I(%s)', n.nspname, p.proname, (
        -- not constants: of a strict function Postgres would make null without asking who may call it
        select string_agg(
          case when p.provariadic > 0 and position = p.pronargs then 'variadic ' else '' end
            || format('(select null::%s)', format_type(t, null)),
          ', ' order by position
        )
        from unnest(p.proargtypes) with ordinality as a (t, position)
      )) as call
    from pg_proc as p
    join pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = any(${schemas})
    order by 3`;
}
