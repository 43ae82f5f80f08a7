import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { supabaseCli } from '../../scripts/stack/supabase-cli.ts';
import { type ManagementApi, startManagementApi } from './management-api.ts';

const ref = 'abcdefghijklmnopqrst';
const token = `sbp_${'0123456789'.repeat(4)}`;

/** Deploys all functions of `supabase/config.toml` to a fake of the platform, and returns it. */
export async function deployFunctions(): Promise<ManagementApi> {
  const api = await startManagementApi(ref, token);
  // keeps the CLI from reading the account that runs the tests
  const home = mkdtempSync(join(tmpdir(), 'supabase-home-'));
  try {
    const profile = join(home, 'profile.yaml');
    writeFileSync(
      profile,
      `name: stand-in\napi_url: ${api.url}\ndashboard_url: ${api.url}\nproject_host: localhost\n`,
    );
    const { command, args, cwd, env } = supabaseCli([
      ...['functions', 'deploy', '--use-api', `--remote=${ref}`, `--profile=${profile}`],
    ]);
    await promisify(execFile)(command, args, {
      cwd,
      env: { ...env, SUPABASE_HOME: home, SUPABASE_ACCESS_TOKEN: token },
    });
  } finally {
    await api.close();
    rmSync(home, { recursive: true, force: true });
  }
  return api;
}
