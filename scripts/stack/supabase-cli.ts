import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { projectRoot } from './project-root.ts';
import { StackError } from './stack-error.ts';

/** How to run a program. */
export interface Command {
  command: string;
  args: string[];
  cwd: string;
  env: Record<string, string>;
}

/** How to run the real supabase CLI, as npm installed it, against a local database. */
export function supabaseCli(args: string[]): Command {
  return {
    command: process.execPath,
    args: [locateSupabaseCli(), ...args, '--yes', '--agent=no'],
    cwd: projectRoot,
    env: {
      ...(process.env as Record<string, string>),
      // the local database speaks no TLS, and the CLI would say so at each call
      PGSSLMODE: 'disable',
      SUPABASE_TELEMETRY_DISABLED: '1',
    },
  };
}

/**
 * Runs the supabase CLI to its end. Returns its standard output; fails with an error that has
 * `stdout` and `stderr`.
 */
export async function runSupabaseCli(args: string[]): Promise<string> {
  const { command, args: all, ...options } = supabaseCli(args);
  const { stdout } = await promisify(execFile)(command, all, {
    ...options,
    maxBuffer: 16 * 1024 * 1024,
  });
  return stdout;
}

/** The CLI's script. The program that it starts is in a package of its own for each platform. */
function locateSupabaseCli(): string {
  const platform = `@supabase/cli-${process.platform}-${process.arch}`;
  try {
    const script = createRequire(import.meta.url).resolve('supabase/dist/supabase.js');
    const { resolve } = createRequire(script);
    try {
      resolve(`${platform}/package.json`);
    } catch {
      resolve(`${platform}-musl/package.json`);
    }
    return script;
  } catch (cause) {
    throw new StackError(
      `The supabase CLI is missing: the package ${platform} is not installed.`,
      'Run `npm ci` (with optional dependencies).',
      { cause },
    );
  }
}
