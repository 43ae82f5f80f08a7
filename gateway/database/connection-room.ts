import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { DatabaseFailure } from './tls-failure.ts';

/** Connections that a gateway needs to do all of its work: lookups, recorder, listener. */
export const fewestConnections = 3;
/** The most connections that the command allows a gateway's login. */
export const mostConnections = 1_000;
/** The most connections that a gateway opens, by default. */
export const defaultConnections = 10;

/** How many connections the database has for a login. */
export interface ConnectionRoom {
  login: string;
  /** The login's limit; -1 for none. */
  loginLimit: number;
  /** The whole server's limit. */
  serverLimit: number;
  /** How many of those a gateway's login cannot use. */
  reserved: number;
}

/** The database has too few connections for a gateway. The message is a sentence for its operator. */
export class TooFewConnections extends Error {
  readonly code: string;
  constructor({ code, sentence }: DatabaseFailure) {
    super(sentence);
    this.name = TooFewConnections.name;
    this.code = code;
  }
}

/** Reads the limits that apply to the login of `pool`. Rejects like a query. */
export async function readConnectionRoom(pool: Pick<pg.Pool, 'query'>): Promise<ConnectionRoom> {
  const { rows } = await pool.query<ConnectionRoom>(`
    select
      rolname as login, rolconnlimit as "loginLimit",
      current_setting('max_connections')::integer as "serverLimit",
      current_setting('superuser_reserved_connections')::integer
        + coalesce(current_setting('reserved_connections', true)::integer, 0) as reserved
    from pg_catalog.pg_roles where rolname = current_user`);
  const [room] = rows;
  if (!room) throw new Error('the database does not list the current login');
  return room;
}

/** Why `wanted` connections do not fit; null if they do. */
export function explainRoom(room: ConnectionRoom, wanted: number): DatabaseFailure | null {
  const { login, loginLimit, serverLimit, reserved } = room;
  const wants = `this gateway opens up to ${wanted}`;
  const setTo = (most: number) =>
    most < fewestConnections ? '' : `set GATEWAY_DATABASE_CONNECTIONS to ${most}, or `;
  if (loginLimit >= 0 && loginLimit < wanted) {
    // twice, as a restart briefly has the old and the new connections
    const name = /^[a-z_][a-z0-9_]*$/.test(login) ? login : `"${login.replaceAll('"', '""')}"`;
    return {
      code: 'database_login_limit_too_small',
      sentence: `The login ${login} may hold ${loginLimit} connections, but ${wants}: ${setTo(loginLimit)}run as role postgres: alter role ${name} connection limit ${2 * wanted}.`,
    };
  }
  const most = serverLimit - reserved;
  if (most < wanted) {
    return {
      code: 'database_server_limit_too_small',
      sentence: `The database allows ${most} connections for logins like this one (max_connections ${serverLimit}, minus ${reserved} reserved), but ${wants}: ${setTo(most)}raise max_connections.`,
    };
  }
  return null;
}

export interface RoomWatchOptions {
  /** Of the gateway's login; the check uses one of its connections. */
  pool: Pick<pg.Pool, 'query'>;
  /** How many connections the gateway may open in total. */
  wanted: number;
  /** How long the start waits for the answer, in ms. */
  startMs?: number;
  /** How often the database is asked again, until it has room, in ms. */
  againMs?: number;
}

/** Whether the database has room for a gateway, as far as is known. */
export interface RoomWatch {
  /** Why it has no room; null while it has, or has not answered yet. */
  readonly failure: DatabaseFailure | null;
  stop(): void;
}

/**
 * Checks that the database has as many connections as a gateway may open. Rejects with
 * `TooFewConnections` if it answers in time that it has not. Without an answer it is asked again
 * until it gives one: a gateway that starts while its database is away keeps running and reports
 * the problem later.
 */
export async function watchConnectionRoom(options: RoomWatchOptions): Promise<RoomWatch> {
  const { pool, wanted, startMs = 3_000, againMs = 2_000 } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let failure: DatabaseFailure | null = null;
  /** Resolves to whether it answered. */
  const ask = () =>
    readConnectionRoom(pool).then(
      (room) => {
        failure = explainRoom(room, wanted);
        return true;
      },
      () => false,
    );
  const first = ask();
  await Promise.race([first, sleep(startMs, undefined, { ref: false })]);
  if (failure) throw new TooFewConnections(failure);

  const askAgain = async () => {
    let answered = await first;
    while (!signal.aborted && (!answered || failure)) {
      await sleep(againMs, undefined, { signal, ref: false }).catch(() => {});
      if (!signal.aborted) answered = await ask();
    }
  };
  void askAgain();

  return {
    get failure() {
      return failure;
    },
    stop: () => stopping.abort(),
  };
}
