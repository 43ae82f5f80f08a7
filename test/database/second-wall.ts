import type postgres from 'postgres';
import type { Relation } from '../support/catalog.ts';

/**
 * Runs `work` as a signed-in user with grants on every table and view of `proxy_private`, in a
 * transaction that is rolled back: only row level security then limits what they read.
 */
async function pastGrants<T>(
  sql: postgres.Sql,
  claims: { sub?: string },
  work: (transaction: postgres.TransactionSql) => Promise<T>,
): Promise<T> {
  const outcome: { value?: T } = {};
  const undo = new Error('undo');
  const run = sql.begin(async (transaction) => {
    // if two transactions change one table's privileges at once, Postgres fails one
    await transaction`select pg_advisory_xact_lock(hashtextextended('past grants', 0))`;
    await transaction`grant select on all tables in schema proxy_private to authenticated`;
    await transaction`
      select
        set_config(
          'request.jwt.claims', ${JSON.stringify({ ...claims, role: 'authenticated' })}, true
        ),
        set_config('role', 'authenticated', true)`;
    outcome.value = await work(transaction);
    throw undo;
  });
  await run.catch((error: unknown) => {
    if (error !== undo) throw error;
  });
  return outcome.value as T;
}

/**
 * The rows, as JSON, that such a user sees of each relation, by its name. A view of tables in other
 * schemas, such as Supabase Auth's, shows none: the user may not read those.
 */
export function seePastGrants(
  sql: postgres.Sql,
  claims: { sub?: string },
  relations: Relation[],
): Promise<Record<string, string[]>> {
  return pastGrants(sql, claims, async (transaction) => {
    const seen: Record<string, string[]> = {};
    for (const { name, qualified } of relations) {
      const reading = transaction.savepoint((inner) =>
        inner.unsafe<{ row: string }[]>(`select to_jsonb(r)::text as row from ${qualified} as r`),
      );
      const rows = await reading.catch((error: { code?: string; message?: string }) => {
        if (error.code === '42501' && !error.message?.includes(name)) return [];
        throw error;
      });
      seen[name] = rows.map(({ row }) => row);
    }
    return seen;
  });
}
