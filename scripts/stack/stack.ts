import { join } from 'node:path';
import postgres from 'postgres';
import { startApiGateway } from './api-gateway.ts';
import { createAuthApp } from './auth/app.ts';
import { bootstrapDatabase, openGatewayLogin } from './database.ts';
import { type FunctionSource, startFunction } from './functions.ts';
import { applyMigrations } from './migrations.ts';
import { freePort, loopback, requireFreePort } from './ports.ts';
import { databaseUrl, startPostgres } from './postgres.ts';
import { locatePostgresBinaries } from './postgres-binaries.ts';
import { startPostgrest } from './postgrest.ts';
import { postgresUser } from './process-user.ts';
import { type ProjectConfig, readProjectConfig } from './project-config.ts';
import { projectRoot } from './project-root.ts';
import { createRoleTokens } from './role-tokens.ts';
import { loadStackKeys, type StackKeys } from './stack-keys.ts';
import { openStateDirectory, type StateDirectory } from './state-directory.ts';
import { createSupervisor, type Supervisor } from './supervisor.ts';

/** A running stack: where its parts answer, and how to end it. */
export interface Stack {
  /** The project's URL, as supabase-js wants it. */
  url: string;
  restUrl: string;
  /** Role `postgres`, which owns the schema. */
  dbUrl: string;
  /** Role `proxy_gateway`, which may call the data plane's functions and nothing else. */
  gatewayDbUrl: string;
  publishableKey: string;
  secretKey: string;
  /** The folder with one log file a part. */
  logs: string;
  /** The file with the stack's keys, the private signing key among them. */
  keysFile: string;
  /** Settles with a part's name when it ends though nobody asked it to. */
  failed: Promise<string>;
  /** Ends every part, and removes the data of an ephemeral stack. */
  stop(): Promise<void>;
}

export interface StackOptions {
  /** Free ports and throw-away data, instead of the ports of config.toml and kept data. */
  ephemeral: boolean;
  /** Ephemeral data, yet written to disk as kept data are: for measuring. */
  durable?: boolean;
  /** An ephemeral stack's folder, left in place for a next start; its caller removes it. */
  folder?: string;
  /** Told of each step as it is done. */
  report?: (step: string) => void;
  /** Edge Functions to serve beside those of config.toml. */
  extraFunctions?: FunctionSource[];
}

/** What each part needs to know of the run it is in. */
interface Run {
  config: ProjectConfig;
  state: StateDirectory;
  keys: StackKeys;
  supervisor: Supervisor;
  report: (step: string) => void;
  ports: { api: number; database: number };
  url: string;
  /** Things to close before the programs are ended, in the order they were opened. */
  closers: (() => Promise<unknown>)[];
}

/** Starts the whole stack: Postgres, migrations, PostgREST, functions, Auth, API gateway. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { ephemeral, durable = !ephemeral, folder, report = () => {} } = options;
  const user = postgresUser();
  const state = openStateDirectory({ ephemeral, folder, user });
  const supervisor = await createSupervisor(state.processesFile, report);
  const closers: Run['closers'] = [];
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= (async () => {
      for (const close of closers.toReversed()) await close();
      await supervisor.stopAll();
      if (ephemeral && folder === undefined) state.remove();
    })();
    return stopped;
  };

  try {
    const config = readProjectConfig();
    const ports = ephemeral
      ? { api: await freePort(), database: await freePort() }
      : {
          api: await requireFreePort(config.api.port, 'the API gateway'),
          database: await requireFreePort(config.db.port, 'Postgres'),
        };
    const keys = await loadStackKeys(state.keysFile);
    const url = `http://${loopback}:${ports.api}`;
    const run: Run = { config, state, keys, supervisor, report, ports, url, closers };

    await startPostgres(supervisor, {
      binaries: await locatePostgresBinaries({ user, copyTo: state.postgresBinaries }),
      dataDirectory: state.postgresData,
      logFile: join(state.logs, 'postgres.log'),
      port: ports.database,
      user,
      durable,
    });
    report('Postgres 17');
    await prepareDatabase(run);
    const [postgrestPort, functionPorts] = await Promise.all([
      startRest(run),
      startFunctions(run, options.extraFunctions ?? []),
    ]);
    await openFront(run, postgrestPort, functionPorts);

    return {
      url,
      restUrl: `${url}/rest/v1`,
      dbUrl: databaseUrl('postgres', ports.database),
      gatewayDbUrl: databaseUrl('proxy_gateway', ports.database),
      publishableKey: keys.publishableKey,
      secretKey: keys.secretKey,
      logs: state.logs,
      keysFile: state.keysFile,
      failed: supervisor.failed,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function prepareDatabase({ ports, report }: Run): Promise<void> {
  await bootstrapDatabase(ports.database);
  const applied = await applyMigrations(ports.database);
  await openGatewayLogin(ports.database);
  report(applied > 0 ? `${applied} migrations and the seed` : 'migrations: none pending');
}

async function startRest(run: Run): Promise<number> {
  const port = await freePort();
  await startPostgrest(run.supervisor, {
    port,
    adminPort: await freePort(),
    databasePort: run.ports.database,
    schemas: run.config.api.schemas,
    extraSearchPath: run.config.api.extra_search_path,
    maxRows: run.config.api.max_rows,
    signingKey: run.keys.signingKey,
    logFile: join(run.state.logs, 'postgrest.log'),
  });
  run.report('PostgREST');
  return port;
}

async function startFunctions(run: Run, extra: FunctionSource[]): Promise<Record<string, number>> {
  const configured = Object.entries(run.config.functions).map(([name, { entrypoint }]) => ({
    name,
    entrypoint: join(projectRoot, 'supabase', entrypoint),
  }));
  const environment = {
    SUPABASE_URL: run.url,
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: run.keys.publishableKey }),
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: run.keys.secretKey }),
    SUPABASE_JWKS: JSON.stringify({ keys: [run.keys.signingKey.publicJwk] }),
  };
  const started = [...configured, ...extra].map(async (source): Promise<[string, number]> => {
    const port = await freePort();
    await startFunction(run.supervisor, {
      source,
      port,
      environment,
      logFile: join(run.state.logs, `function-${source.name}.log`),
      denoDirectory: join(run.state.root, 'deno'),
    });
    run.report(`function ${source.name}`);
    return [source.name, port];
  });
  return Object.fromEntries(await Promise.all(started));
}

async function openFront(
  run: Run,
  postgrestPort: number,
  functionPorts: Record<string, number>,
): Promise<void> {
  const sql = postgres(databaseUrl('supabase_auth_admin', run.ports.database), {
    max: 5,
    onnotice: () => {},
  });
  run.closers.push(() => sql.end({ timeout: 2 }));
  const { signingKey, publishableKey, secretKey } = run.keys;
  const auth = createAuthApp({ sql, signingKey, issuer: `${run.url}/auth/v1` });
  const close = await startApiGateway({
    port: run.ports.api,
    upstreams: { auth, postgrestPort, functionPorts },
    keys: { publishableKey, secretKey, roleToken: createRoleTokens(signingKey) },
  });
  run.closers.push(close);
  run.report('Auth and the API gateway');
}
