import postgres from 'postgres';
import { onTestFinished } from 'vitest';

/** Resolves when one of `holders` blocks `waiting` on a lock; all are Postgres process ids. */
export async function untilBlocked(
  sql: postgres.Sql,
  waiting: number,
  holders: number[],
): Promise<void> {
  for (;;) {
    const [row] =
      await sql`select pg_blocking_pids(${waiting}) && ${holders}::integer[] as blocked`;
    if (row?.blocked === true) return;
  }
}

/** A connection and the id of the Postgres process that serves it. */
export type Connection = postgres.Sql & { pid: number };

/** A dedicated connection for one test; what the test does not commit is rolled back. */
export async function connectAlone(url: string): Promise<Connection> {
  const connection = postgres(url, { max: 1, onnotice: () => {} });
  onTestFinished(() => connection.end({ timeout: 0 }));
  const [row] = await connection`select pg_backend_pid() as pid`;
  return Object.assign(connection, { pid: Number(row?.pid) });
}
