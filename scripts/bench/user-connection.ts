import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import type { BenchUser } from './scene.ts';

/** One connection in the role that PostgREST uses for a signed-in user; each statement commits. */
export async function connectAsUser(dbUrl: string): Promise<postgres.Sql> {
  const sql = postgres(dbUrl, { max: 1, onnotice: () => {} });
  await sql`set role authenticated`;
  return sql;
}

/** Runs the connection's next statements as `user`, like PostgREST with the user's token. */
export async function actAs(sql: postgres.Sql, user: BenchUser): Promise<void> {
  const headers = JSON.stringify({ 'x-request-id': randomUUID() });
  await sql`
    select
      set_config('request.jwt.claims', ${user.claims}, false),
      set_config('request.headers', ${headers}, false)`;
}
