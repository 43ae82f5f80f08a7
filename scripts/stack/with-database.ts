import { databaseUrl } from './postgres.ts';
import { postgresUser } from './process-user.ts';
import { startDatabase } from './start-database.ts';
import { openStateDirectory } from './state-directory.ts';
import { createSupervisor } from './supervisor.ts';

/** Runs `use` with the URL of a temporary, migrated database, as its owner. */
export async function withDatabase<Result>(
  use: (dbUrl: string) => Promise<Result>,
  report: (step: string) => void = () => {},
): Promise<Result> {
  const state = openStateDirectory({ ephemeral: true, user: postgresUser() });
  const supervisor = await createSupervisor(state.processesFile, report);
  try {
    const port = await startDatabase({ supervisor, state, durable: false, report });
    return await use(databaseUrl('postgres', port));
  } finally {
    await supervisor.stopAll();
    state.remove();
  }
}
