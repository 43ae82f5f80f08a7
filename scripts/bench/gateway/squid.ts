import { createHash, randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, loopback } from '../../stack/ports.ts';
import { postgresUser } from '../../stack/process-user.ts';
import { type Program, startProgram } from './measured-process.ts';
import { takesConnections, untilReady } from './proxy-process.ts';

// where Debian puts it, and the helper that checks a password against a file
const squid = '/usr/sbin/squid';
const passwordHelper = '/usr/lib/squid/basic_ncsa_auth';

/** Whether there is a Squid to compare with. */
export const haveSquid = existsSync(squid) && existsSync(passwordHelper);

/** A Squid, and a user that it knows. */
export interface SquidProcess extends Program {
  port: number;
  /** `name:password`. */
  pair: string;
}

/** Squid with one worker and basic authentication from a file, that caches and logs nothing. */
export async function startSquid(): Promise<SquidProcess> {
  const port = await freePort();
  const password = randomBytes(32).toString('hex');
  // as root it would become a user that cannot read its folder
  const program = startProgram(
    squid,
    (folder) => writeFiles(folder, port, password),
    postgresUser(),
  );
  await untilReady(program, () => takesConnections(port));
  return { ...program, port, pair: `bench:${password}` };
}

/** Writes what Squid reads into its folder, and returns its arguments. */
function writeFiles(folder: string, port: number, password: string): string[] {
  const users = join(folder, 'users');
  const configuration = join(folder, 'squid.conf');
  // the fastest hash that the helper knows: Squid asks it once
  writeFileSync(users, `bench:${createHash('md5').update(password).digest('hex')}\n`);
  writeFileSync(
    configuration,
    `http_port ${loopback}:${port}
auth_param basic program ${passwordHelper} ${users}
auth_param basic credentialsttl 2 hours
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
cache deny all
access_log none
cache_log ${join(folder, 'cache.log')}
netdb_filename none
coredump_dir none
pid_filename none
pinger_enable off
shutdown_lifetime 0 seconds
`,
  );
  return ['-N', '-f', configuration];
}
