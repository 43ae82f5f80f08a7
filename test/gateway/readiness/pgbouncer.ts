import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, loopback } from '../../../scripts/stack/ports.ts';
import { postgresUser } from '../../../scripts/stack/process-user.ts';
import { isOnPath } from '../clients/client.ts';

// Debian installs it outside the PATH of users
const installed = isOnPath('pgbouncer');

/** Whether to skip tests of a pool: no pgbouncer on the PATH, and `REQUIRE_PGBOUNCER` not set. */
export const withoutPgBouncer = !installed && !process.env.REQUIRE_PGBOUNCER;

/** A PgBouncer for one test. */
export interface PgBouncer {
  /** The database's URL, through the pool. */
  url: string;
  stop(): Promise<void>;
}

/** Starts a pool in front of the database at `databaseUrl`, with its login. */
export async function startPgBouncer(
  databaseUrl: string,
  mode: 'transaction' | 'session',
): Promise<PgBouncer> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'pgbouncer-'));
  chmodSync(folder, 0o755);
  const { hostname, port: databasePort, username, password, pathname } = new URL(databaseUrl);
  const name = pathname.slice(1);
  const settings = [
    '[databases]',
    `${name} = host=${hostname} port=${databasePort} user=${username} password=${password}`,
    '[pgbouncer]',
    `listen_addr = ${loopback}`,
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    `pool_mode = ${mode}`,
    'default_pool_size = 20',
  ];
  const file = join(folder, 'pgbouncer.ini');
  writeFileSync(file, `${settings.join('\n')}\n`);
  // it refuses to run as root
  const child = spawn('pgbouncer', ['-q', file], { stdio: 'ignore', ...postgresUser() });
  await once(child, 'spawn');
  const exited = once(child, 'exit');
  while (!(await isOpen(port))) {
    if (child.exitCode !== null) throw new Error('pgbouncer ended');
    await sleep(20);
  }
  const url = new URL(databaseUrl);
  url.port = String(port);
  return {
    url: url.href,
    async stop() {
      child.kill('SIGKILL');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, loopback);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
