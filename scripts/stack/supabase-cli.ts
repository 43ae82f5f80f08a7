import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { projectRoot } from './project-root.ts';

const entrypoint = createRequire(import.meta.url).resolve('supabase/dist/supabase.js');

/**
 * Runs the real supabase CLI, as npm installed it, against a local database. Returns its standard
 * output; fails with an error that has `stdout` and `stderr`.
 */
export async function runSupabaseCli(args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [entrypoint, ...args, '--yes', '--agent=no'],
    {
      cwd: projectRoot,
      maxBuffer: 16 * 1024 * 1024,
      env: {
        ...process.env,
        // the local database speaks no TLS, and the CLI would say so at each call
        PGSSLMODE: 'disable',
        SUPABASE_TELEMETRY_DISABLED: '1',
      },
    },
  );
  return stdout;
}
