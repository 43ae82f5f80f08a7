import { join } from 'node:path';
import postgres from 'postgres';
import { waitUntilReady } from './child-process.ts';
import { loopback } from './ports.ts';
import type { ProcessUser } from './process-user.ts';
import type { StateDirectory } from './state-directory.ts';
import type { Supervisor } from './supervisor.ts';

/** The password of all login roles of the local database, as `supabase start` sets it. */
export const localPassword = 'postgres';

/** A connection string to the local database. */
export function databaseUrl(role: string, port: number): string {
  return `postgresql://${role}:${localPassword}@${loopback}:${port}/postgres`;
}

/** Starts Postgres on the loopback address with an existing cluster. */
export async function startPostgres(
  supervisor: Supervisor,
  { postgresData, logs }: StateDirectory,
  options: {
    /** The program's path. */
    command: string;
    port: number;
    user: ProcessUser | null;
    /** False trades durability for speed, for temporary data. */
    durable: boolean;
    /** Environment variables, for tests. */
    env?: Record<string, string>;
  },
): Promise<void> {
  const { command, port, user, durable, env = {} } = options;
  const settings = {
    listen_addresses: loopback,
    port: String(port),
    // TCP only: a socket file's path must be short, and a checkout's path may be long
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
    // a fast shutdown, which closes open connections rather than waiting for them
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
