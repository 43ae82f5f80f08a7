import postgres from 'postgres';
import { onTestFinished } from 'vitest';

/** Resolves when one of `holders` keeps `waiting` from a lock: process ids of Postgres. */
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

/** A connection and the process of Postgres that serves it. */
export type Connection = postgres.Sql & { pid: number };

/** A connection of its own for one test; what it has not committed by then is rolled back. */
export async function connectAlone(url: string): Promise<Connection> {
  const connection = postgres(url, { max: 1, onnotice: () => {} });
  onTestFinished(() => connection.end({ timeout: 0 }));
  const [row] = await connection`select pg_backend_pid() as pid`;
  return Object.assign(connection, { pid: Number(row?.pid) });
}
