import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { localPassword } from './postgres.ts';
import { commandLine, identify } from './process-identity.ts';
import type { ProcessUser } from './process-user.ts';
import { endPrograms } from './run-record.ts';
import { StackError } from './stack-error.ts';
import type { StateDirectory } from './state-directory.ts';
import type { Supervisor } from './supervisor.ts';

/**
 * Creates the cluster if it is missing. It is created under another name and then renamed, so that an
 * interrupted creation is never mistaken for a complete cluster.
 */
export async function createCluster(
  supervisor: Supervisor,
  { postgresData: dataDirectory, logs }: StateDirectory,
  { initdb: command, user }: { initdb: string; user: ProcessUser | null },
): Promise<void> {
  if (existsSync(join(dataDirectory, 'PG_VERSION'))) return;
  const unfinished = `${dataDirectory}.unfinished`;
  const passwordFile = `${dataDirectory}.password`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { mode: 0o700 });
  writeFileSync(passwordFile, `${localPassword}\n`, { mode: 0o600 });
  if (user) for (const path of [unfinished, passwordFile]) chownSync(path, user.uid, user.gid);
  const initdb = await supervisor.run({
    name: 'initdb',
    command,
    args: [
      `--pgdata=${unfinished}`,
      // as in Supabase's image: `postgres`, which runs migrations, is not a superuser
      '--username=supabase_admin',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--locale=C.UTF-8',
      '--no-sync',
      '--no-instructions',
    ],
    env: {},
    cwd: unfinished,
    logFile: join(logs, 'initdb.log'),
    user,
  });
  rmSync(passwordFile, { force: true });
  if (initdb.exitCode() !== 0) {
    throw new StackError(
      `initdb could not create a database in ${unfinished}.\n${initdb.lastWords()}`,
      'Fix the error above, then start again.',
    );
  }
  try {
    renameSync(unfinished, dataDirectory);
  } catch (cause) {
    throw new StackError(
      `${dataDirectory} contains something other than a database.`,
      'Check its contents, then remove it and start again.',
      { cause },
    );
  }
}

/**
 * Cleans up after a killed Postgres: its lock file names a pid that another program may have by now,
 * and Postgres would then refuse to start.
 */
export async function clearStaleLock(dataDirectory: string): Promise<void> {
  const lock = join(dataDirectory, 'postmaster.pid');
  if (!existsSync(lock)) return;
  const pid = Number.parseInt(readFileSync(lock, 'utf8'), 10);
  if (commandLine(pid).includes(dataDirectory)) {
    // a run that was killed after it started Postgres and before it recorded it
    const program = { name: 'Postgres', process: identify(pid), stopSignal: 'SIGINT' as const };
    await endPrograms([program]);
  }
  rmSync(lock, { force: true });
}
