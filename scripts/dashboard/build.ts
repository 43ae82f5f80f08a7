import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readDeployment } from '../../dashboard/read-deployment.ts';
import { StackError } from '../stack/stack-error.ts';
import { readBuildRecord, writeBuildRecord } from './build-record.ts';
import { type BuiltFile, measureBuild } from './build-sizes.ts';
import { replaceFolder } from './replace-folder.ts';
import { dashboardFolder, hashDashboardSources } from './sources.ts';

/** Where a build goes by default. */
export const defaultOutputFolder = join(dashboardFolder, 'dist');

/**
 * Builds the dashboard into `folder`, in place of the build that is there, and gives its files. Throws
 * DeploymentRefused where the environment does not name a project as it should.
 */
export async function buildDashboard(folder: string): Promise<BuiltFile[]> {
  readDeployment(process.env);
  await requireReplaceable(folder);
  await clearUnfinished(folder);
  // before the build: what changes while it runs makes it out of date
  const sources = await hashDashboardSources();
  const unfinished = `${folder}.unfinished-${randomUUID()}`;
  await mkdir(unfinished, { recursive: true });
  try {
    // React's development half otherwise, wherever this is set to something else
    process.env.NODE_ENV = 'production';
    const { build } = await import('vite');
    await build({
      configFile: join(dashboardFolder, 'vite.config.ts'),
      configLoader: 'native',
      logLevel: 'warn',
      build: { outDir: unfinished, emptyOutDir: false },
    });
    await writeBuildRecord(unfinished, { sources });
    // before another build may take its place
    const files = await measureBuild(unfinished);
    await replaceFolder(folder, unfinished);
    return files;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** A folder that was named by mistake is not emptied. */
async function requireReplaceable(folder: string): Promise<void> {
  if (folder === defaultOutputFolder || (await readBuildRecord(folder))) return;
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (names.length === 0) return;
  throw new StackError(
    `${folder} holds something other than a build of the dashboard.`,
    'Name another folder in DASHBOARD_OUT_DIR, or empty this one.',
  );
}

/** Removes what killed builds left, once they are too old to be running. */
async function clearUnfinished(folder: string): Promise<void> {
  const parent = dirname(folder);
  const left = ['unfinished', 'replaced'].map((word) => `${basename(folder)}.${word}-`);
  const hourAgo = Date.now() - 3_600_000;
  for (const name of await readdir(parent).catch(() => [])) {
    if (!left.some((start) => name.startsWith(start))) continue;
    const path = join(parent, name);
    const changed = await stat(path).catch(() => null);
    if (changed && changed.mtimeMs < hourAgo) await rm(path, { recursive: true, force: true });
  }
}
