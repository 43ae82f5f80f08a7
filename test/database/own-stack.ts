import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { onTestFinished } from 'vitest';
import { startStack } from '../../scripts/stack/stack.ts';
import { type SeededKey, seedKeys } from './seeded-keys.ts';

/** A stack that one test file has for itself. */
export interface OwnStack {
  /** Role postgres. */
  dbUrl: string;
  /** Role proxy_gateway. */
  gatewayDbUrl: string;
  /** The schema's owner. */
  sql: postgres.Sql;
  /** The CONNECT gateway's role. */
  gateway: postgres.Sql;
  /** Keys of a new user. */
  newKeys(count: number): Promise<SeededKey[]>;
  /** For the file's `afterAll`. */
  stop(): Promise<void>;
}

/**
 * Starts a stack for a test file. Maintenance works on whole months, locks them and drops them: on the
 * shared stack it would meet other tests' rows.
 */
export async function startOwnStack(): Promise<OwnStack> {
  const stack = await startStack({ ephemeral: true });
  const sql = postgres(stack.dbUrl, { max: 8, onnotice: () => {} });
  const gateway = postgres(stack.gatewayDbUrl, { max: 8, onnotice: () => {} });
  const stop = async () => {
    await Promise.all([sql.end({ timeout: 1 }), gateway.end({ timeout: 1 })]);
    await stack.stop();
  };
  const newKeys = async (count: number) => {
    const id = randomUUID();
    await sql`insert into auth.users (id, email) values (${id}, ${`${id}@example.com`})`;
    return seedKeys(sql, id, count);
  };
  return { dbUrl: stack.dbUrl, gatewayDbUrl: stack.gatewayDbUrl, sql, gateway, newKeys, stop };
}

/** The first day of the month that is `ahead` months from this one, in UTC, as `2026-07-01`. */
export function monthFromNow(ahead: number): string {
  const now = new Date();
  const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead));
  return month.toISOString().slice(0, 10);
}

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
