import { join } from 'node:path';
import { waitUntilReady } from './child-process.ts';
import { freePort, loopback } from './ports.ts';
import { databaseUrl } from './postgres.ts';
import { locatePostgrest } from './programs.ts';
import type { Run } from './run.ts';

/** Starts PostgREST on a free port, and returns the port once PostgREST has read the schema. */
export async function startPostgrest(run: Run, databasePort: number): Promise<number> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const { schemas, extra_search_path: searchPath, max_rows: maxRows } = run.config.api;
  const child = run.supervisor.start({
    name: 'PostgREST',
    command: locatePostgrest(),
    args: [],
    env: {
      PGRST_SERVER_HOST: loopback,
      PGRST_SERVER_PORT: String(port),
      PGRST_ADMIN_SERVER_PORT: String(adminPort),
      PGRST_DB_URI: databaseUrl('authenticator', databasePort),
      PGRST_DB_SCHEMAS: schemas.join(','),
      PGRST_DB_EXTRA_SEARCH_PATH: searchPath.join(','),
      PGRST_DB_ANON_ROLE: 'anon',
      PGRST_DB_MAX_ROWS: String(maxRows),
      PGRST_DB_POOL: '20',
      PGRST_DB_POOL_ACQUISITION_TIMEOUT: '30',
      // as on the platform: checking a token's signature takes longer than most queries
      PGRST_JWT_CACHE_MAX_LIFETIME: '3600',
      // its name since 14
      PGRST_JWT_CACHE_MAX_ENTRIES: '1000',
      PGRST_JWT_SECRET: JSON.stringify(run.keys.jwks),
      PGRST_LOG_LEVEL: 'error',
    },
    logFile: join(run.state.logs, 'postgrest.log'),
  });
  await waitUntilReady(child, async () => {
    const response = await fetch(`http://${loopback}:${adminPort}/ready`);
    return response.ok;
  });
  run.report('PostgREST');
  return port;
}
