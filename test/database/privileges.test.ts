import type postgres from 'postgres';
import { afterAll, describe, expect, it } from 'vitest';
import { connectOwner } from '../support/personas.ts';
import { readPrivileges } from './privilege-catalog.ts';

const sql = connectOwner();
afterAll(() => sql.end());

const schemas = ['public', 'proxy_private', 'gateway'];
const apiRoles = ['anon', 'authenticated', 'service_role'];

it('owners, privileges, definers and policies match the committed snapshot', async () => {
  const privileges = await readPrivileges(sql, schemas);
  await expect(`${JSON.stringify(privileges, null, 2)}\n`).toMatchFileSnapshot(
    './privileges.snapshot.json',
  );
});

/** The names that a query over the catalogs finds, and the number of objects that it checked. */
async function find(
  query: (among: postgres.Sql) => postgres.PendingQuery<{ name: string; found: boolean }[]>,
): Promise<{ names: string[]; among: number }> {
  const rows = await query(sql);
  return { names: rows.flatMap(({ name, found }) => (found ? [name] : [])), among: rows.length };
}

describe('functions', () => {
  const functions = (found: string) => (db: postgres.Sql) =>
    db<{ name: string; found: boolean }[]>`
    select p.oid::regprocedure::text as name, ${db.unsafe(found)} as found
    from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = any(${schemas}) order by 1`;

  it('no function is executable by PUBLIC', async () => {
    const found = await find(
      functions(`exists (
        select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
        where a.grantee = 0
      )`),
    );
    expect(found.names).toEqual([]);
    expect(found.among).toBeGreaterThan(10);
  });

  // if a search_path does not name pg_temp, temporary objects come first
  it('every function searches only pg_catalog and, last, temporary objects', async () => {
    const setting = 'search_path=pg_catalog, pg_temp';
    const found = await find(functions(`not coalesce('${setting}' = any(p.proconfig), false)`));
    expect(found.names).toEqual([]);
    expect(found.among).toBeGreaterThan(100);
  });

  it('no SECURITY DEFINER function is in public', async () => {
    const definers = await find(functions('p.prosecdef'));
    const inPublic = await find(functions(`p.prosecdef and n.nspname = 'public'`));
    expect(definers.names.length).toBeGreaterThan(5);
    expect(inPublic.names).toEqual([]);
  });

  it('anonymous callers may execute only the health check, and the secret key only the delivery functions', async () => {
    const found = await find(
      functions(`has_schema_privilege('anon', n.oid, 'usage')
        and has_function_privilege('anon', p.oid, 'execute')`),
    );
    expect(found.names).toEqual(['proxy_health()']);
    const service = await find(
      functions(`has_function_privilege('service_role', p.oid, 'execute')`),
    );
    // alerts are delivered with the secret key
    expect(service.names.toSorted()).toEqual([
      'claim_proxy_deliveries(integer)',
      'proxy_private.claim_deliveries(integer)',
      'proxy_private.report_deliveries(jsonb)',
      'report_proxy_deliveries(jsonb)',
    ]);
  });
});

describe('tables', () => {
  const relations = (kinds: string, found: string) => (db: postgres.Sql) =>
    db<{ name: string; found: boolean }[]>`
    select c.oid::regclass::text as name, ${db.unsafe(found)} as found
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = any(${schemas}) and c.relkind = any(${kinds.split('')}) order by 1`;

  it.each([...apiRoles, 'proxy_gateway', 'public'])(
    '%s cannot write to any table or view',
    async (role) => {
      const found = await find(
        relations(
          'rpvmf',
          `has_table_privilege('${role}', c.oid, 'insert, update, delete, truncate, references, trigger, maintain')
          or has_any_column_privilege('${role}', c.oid, 'insert, update, references')`,
        ),
      );
      expect(found.names).toEqual([]);
      expect(found.among).toBeGreaterThan(10);
    },
  );

  it.each(['anon', 'service_role', 'proxy_gateway', 'public'])(
    '%s cannot read any table or view',
    async (role) => {
      const found = await find(
        relations('rpvmf', `has_any_column_privilege('${role}', c.oid, 'select')`),
      );
      expect(found.names).toEqual([]);
    },
  );

  it('public has only the table of tiers and the view of keys', async () => {
    const inPublic = await find(relations('rpvmfS', `n.nspname = 'public'`));
    expect(inPublic.names).toEqual(['proxy_key_summaries', 'proxy_tiers']);
  });

  it('signed-in users may read those, and their rollups', async () => {
    const found = await find(
      relations('rpvmf', `has_any_column_privilege('authenticated', c.oid, 'select')`),
    );
    expect(found.names).toEqual([
      'proxy_key_summaries',
      'proxy_private.proxy_account_hourly',
      'proxy_private.proxy_account_monthly',
      'proxy_private.proxy_usage_hourly',
      'proxy_private.proxy_usage_monthly',
      'proxy_tiers',
    ]);
  });

  it('every table and partition has row level security', async () => {
    const found = await find(relations('rp', 'not c.relrowsecurity'));
    expect(found.names).toEqual([]);
    expect(found.among).toBeGreaterThan(10);
  });

  it('every view runs with the rights of its reader', async () => {
    const found = await find(
      relations('vm', `not coalesce('security_invoker=true' = any(c.reloptions), false)`),
    );
    expect(found.names).toEqual([]);
    expect(found.among).toBeGreaterThan(0);
  });
});
