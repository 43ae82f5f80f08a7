import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** A folder with `pg_dump` and `pg_restore`, if those on the PATH are too old. */
const folder = process.env.PG_CLIENT_BIN;

/** The path of a Postgres client program. */
export const postgresProgram = (name: string) => (folder ? join(folder, name) : name);

/** The version of Postgres for which `pg_dump` is found: it cannot dump a newer server. */
const version = Number(
  /(\d+)/.exec(String(spawnSync(postgresProgram('pg_dump'), ['--version']).stdout))?.[1],
);

/** Whether to skip tests of `pg_dump`: none is recent enough, and `REQUIRE_PG_DUMP` is not set. */
export const withoutPostgresPrograms = !process.env.REQUIRE_PG_DUMP && !(version >= 17);
