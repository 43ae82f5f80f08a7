import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyTemplate } from '../../../scripts/stack/copy-template.ts';
import { localGatewayLogin } from '../../../scripts/stack/database.ts';
import { freePort } from '../../../scripts/stack/ports.ts';
import { databaseUrl, startPostgres } from '../../../scripts/stack/postgres.ts';
import { locatePostgresBinaries } from '../../../scripts/stack/postgres-binaries.ts';
import { postgresUser } from '../../../scripts/stack/process-user.ts';
import { openStateDirectory } from '../../../scripts/stack/state-directory.ts';
import { createSupervisor } from '../../../scripts/stack/supervisor.ts';

/** A hot standby without a primary: it stays in recovery, and only answers reads. */
export interface StandbyDatabase {
  /** Role proxy_gateway. */
  gatewayDbUrl: string;
  stop(): Promise<void>;
}

/** Starts a standby on a copy of the tests' migrated cluster. */
export async function startStandby(): Promise<StandbyDatabase> {
  const user = postgresUser();
  const state = openStateDirectory({ ephemeral: true, user });
  const supervisor = await createSupervisor(state.processesFile, () => {});
  const { postgres: command } = await locatePostgresBinaries({
    user,
    copyTo: state.postgresBinaries,
  });
  copyTemplate(state.postgresData, user);
  writeFileSync(join(state.postgresData, 'standby.signal'), '');
  const port = await freePort();
  await startPostgres(supervisor, state, { command, port, user, durable: false });
  return {
    gatewayDbUrl: databaseUrl(localGatewayLogin, port),
    async stop() {
      await supervisor.stopAll();
      state.remove();
    },
  };
}
