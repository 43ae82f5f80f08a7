import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** A folder with `pg_dump` and `pg_restore`, where those on the PATH are too old. */
const folder = process.env.PG_CLIENT_BIN;

/** Where a program of Postgres's client is. */
export const postgresProgram = (name: string) => (folder ? join(folder, name) : name);

/** Of Postgres, where `pg_dump` is found: it dumps no server that is newer. */
const version = Number(
  /(\d+)/.exec(String(spawnSync(postgresProgram('pg_dump'), ['--version']).stdout))?.[1],
);

/** Whether tests of `pg_dump` are left out: none that is new enough, and `REQUIRE_PG_DUMP` not set. */
export const withoutPostgresPrograms = !process.env.REQUIRE_PG_DUMP && !(version >= 17);
