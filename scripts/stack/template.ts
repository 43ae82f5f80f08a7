import {
  chmodSync,
  cpSync,
  existsSync,
  lchownSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { shareDashboardBuild } from './dashboard-build.ts';
import { makeDemoAccounts } from './demo-accounts.ts';
import { type ProcessUser, postgresUser } from './process-user.ts';
import { startDatabase } from './start-database.ts';
import { openStateDirectory } from './state-directory.ts';
import { createSupervisor } from './supervisor.ts';

/** Names the folder of a template, for those who start many stacks: tests. */
const variable = 'STACK_TEMPLATE';

/**
 * Makes a migrated cluster with the demo accounts, and a build of the dashboard, in `folder`. From
 * then on, new stacks of this process and its children begin with copies, which take a tenth of the
 * time.
 */
export async function makeTemplate(folder: string): Promise<void> {
  delete process.env[variable];
  const state = openStateDirectory({ ephemeral: true, folder, user: postgresUser() });
  const supervisor = await createSupervisor(state.processesFile, () => {});
  try {
    const build = {
      folder: state.dashboardBuild,
      logFile: join(state.logs, 'dashboard-build.log'),
    };
    const [port] = await Promise.all([
      startDatabase({ supervisor, state, durable: false, report: () => {} }),
      shareDashboardBuild({ ...build, supervisor }),
    ]);
    await makeDemoAccounts(port);
  } finally {
    await supervisor.stopAll();
  }
  process.env[variable] = state.postgresData;
}

/** Begins a cluster as a copy of the template, where there is one and the cluster is not there yet. */
export function copyTemplate(dataDirectory: string, user: ProcessUser | null): void {
  const template = process.env[variable];
  if (!template || existsSync(join(dataDirectory, 'PG_VERSION'))) return;
  const unfinished = `${dataDirectory}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  cpSync(template, unfinished, { recursive: true });
  chmodSync(unfinished, 0o700);
  if (user) {
    for (const name of ['', ...readdirSync(unfinished, { recursive: true, encoding: 'utf8' })]) {
      lchownSync(join(unfinished, name), user.uid, user.gid);
    }
  }
  renameSync(unfinished, dataDirectory);
}
