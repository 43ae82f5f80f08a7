import type postgres from 'postgres';

interface Described {
  name: string;
  description: Record<string, unknown>;
}

/** One line per object, and within it one per property, for review. */
export type PrivilegeSnapshot = Record<string, Record<string, Record<string, unknown>>>;

/**
 * Owners, privileges, definers, search paths, row level security and policies of everything in the
 * schemas, from the catalogs, sorted. The daily partitions, which must be alike, are one entry.
 */
export async function readPrivileges(
  sql: postgres.Sql,
  schemas: string[],
): Promise<PrivilegeSnapshot> {
  const read = async (query: string) => [...(await sql.unsafe<Described[]>(query, [schemas]))];
  return {
    schemas: byName(await read(schemasQuery)),
    relations: byName(foldDays(await read(relationsQuery))),
    functions: byName(await read(functionsQuery)),
    types: byName(await read(typesQuery)),
    defaults: byName(await read(defaultsQuery)),
  };
}

/**
 * SQL for what each role may do by an ACL, except the owner. A null ACL means the Postgres default
 * for that kind of object.
 */
function grants(acl: string, kind: string, owner: string): string {
  return `(
    select coalesce(jsonb_object_agg(grantee, privileges order by grantee), '{}')
    from (
      select
        case a.grantee when 0 then 'PUBLIC' else a.grantee::regrole::text end as grantee,
        lower(string_agg(
          a.privilege_type || case when a.is_grantable then ' with grant option' else '' end,
          ', ' order by a.privilege_type
        )) as privileges
      from aclexplode(coalesce(${acl}, acldefault('${kind}', ${owner}))) as a
      where a.grantee <> ${owner}
      group by 1
    ) as g
  )`;
}

const schemasQuery = `
  select
    nspname as name,
    jsonb_build_object(
      'owner', nspowner::regrole, 'grants', ${grants('nspacl', 'n', 'nspowner')}
    ) as description
  from pg_namespace where nspname = any($1)`;

const relationsQuery = `
  select
    format('%I.%I', n.nspname, c.relname) as name,
    jsonb_strip_nulls(jsonb_build_object(
      'kind', case
        when c.relispartition then 'partition'
        when c.relkind in ('r', 'p') then 'table'
        when c.relkind = 'S' then 'sequence'
        when c.relkind in ('v', 'm') then 'view'
        else c.relkind::text
      end,
      'owner', c.relowner::regrole,
      'rowSecurity', case when c.relkind in ('r', 'p') then
        case when c.relrowsecurity then 'enabled' else 'disabled' end
      end,
      'options', (
        select string_agg(o, ', ' order by o) from unnest(c.reloptions) as o
        where o ~ '^security'
      ),
      'grants', ${grants('c.relacl', 'r', 'c.relowner')},
      'columnGrants', (
        select jsonb_object_agg(t.attname, ${grants('t.attacl', 'c', 'c.relowner')})
        from pg_attribute as t where t.attrelid = c.oid and t.attacl is not null
      ),
      'policies', (
        select jsonb_object_agg(
          p.policyname,
          concat_ws(' ',
            lower(p.permissive), lower(p.cmd), 'to', array_to_string(p.roles, ', '),
            'using ' || p.qual, 'with check ' || p.with_check
          )
        )
        from pg_policies as p where p.schemaname = n.nspname and p.tablename = c.relname
      )
    )) as description
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  where n.nspname = any($1) and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')`;

const functionsQuery = `
  select
    format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)) as name,
    jsonb_build_object(
      'owner', p.proowner::regrole,
      'security', case when p.prosecdef then 'definer' else 'invoker' end,
      'settings', array_to_string(p.proconfig, ', '),
      'grants', ${grants('p.proacl', 'f', 'p.proowner')}
    ) as description
  from pg_proc as p
  join pg_namespace as n on n.oid = p.pronamespace
  where n.nspname = any($1)`;

/** Types that were created explicitly: not row types of tables, nor arrays. */
const typesQuery = `
  select
    format('%I.%I', n.nspname, t.typname) as name,
    jsonb_build_object(
      'owner', t.typowner::regrole, 'grants', ${grants('t.typacl', 'T', 't.typowner')}
    ) as description
  from pg_type as t
  join pg_namespace as n on n.oid = t.typnamespace
  left join pg_class as c on c.oid = t.typrelid
  where n.nspname = any($1)
    and t.typcategory <> 'A'
    and (t.typrelid = 0 or c.relkind = 'c')`;

/** Privileges on objects that role postgres creates, where they are not the default. */
const defaultsQuery = `
  select
    concat_ws(' ',
      case d.defaclobjtype
        when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
        when 'T' then 'types' else d.defaclobjtype::text
      end,
      'in', coalesce(n.nspname, 'any schema')
    ) as name,
    ${grants('d.defaclacl', 'r', 'd.defaclrole')} as description
  from pg_default_acl as d
  left join pg_namespace as n on n.oid = d.defaclnamespace
  where d.defaclrole = 'postgres'::regrole
    and (d.defaclnamespace = 0 or n.nspname = any($1))`;

/** The dates of the partitions vary; their properties must not. */
function foldDays(relations: Described[]): Described[] {
  const folded = new Map<string, Described>();
  for (const relation of relations) {
    const name = relation.name.replace(/_\d{4}_\d{2}_\d{2}$/, '_YYYY_MM_DD');
    const known = folded.get(name);
    const alike =
      !known || JSON.stringify(known.description) === JSON.stringify(relation.description);
    folded.set(alike ? name : relation.name, alike ? { ...relation, name } : relation);
  }
  return [...folded.values()];
}

function byName(objects: Described[]): Record<string, Record<string, unknown>> {
  const sorted = objects.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return Object.fromEntries(sorted.map(({ name, description }) => [name, description]));
}
