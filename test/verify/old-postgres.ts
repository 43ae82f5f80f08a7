import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { vi } from 'vitest';
import { freePort, loopback } from '../../scripts/stack/ports.ts';
import { postgresUser } from '../../scripts/stack/process-user.ts';

// where Debian installs it
const folder = ['16', '15', '14']
  .map((version) => `/usr/lib/postgresql/${version}/bin`)
  .find((path) => existsSync(join(path, 'initdb')));

/** Whether to skip tests of Postgres before 17: none installed, `REQUIRE_OLD_POSTGRES` not set. */
export const withoutOldPostgres = folder === undefined && !process.env.REQUIRE_OLD_POSTGRES;

/** Starts an empty Postgres older than 17, with role postgres. */
export async function startOldPostgres(): Promise<{ url: string; stop(): Promise<void> }> {
  if (folder === undefined) throw new Error('no Postgres before 17 is installed');
  const user = postgresUser();
  const home = mkdtempSync(join(tmpdir(), 'old-postgres-'));
  const passwordFile = join(home, 'password');
  writeFileSync(passwordFile, 'postgres\n');
  if (user) for (const path of [home, passwordFile]) chownSync(path, user.uid, user.gid);
  const data = join(home, 'data');
  const made = spawnSync(
    join(folder, 'initdb'),
    ['-D', data, '-U', 'postgres', `--pwfile=${passwordFile}`, '-A', 'scram-sha-256', '-N'],
    { ...user, cwd: home, encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  const port = await freePort();
  const options = ['-D', data, '-p', String(port), '-h', loopback, '-k', '', '-F'];
  const child = spawn(join(folder, 'postgres'), options, { ...user, cwd: home, stdio: 'ignore' });
  const exited = once(child, 'exit');
  const url = `postgresql://postgres:postgres@${loopback}:${port}/postgres`;
  const sql = postgres(url, { max: 1 });
  await vi.waitFor(() => sql`select`, { timeout: 60_000 });
  await sql.end();
  return {
    url,
    async stop() {
      child.kill('SIGINT');
      await exited;
      rmSync(home, { recursive: true, force: true });
    },
  };
}
