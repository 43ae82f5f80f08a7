import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../../scripts/stack/project-root.ts';

/** The exit code and output of a build. */
export interface BuildEnd {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs `npm run build` with this environment, into `folder`. */
export function runBuild(
  folder: string,
  environment: Record<string, string> = {},
  checkout = projectRoot,
): Promise<BuildEnd> {
  const { SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY, PROXY_GATEWAY_URL, ...inherited } = process.env;
  const env = { ...inherited, ...environment, DASHBOARD_OUT_DIR: folder };
  return new Promise((resolve) => {
    const script = join(checkout, 'scripts/build.ts');
    execFile(process.execPath, [script], { env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

/** A folder for the builds of one test file, and a function that removes it. */
export function buildsFolder(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'dashboard-builds-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
