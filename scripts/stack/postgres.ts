import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { waitUntilReady } from './child-process.ts';
import { loopback } from './ports.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import type { ProcessUser } from './process-user.ts';
import { StackError } from './stack-error.ts';
import type { Supervisor } from './supervisor.ts';

/** The roles of the local database that log in, with the passwords `supabase start` gives them. */
export const localPassword = 'postgres';

/** A connection string to the local database. */
export function databaseUrl(role: string, port: number): string {
  return `postgresql://${role}:${localPassword}@${loopback}:${port}/postgres`;
}

/** Starts Postgres on the loopback address, in a new cluster where the data folder is empty. */
export async function startPostgres(
  supervisor: Supervisor,
  options: {
    binaries: PostgresBinaries;
    dataDirectory: string;
    logFile: string;
    port: number;
    user: ProcessUser | null;
    /** False trades the safety of data that are thrown away anyway for speed. */
    durable: boolean;
  },
): Promise<void> {
  if (!existsSync(join(options.dataDirectory, 'PG_VERSION'))) {
    await initialise(options.binaries.initdb, options.dataDirectory, options.user);
  }
  const settings = {
    listen_addresses: loopback,
    port: String(options.port),
    // TCP alone: a socket file's path must be short, and a checkout's need not be
    unix_socket_directories: '',
    timezone: 'UTC',
    log_timezone: 'UTC',
    max_connections: '100',
    shared_buffers: '128MB',
    wal_level: 'logical',
    ...(options.durable ? {} : { fsync: 'off' }),
  };
  const child = supervisor.start({
    name: 'Postgres',
    command: options.binaries.postgres,
    args: [
      '-D',
      options.dataDirectory,
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    env: {},
    cwd: options.dataDirectory,
    logFile: options.logFile,
    user: options.user,
    // a fast shutdown: open connections are closed, not waited for
    stopSignal: 'SIGINT',
  });
  const sql = postgres(databaseUrl('supabase_admin', options.port), {
    max: 1,
    connect_timeout: 2,
    backoff: false,
    onnotice: () => {},
  });
  try {
    await waitUntilReady(child, async () => {
      await sql`select 1`;
      return true;
    });
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function initialise(
  initdb: string,
  dataDirectory: string,
  user: ProcessUser | null,
): Promise<void> {
  const passwordFile = `${dataDirectory}.password`;
  writeFileSync(passwordFile, `${localPassword}\n`, { mode: 0o644 });
  // the image's superuser is supabase_admin too: `postgres`, which runs migrations, is not one
  const child = spawn(
    initdb,
    [
      `--pgdata=${dataDirectory}`,
      '--username=supabase_admin',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--locale=C.UTF-8',
      '--no-sync',
      '--no-instructions',
    ],
    {
      cwd: dataDirectory,
      env: { PATH: process.env.PATH ?? '', TZ: 'UTC' },
      stdio: ['ignore', 'ignore', 'pipe'],
      ...(user ?? {}),
    },
  );
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  rmSync(passwordFile);
  if (code === 0) return;
  throw new StackError(
    `initdb could not make a database in ${dataDirectory}.\n${words.trimEnd()}`,
    'Mend what it names, or remove the folder and start again.',
  );
}
