import postgres from 'postgres';
import { waitUntilReady } from './child-process.ts';
import { loopback } from './ports.ts';
import type { ProcessUser } from './process-user.ts';
import type { Supervisor } from './supervisor.ts';

/** The roles of the local database that log in, with the passwords `supabase start` gives them. */
export const localPassword = 'postgres';

/** A connection string to the local database. */
export function databaseUrl(role: string, port: number): string {
  return `postgresql://${role}:${localPassword}@${loopback}:${port}/postgres`;
}

/** Starts Postgres on the loopback address, on a cluster that is there. */
export async function startPostgres(
  supervisor: Supervisor,
  options: {
    /** The program's path. */
    postgres: string;
    dataDirectory: string;
    logFile: string;
    port: number;
    user: ProcessUser | null;
    /** False trades the safety of data that are thrown away anyway for speed. */
    durable: boolean;
  },
): Promise<void> {
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
    command: options.postgres,
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
