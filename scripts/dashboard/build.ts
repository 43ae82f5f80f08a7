import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readDeployment } from '../../dashboard/read-deployment.ts';
import { StackError } from '../stack/stack-error.ts';
import { readBuildRecord, writeBuildRecord } from './build-record.ts';
import { type BuiltFile, measureBuild } from './build-sizes.ts';
import { replaceFolder } from './replace-folder.ts';
import { dashboardFolder, hashDashboardSources } from './sources.ts';

/** The default output folder. */
export const defaultOutputFolder = join(dashboardFolder, 'dist');

/**
 * Builds the dashboard into `folder`, replaces an existing build, and returns the files. Throws
 * DeploymentRefused if the environment variables for the project are invalid.
 */
export async function buildDashboard(folder: string): Promise<BuiltFile[]> {
  readDeployment(process.env);
  await requireReplaceable(folder);
  await clearUnfinished(folder);
  // hashed before the build: sources that change during the build make it out of date
  const sources = await hashDashboardSources();
  const unfinished = `${folder}.unfinished-${randomUUID()}`;
  await mkdir(unfinished, { recursive: true });
  try {
    // otherwise, another value in the environment would select React's development build
    process.env.NODE_ENV = 'production';
    const { build } = await import('vite');
    await build({
      configFile: join(dashboardFolder, 'vite.config.ts'),
      configLoader: 'native',
      logLevel: 'warn',
      build: { outDir: unfinished, emptyOutDir: false },
    });
    await writeBuildRecord(unfinished, { sources });
    // measured before another build can replace it
    const files = await measureBuild(unfinished);
    await replaceFolder(folder, unfinished);
    return files;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Refuses to replace a folder that is not a build, as it may have been named by mistake. */
async function requireReplaceable(folder: string): Promise<void> {
  if (folder === defaultOutputFolder || (await readBuildRecord(folder))) return;
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (names.length === 0) return;
  throw new StackError(
    `${folder} contains something other than a build of the dashboard.`,
    'Name another folder in DASHBOARD_OUT_DIR, or empty this one.',
  );
}

/** Removes folders that killed builds left, if they are too old to belong to a running build. */
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
