import { join } from 'node:path';
import postgres from 'postgres';
import { waitUntilReady } from './child-process.ts';
import { loopback } from './ports.ts';
import type { ProcessUser } from './process-user.ts';
import type { StateDirectory } from './state-directory.ts';
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
  { postgresData, logs }: StateDirectory,
  options: {
    /** The program's path. */
    command: string;
    port: number;
    user: ProcessUser | null;
    /** False trades the safety of data that are thrown away anyway for speed. */
    durable: boolean;
    /** Variables of its environment, for tests. */
    env?: Record<string, string>;
  },
): Promise<void> {
  const { command, port, user, durable, env = {} } = options;
  const settings = {
    listen_addresses: loopback,
    port: String(port),
    // TCP alone: a socket file's path must be short, and a checkout's need not be
    unix_socket_directories: '',
    timezone: 'UTC',
    log_timezone: 'UTC',
    max_connections: '100',
    shared_buffers: '128MB',
    wal_level: 'logical',
    ...(durable ? {} : { fsync: 'off' }),
  };
  const child = supervisor.start({
    name: 'Postgres',
    command,
    args: [
      '-D',
      postgresData,
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    env,
    cwd: postgresData,
    logFile: join(logs, 'postgres.log'),
    user,
    // a fast shutdown: open connections are closed, not waited for
    stopSignal: 'SIGINT',
  });
  const sql = postgres(databaseUrl('supabase_admin', port), {
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
