import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { onTestFinished } from 'vitest';
import { localGatewayLogin } from '../../scripts/stack/database.ts';
import { databaseUrl } from '../../scripts/stack/postgres.ts';
import { postgresUser } from '../../scripts/stack/process-user.ts';
import { startDatabase } from '../../scripts/stack/start-database.ts';
import { openStateDirectory } from '../../scripts/stack/state-directory.ts';
import { createSupervisor } from '../../scripts/stack/supervisor.ts';
import { type SeededKey, seedKeys } from './seeded-keys.ts';

/** The database of a stack, without its other parts, that one test file has for itself. */
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
 * Starts a database for a test file. Maintenance works on whole months, locks them and drops them: on
 * the shared stack it would meet other tests' rows.
 */
export async function startOwnStack(): Promise<OwnStack> {
  const state = openStateDirectory({ ephemeral: true, user: postgresUser() });
  const supervisor = await createSupervisor(state.processesFile, () => {});
  const port = await startDatabase({ supervisor, state, durable: false, report: () => {} });
  const [dbUrl, gatewayDbUrl] = [
    databaseUrl('postgres', port),
    databaseUrl(localGatewayLogin, port),
  ];
  const sql = postgres(dbUrl, { max: 8, onnotice: () => {} });
  const gateway = postgres(gatewayDbUrl, { max: 8, onnotice: () => {} });
  const stop = async () => {
    await Promise.all([sql.end({ timeout: 1 }), gateway.end({ timeout: 1 })]);
    await supervisor.stopAll();
    state.remove();
  };
  const newKeys = async (count: number) => {
    const id = randomUUID();
    await sql`insert into auth.users (id, email) values (${id}, ${`${id}@example.com`})`;
    return seedKeys(sql, id, count);
  };
  return { dbUrl, gatewayDbUrl, sql, gateway, newKeys, stop };
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
