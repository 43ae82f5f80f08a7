import { join } from 'node:path';
import type { JSONWebKeySet } from 'jose';
import { type ChildOptions, waitUntilReady } from './child-process.ts';
import { freePort, loopback } from './ports.ts';
import { locateDeno } from './programs.ts';
import { projectRoot } from './project-root.ts';
import type { Run } from './run.ts';

/** An Edge Function. Its name is the first part of the paths that it serves. */
export interface FunctionSource {
  name: string;
  entrypoint: string;
}

/**
 * Starts the functions of config.toml and the `extra` ones, with `environment` in addition to the platform's
 * variables. Returns the port of each, by name.
 */
export async function startFunctions(
  run: Run,
  extra: FunctionSource[],
  environment: Record<string, string> = {},
): Promise<Record<string, number>> {
  const configured = Object.entries(run.config.functions).map(([name, { entrypoint }]) => ({
    name,
    entrypoint: join(projectRoot, 'supabase', entrypoint),
  }));
  const started = [...configured, ...extra].map(
    async (source): Promise<[string, number]> => [
      source.name,
      await startFunction(run, source, environment),
    ],
  );
  return Object.fromEntries(await Promise.all(started));
}

/** What the platform provides to a function. */
export interface FunctionSurroundings {
  /** The project's URL. */
  url: string;
  publishableKey: string;
  secretKey: string;
  jwks: JSONWebKeySet;
  /** Deno's compile cache. */
  cacheFolder: string;
}

/** The command that runs a function in Deno, with only the permissions that it needs. */
export function functionProgram(
  entrypoint: string,
  port: number,
  { url, publishableKey, secretKey, jwks, cacheFolder }: FunctionSurroundings,
): Pick<ChildOptions, 'command' | 'args' | 'env'> {
  return {
    command: locateDeno(),
    args: [
      'serve',
      '--quiet',
      `--host=${loopback}`,
      `--port=${port}`,
      // uses the packages that `npm ci` installed: nothing is downloaded at start
      '--node-modules-dir=manual',
      '--cached-only',
      '--no-lock',
      '--allow-env',
      `--allow-net=${new URL(url).host}`,
      entrypoint,
    ],
    env: {
      // as on the platform
      SUPABASE_URL: url,
      SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: publishableKey }),
      SUPABASE_SECRET_KEYS: JSON.stringify({ default: secretKey }),
      SUPABASE_JWKS: JSON.stringify(jwks),
      DENO_DIR: cacheFolder,
      DENO_NO_UPDATE_CHECK: '1',
    },
  };
}

/** Whether a function responds on a port. Rejects while it does not listen. */
export async function functionAnswers(port: number): Promise<boolean> {
  await fetch(`http://${loopback}:${port}/`, { method: 'OPTIONS' });
  return true;
}

async function startFunction(
  run: Run,
  { name, entrypoint }: FunctionSource,
  environment: Record<string, string>,
): Promise<number> {
  const port = await freePort();
  const surroundings = { ...run.keys, url: run.url, cacheFolder: join(run.state.root, 'deno') };
  const program = functionProgram(entrypoint, port, surroundings);
  const child = run.supervisor.start({
    name: `Function ${name}`,
    ...program,
    // webhooks may be anywhere; the other functions may only reach the project
    ...(name === 'deliver' && {
      args: program.args.map((arg) => arg.replace(/^--allow-net=.*/, '--allow-net')),
    }),
    // allows receivers on this machine, for tests and for trying webhooks out
    env: { ...program.env, DELIVER_ALLOW_LOCAL: 'true', ...environment },
    cwd: projectRoot,
    logFile: join(run.state.logs, `function-${name}.log`),
  });
  await waitUntilReady(child, () => functionAnswers(port));
  run.report(`function ${name}`);
  return port;
}
