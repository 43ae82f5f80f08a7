import type postgres from 'postgres';

/** Makes keys as old as events may be: no event is taken from before its key was made. */
export async function ageKeys(sql: postgres.Sql, ids: string[]): Promise<void> {
  await sql`
    update private.proxy_keys set created_at = now() - interval '100 days'
    where id = any(${ids}::uuid[])`;
}
