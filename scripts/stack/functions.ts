import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { waitUntilReady } from './child-process.ts';
import { loopback } from './ports.ts';
import { projectRoot } from './project-root.ts';
import { StackError } from './stack-error.ts';
import type { Supervisor } from './supervisor.ts';

/** An Edge Function: its name is the first part of the path it serves. */
export interface FunctionSource {
  name: string;
  entrypoint: string;
}

/** The environment that the platform gives a function. */
export interface FunctionEnvironment {
  SUPABASE_URL: string;
  SUPABASE_PUBLISHABLE_KEYS: string;
  SUPABASE_SECRET_KEYS: string;
  SUPABASE_JWKS: string;
}

/** Starts one function under Deno, with the permissions it needs and no more. */
export async function startFunction(
  supervisor: Supervisor,
  options: {
    source: FunctionSource;
    port: number;
    environment: FunctionEnvironment;
    logFile: string;
    denoDirectory: string;
  },
): Promise<void> {
  const { source, port } = options;
  const child = supervisor.start({
    name: `Function ${source.name}`,
    command: locateDeno(),
    args: [
      'serve',
      '--quiet',
      `--host=${loopback}`,
      `--port=${port}`,
      // the packages that `npm ci` installed: nothing is downloaded at a start
      '--node-modules-dir=manual',
      '--cached-only',
      '--no-lock',
      '--allow-env',
      `--allow-net=${new URL(options.environment.SUPABASE_URL).host}`,
      source.entrypoint,
    ],
    env: { ...options.environment, DENO_DIR: options.denoDirectory, DENO_NO_UPDATE_CHECK: '1' },
    cwd: projectRoot,
    logFile: options.logFile,
  });
  await waitUntilReady(child, async () => {
    await fetch(`http://${loopback}:${port}/`, { method: 'OPTIONS' });
    return true;
  });
}

/** The Deno binary from npm, also where npm skipped its install script. */
export function locateDeno(): string {
  const libc = process.platform === 'linux' ? '-glibc' : '';
  let cause: unknown;
  try {
    const packages = dirname(dirname(createRequire(import.meta.url).resolve('deno/package.json')));
    const found = [
      join(packages, 'deno', 'deno'),
      join(packages, '@deno', `${process.platform}-${process.arch}${libc}`, 'deno'),
    ].find((path) => existsSync(path));
    if (found) return found;
  } catch (error) {
    cause = error;
  }
  throw new StackError(
    `Deno is missing for ${process.platform}-${process.arch}.`,
    'Run `npm ci` (with optional dependencies).',
    { cause },
  );
}
