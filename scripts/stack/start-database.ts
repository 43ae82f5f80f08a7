import { clearStaleLock, createCluster } from './cluster.ts';
import { copyTemplate } from './copy-template.ts';
import { bootstrapDatabase, openGatewayLogin } from './database.ts';
import { applyMigrations } from './migrations.ts';
import { freePort, requireFreePort } from './ports.ts';
import { startPostgres } from './postgres.ts';
import { locatePostgresBinaries } from './postgres-binaries.ts';
import { postgresUser } from './process-user.ts';
import { locateAuth } from './programs.ts';
import type { StateDirectory } from './state-directory.ts';
import { migrateAuth } from './supabase-auth.ts';
import type { Supervisor } from './supervisor.ts';

/**
 * Starts Postgres on a stack's data, new or kept, and applies everything in `supabase/` that is missing,
 * but creates no accounts. Returns its port: a free one, unless the options name one.
 */
export async function startDatabase(options: {
  supervisor: Supervisor;
  state: StateDirectory;
  port?: number;
  /** False trades durability for speed, for temporary data. */
  durable: boolean;
  /** Environment variables of Postgres, for tests. */
  env?: Record<string, string>;
  /** Called after each step. */
  report: (step: string) => void;
}): Promise<number> {
  const { supervisor, state, durable, env = {}, report } = options;
  const user = postgresUser();
  await clearStaleLock(state.postgresData);
  if (options.port !== undefined) await requireFreePort(options.port, 'Postgres');
  const binaries = await locatePostgresBinaries({ user, copyTo: state.postgresBinaries });
  copyTemplate(state.postgresData, user);
  await createCluster(supervisor, state, { initdb: binaries.initdb, user });
  const port = options.port ?? (await freePort());
  await startPostgres(supervisor, state, { command: binaries.postgres, port, user, durable, env });
  report('Postgres 17');

  const authBinary = locateAuth();
  await bootstrapDatabase(port, { realAuth: authBinary !== null });
  if (authBinary !== null) await migrateAuth(authBinary, { supervisor, state, port });
  const applied = await applyMigrations(supervisor, state, port);
  await openGatewayLogin(port);
  report(applied === 0 ? 'migrations: none pending' : `migrations: ${applied} applied`);
  return port;
}
