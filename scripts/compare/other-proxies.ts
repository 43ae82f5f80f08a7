import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, loopback } from '../stack/ports.ts';
import { startProgram, type ThrowAwayProgram, takesConnections } from '../throw-away-program.ts';

/** A forward proxy of others, as its Debian package installs it. */
export interface OtherProxy {
  name: string;
  program: string;
  /** Its configuration, but for port and folder; shown in the report. */
  settings: readonly string[];
  /** The rest of it. */
  place(port: number, folder: string): string[];
  args(configFile: string): string[];
}

const asRoot = process.getuid?.() === 0;

export const squid: OtherProxy = {
  name: 'Squid',
  program: '/usr/sbin/squid',
  settings: [
    // takes any user and password, as they are not what is compared
    'auth_param basic program /usr/lib/squid/basic_fake_auth',
    'acl known proxy_auth REQUIRED',
    'http_access allow known',
    'http_access deny all',
    'cache deny all',
    'via off',
    'forwarded_for transparent',
    'http_upgrade_request_protocols websocket allow all',
    'server_persistent_connections off',
  ],
  place: (port, folder) => [
    `http_port ${loopback}:${port}`,
    `pid_filename ${join(folder, 'pid')}`,
    `cache_log ${join(folder, 'cache.log')}`,
    `coredump_dir ${folder}`,
    'access_log none',
    'netdb_filename none',
    'pinger_enable off',
    'shutdown_lifetime 0 seconds',
    'visible_hostname localhost',
    // it makes a table as large as the limit of descriptors
    'max_filedescriptors 4096',
    ...(asRoot ? ['cache_effective_user proxy'] : []),
  ],
  // the name of the service keeps its shared memory apart from that of another Squid
  args: (file) => ['-N', '-n', `compare${process.pid}`, '-f', file],
};

export const tinyproxy: OtherProxy = {
  name: 'tinyproxy',
  program: '/usr/bin/tinyproxy',
  settings: ['BasicAuth user password', 'DisableViaHeader Yes', 'MaxClients 100', 'Timeout 600'],
  place: (port) => [
    `Listen ${loopback}`,
    `Port ${port}`,
    `Allow ${loopback}`,
    'LogLevel Critical',
    ...(asRoot ? ['User nobody', 'Group nogroup'] : []),
  ],
  args: (file) => ['-d', '-c', file],
};

/** The version of the Debian package; undefined where it is not installed. */
export function installedVersion({ program }: OtherProxy): string | undefined {
  const name = program.slice(program.lastIndexOf('/') + 1);
  try {
    const said = execFileSync('dpkg-query', ['--status', name], { stdio: 'pipe' }).toString();
    return /^Status: .* installed$/m.test(said) ? /^Version: (.+)$/m.exec(said)?.[1] : undefined;
  } catch {
    return undefined;
  }
}

/** Starts it on a free port. */
export async function startOtherProxy(
  proxy: OtherProxy,
): Promise<ThrowAwayProgram & { port: number }> {
  const port = await freePort();
  const program = await startProgram({
    name: proxy.name,
    command: proxy.program,
    args(folder) {
      const configFile = join(folder, 'config');
      writeFileSync(configFile, [...proxy.settings, ...proxy.place(port, folder), ''].join('\n'));
      return proxy.args(configFile);
    },
    ready: () => takesConnections(port),
  });
  return { ...program, port };
}
