import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { localGatewayLogin } from '../../../scripts/stack/database.ts';
import { databaseUrl } from '../../../scripts/stack/postgres.ts';
import { identify, isRunning } from '../../../scripts/stack/process-identity.ts';
import { startDatabase } from '../../../scripts/stack/start-database.ts';
import type { StateDirectory } from '../../../scripts/stack/state-directory.ts';
import type { Supervisor } from '../../../scripts/stack/supervisor.ts';
import { clockAhead } from './clock-ahead.ts';

/** A migrated database for one test, which may be killed. Its supervisor stops it at last. */
export interface MortalDatabase {
  /** The schema's owner; usable again after a start. */
  sql: postgres.Sql;
  /** A gateway's connection string. */
  gatewayUrl: string;
  /** Kills the postmaster with SIGKILL. Resolves when all its processes are gone. */
  kill(): Promise<void>;
  /** Starts it again on the same data and port, and resolves when it answers. */
  start(): Promise<void>;
}

/** Starts one with durable writes, and a clock that is ahead. */
export async function startMortalDatabase(
  supervisor: Supervisor,
  state: StateDirectory,
  { aheadMs = 0 }: { aheadMs?: number } = {},
): Promise<MortalDatabase> {
  const env = aheadMs === 0 ? {} : clockAhead(aheadMs);
  const settings = { supervisor, state, durable: true, env, report: () => {} };
  const port = await startDatabase(settings);
  const sql = postgres(databaseUrl('postgres', port), { max: 2, onnotice: () => {} });
  return {
    sql,
    gatewayUrl: databaseUrl(localGatewayLogin, port),
    async kill() {
      const rows = await sql<{ pid: number }[]>`select pid from pg_stat_activity`;
      const postmaster = Number.parseInt(
        readFileSync(join(state.postgresData, 'postmaster.pid'), 'utf8'),
        10,
      );
      const processes = [postmaster, ...rows.map(({ pid }) => pid)].map(identify);
      process.kill(postmaster, 'SIGKILL');
      // the others exit when they notice, some after their current work
      while (processes.some(isRunning)) await sleep(5);
    },
    async start() {
      await startDatabase({ ...settings, port });
    },
  };
}
