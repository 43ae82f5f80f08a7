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
 * Makes a cluster where it is missing. It is made beside its place and then renamed, so that one cut
 * short is never taken for a whole one.
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
      // the image's superuser is supabase_admin too: `postgres`, which runs migrations, is not one
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
      `initdb could not make a database in ${unfinished}.\n${initdb.lastWords()}`,
      'Correct what it names, then start again.',
    );
  }
  try {
    renameSync(unfinished, dataDirectory);
  } catch (cause) {
    throw new StackError(
      `${dataDirectory} holds something that is not a database.`,
      'Look at it, then remove it and start again.',
      { cause },
    );
  }
}

/**
 * Clears up after a Postgres that was killed: its lock names a pid, which may since be another
 * program's, and Postgres would then refuse to start.
 */
export async function clearStaleLock(dataDirectory: string): Promise<void> {
  const lock = join(dataDirectory, 'postmaster.pid');
  if (!existsSync(lock)) return;
  const pid = Number.parseInt(readFileSync(lock, 'utf8'), 10);
  if (commandLine(pid).includes(dataDirectory)) {
    // killed between starting it and taking note of it, a run leaves it like this
    const program = { name: 'Postgres', process: identify(pid), stopSignal: 'SIGINT' as const };
    await endPrograms([program]);
  }
  rmSync(lock, { force: true });
}
