import { dirname, join } from 'node:path';
import type { Hono } from 'hono';
import postgres from 'postgres';
import { clearAbandonedStacks } from './abandoned-stacks.ts';
import { startApiGateway } from './api-gateway.ts';
import { createAuthApp } from './auth/app.ts';
import type { Child } from './child-process.ts';
import { createDashboard } from './dashboard.ts';
import { prepareDashboardBuild } from './dashboard-build.ts';
import { localGatewayLogin } from './database.ts';
import { startDeliveryClock } from './delivery-clock.ts';
import { makeDemoAccounts } from './demo-accounts.ts';
import { type FunctionSource, startFunctions } from './functions.ts';
import { requireGatewayPorts, startGateway } from './gateway.ts';
import { loopback } from './ports.ts';
import { databaseUrl } from './postgres.ts';
import { startPostgrest } from './postgrest.ts';
import { postgresUser } from './process-user.ts';
import { locateAuth, requirePrograms } from './programs.ts';
import { readProjectConfig } from './project-config.ts';
import { createRoleTokens } from './role-tokens.ts';
import type { Run } from './run.ts';
import { loadStackKeys } from './stack-keys.ts';
import { startDatabase } from './start-database.ts';
import { openStateDirectory } from './state-directory.ts';
import { startAuth } from './supabase-auth.ts';
import { createSupervisor } from './supervisor.ts';

/** A running stack: the addresses of its parts, and how to stop it. */
export interface Stack {
  /** The project's URL, for supabase-js. */
  url: string;
  restUrl: string;
  /** Role `postgres`, which owns the schema. */
  dbUrl: string;
  /** A gateway's login, in group `proxy_gateway`, which may only call the data plane's functions. */
  gatewayDbUrl: string;
  /** The CONNECT gateway, for `keyId:secret`. */
  gatewayUrl: string;
  /** Its `/healthz`, `/readyz` and `/metrics`. */
  gatewayMetricsUrl: string;
  publishableKey: string;
  secretKey: string;
  /** The folder with one log file per part. */
  logs: string;
  /** The file with the stack's keys, including the private signing key. */
  keysFile: string;
  /** Resolves to a part that exits unexpectedly. */
  failed: Promise<EndedPart>;
  /** Stops every part, and removes the data of an ephemeral stack. */
  stop(): Promise<void>;
}

/** A part that has exited, and its log. */
export type EndedPart = Pick<Child, 'name' | 'logFile' | 'lastWords'>;

export interface StackOptions {
  /** Uses free ports and temporary data instead of config.toml's ports and kept data. */
  ephemeral: boolean;
  /** Writes ephemeral data to disk as durably as kept data, for benchmarks. */
  durable?: boolean;
  /** An ephemeral stack's folder, kept for the next start; the caller removes it. */
  folder?: string;
  /** Aborts the start: everything that was started is stopped, and the signal's reason is thrown. */
  signal?: AbortSignal;
  /** Called after each step. */
  report?: (step: string) => void;
  /** False skips the dashboard and its build. Default: true. */
  dashboard?: boolean;
  /** Edge Functions to serve in addition to those of config.toml. */
  extraFunctions?: FunctionSource[];
  /** Environment variables of the functions, like a project's secrets. */
  functionEnvironment?: Record<string, string>;
}

/**
 * Starts the whole stack: API, Postgres, migrations, demo accounts, PostgREST, functions, Auth, CONNECT
 * gateway, dashboard.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { ephemeral, durable = !ephemeral, folder, signal, report = () => {} } = options;
  signal?.throwIfAborted();
  requirePrograms();
  const config = readProjectConfig();
  const state = openStateDirectory({ ephemeral, folder, user: postgresUser() });
  const temporary = ephemeral && folder === undefined;

  // what a stop undoes, in reverse order
  const undo = new AsyncDisposableStack();
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= undo.disposeAsync();
    return stopped;
  };
  if (temporary) undo.defer(() => state.remove());
  // steps that run concurrently: none may write into the folder after it is removed
  const underWay: Promise<unknown>[] = [];
  undo.defer(async () => void (await Promise.allSettled(underWay)));

  try {
    if (temporary) await clearAbandonedStacks(dirname(state.root), report);
    const supervisor = await createSupervisor(state.processesFile, report);
    undo.defer(() => supervisor.stopAll());
    // makes whatever the start is waiting for fail at once, and prevents further programs from starting
    const cutShort = () => void supervisor.stopAll().catch(() => {});
    signal?.addEventListener('abort', cutShort);
    undo.defer(() => signal?.removeEventListener('abort', cutShort));

    const keys = await loadStackKeys(state.keysFile);
    // first, to claim its port: another start fails on the port before it touches our data
    const api = await startApiGateway({
      port: ephemeral ? 0 : config.api.port,
      keys: { ...keys, roleToken: createRoleTokens(keys.signingKey) },
    });
    undo.defer(() => api.close());
    const url = `http://${loopback}:${api.port}`;
    const run: Run = { ephemeral, config, state, keys, supervisor, report, url };

    if (!ephemeral) await requireGatewayPorts();
    const starting = startParts(run, {
      durable,
      extraFunctions: options.extraFunctions ?? [],
      functionEnvironment: options.functionEnvironment ?? {},
    });
    const building = options.dashboard === false ? null : buildPage(run);
    underWay.push(starting, Promise.resolve(building));
    const [parts, page] = await Promise.all([starting, building]);
    const { databasePort, gateway, authPort, ...upstreams } = parts;
    const auth = authPort ?? createLocalAuth(run, databasePort, undo);
    const configuration = { publishableKey: keys.publishableKey, gatewayUrl: gateway.gatewayUrl };
    api.open({
      auth,
      ...upstreams,
      ...(page === null ? {} : { dashboard: await createDashboard(page, configuration) }),
    });
    const clock = startDeliveryClock({ databasePort, url, secretKey: keys.secretKey });
    undo.defer(() => clock.stop());
    signal?.throwIfAborted();
    report('Auth and the API gateway');

    return {
      url,
      restUrl: `${url}/rest/v1`,
      dbUrl: databaseUrl('postgres', databasePort),
      gatewayDbUrl: databaseUrl(localGatewayLogin, databasePort),
      ...gateway,
      publishableKey: keys.publishableKey,
      secretKey: keys.secretKey,
      logs: state.logs,
      keysFile: state.keysFile,
      failed: supervisor.failed,
      stop,
    };
  } catch (error) {
    // set before the stop, which closes connections: their errors are not why the start failed
    const reason = signal?.aborted ? signal.reason : error;
    await stop();
    throw reason;
  }
}

/** The parts behind the API gateway. */
interface Parts {
  databasePort: number;
  postgrestPort: number;
  functionPorts: Record<string, number>;
  /** Null if the local replacement for Supabase Auth runs, in this process. */
  authPort: number | null;
  gateway: Pick<Stack, 'gatewayUrl' | 'gatewayMetricsUrl'>;
}

/** Starts the database, then the parts that need it. */
async function startParts(
  run: Run,
  {
    durable,
    extraFunctions,
    functionEnvironment,
  }: Required<Pick<StackOptions, 'durable' | 'extraFunctions' | 'functionEnvironment'>>,
): Promise<Parts> {
  const { supervisor, state, report } = run;
  const databasePort = await startDatabase({
    supervisor,
    state,
    ...(run.ephemeral ? {} : { port: run.config.db.port }),
    durable,
    report,
  });
  if (await makeDemoAccounts(databasePort)) report('demo accounts: created');
  const authBinary = locateAuth();
  const [postgrestPort, authPort, functionPorts, gateway] = await Promise.all([
    startPostgrest(run, databasePort),
    authBinary === null ? null : startAuth(authBinary, run, databasePort),
    startFunctions(run, extraFunctions, functionEnvironment),
    startGateway(run, databasePort),
  ]);
  return { databasePort, postgrestPort, authPort, functionPorts, gateway };
}

/** Creates the local replacement for Supabase Auth. */
function createLocalAuth(run: Run, databasePort: number, undo: AsyncDisposableStack): Hono {
  const sql = postgres(databaseUrl('supabase_auth_admin', databasePort), {
    max: 5,
    onnotice: () => {},
    // temporary passwords need no protection from guessing, which would cost tests minutes
    ...(run.ephemeral ? { connection: { 'auth.bcrypt_cost': '4' } } : {}),
  });
  undo.defer(() => sql.end({ timeout: 2 }));
  const { signingKey, jwks } = run.keys;
  const securePasswordChange = run.config.auth.email.secure_password_change;
  return createAuthApp({
    sql,
    signingKey,
    jwks,
    issuer: `${run.url}/auth/v1`,
    securePasswordChange,
  });
}

/** Returns the dashboard's folder, and builds it if necessary while the database starts. */
async function buildPage({ supervisor, state, report }: Run): Promise<string> {
  const origin = await prepareDashboardBuild({
    folder: state.dashboardBuild,
    supervisor,
    logFile: join(state.logs, 'dashboard-build.log'),
  });
  report(`dashboard: ${origin}`);
  return state.dashboardBuild;
}
