import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { locateSupabaseCli } from './programs.ts';
import { projectRoot } from './project-root.ts';

/** A command to run. */
export interface Command {
  command: string;
  args: string[];
  cwd: string;
  env: Record<string, string>;
}

/** The command for the real supabase CLI from npm, against a local database. */
export function supabaseCli(args: string[]): Command {
  return {
    command: process.execPath,
    args: [locateSupabaseCli(), ...args, '--yes', '--agent=no'],
    cwd: projectRoot,
    env: {
      ...(process.env as Record<string, string>),
      // the local database has no TLS, and the CLI would warn about it on each call
      PGSSLMODE: 'disable',
      SUPABASE_TELEMETRY_DISABLED: '1',
    },
  };
}

/**
 * Runs the supabase CLI and returns its standard output. Fails with an error that has `stdout` and
 * `stderr`.
 */
export async function runSupabaseCli(args: string[]): Promise<string> {
  const { command, args: all, ...options } = supabaseCli(args);
  const { stdout } = await promisify(execFile)(command, all, {
    ...options,
    maxBuffer: 16 * 1024 * 1024,
  });
  return stdout;
}
