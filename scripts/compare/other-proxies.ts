import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, loopback } from '../stack/ports.ts';
import { startProgram, type ThrowAwayProgram, takesConnections } from '../throw-away-program.ts';

/** Another forward proxy, from its Debian package. */
export interface OtherProxy {
  name: string;
  program: string;
  /** Its configuration, except port and folder; shown in the report. */
  settings: readonly string[];
  /** The rest of its configuration. */
  place(port: number, folder: string): string[];
  args(configFile: string): string[];
}

const asRoot = process.getuid?.() === 0;

export const squid: OtherProxy = {
  name: 'Squid',
  program: '/usr/sbin/squid',
  settings: [
    // accepts any user and password, as authentication is not compared
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
    // Squid allocates a table as large as the descriptor limit
    'max_filedescriptors 4096',
    ...(asRoot ? ['cache_effective_user proxy'] : []),
  ],
  // the service name separates its shared memory from another Squid's
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

/** The version of the Debian package; undefined if it is not installed. */
export function installedVersion({ program }: OtherProxy): string | undefined {
  const name = program.slice(program.lastIndexOf('/') + 1);
  try {
    const said = execFileSync('dpkg-query', ['--status', name], { stdio: 'pipe' }).toString();
    return /^Status: .* installed$/m.test(said) ? /^Version: (.+)$/m.exec(said)?.[1] : undefined;
  } catch {
    return undefined;
  }
}

/** Starts a proxy on a free port. */
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
