import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultOutputFolder } from '../dashboard/build.ts';
import { readBuildRecord } from '../dashboard/build-record.ts';
import { hashDashboardSources } from '../dashboard/sources.ts';
import { projectRoot } from './project-root.ts';
import { StackError } from './stack-error.ts';
import type { Supervisor } from './supervisor.ts';

/** Names a folder with a build, for tests, which start many stacks. */
const variable = 'STACK_DASHBOARD';

/** Where the build of the current sources came from. */
export type BuildOrigin = 'kept' | 'copied' | 'built';

interface BuildOptions {
  /** The stack's own folder: `dashboard/dist` may be replaced while it is read. */
  folder: string;
  supervisor: Pick<Supervisor, 'run'>;
  logFile: string;
}

/**
 * Ensures that `folder` has a build of the dashboard's sources: the existing one, else a copy of
 * `npm run build`'s output from the same sources, else a new build.
 */
export async function prepareDashboardBuild(options: BuildOptions): Promise<BuildOrigin> {
  const { folder } = options;
  const sources = await hashSources();
  if (await isBuildOf(sources, folder)) return 'kept';
  await rm(folder, { recursive: true, force: true });
  for (const other of [process.env[variable], defaultOutputFolder]) {
    if (other && (await copyBuild(sources, other, folder))) return 'copied';
  }
  await build(options);
  return 'built';
}

/** Creates a build in `folder` that stacks of this process and its children then copy. */
export async function shareDashboardBuild(options: BuildOptions): Promise<void> {
  await prepareDashboardBuild(options);
  process.env[variable] = options.folder;
}

async function hashSources(): Promise<string> {
  try {
    return await hashDashboardSources();
  } catch (cause) {
    throw new StackError(
      `The sources of the dashboard cannot be read: ${(cause as Error).message}`,
      'Restore the missing file, then start again.',
      { cause },
    );
  }
}

async function isBuildOf(sources: string, folder: string): Promise<boolean> {
  return (await readBuildRecord(folder))?.sources === sources;
}

/** Copies the build in `from` if it was built from these sources. Returns whether it did. */
async function copyBuild(sources: string, from: string, to: string): Promise<boolean> {
  if (!(await isBuildOf(sources, from))) return false;
  const unfinished = unfinishedOf(to);
  await rm(unfinished, { recursive: true, force: true });
  try {
    await cp(from, unfinished, { recursive: true });
    // checked again after the copy: another build may have replaced it
    if (!(await isBuildOf(sources, from))) return false;
    await rename(unfinished, to);
    return true;
  } catch {
    return false;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Builds in a separate process, so that a stop need not wait for the bundler. */
async function build({ folder, supervisor, logFile }: BuildOptions): Promise<void> {
  const unfinished = unfinishedOf(folder);
  await rm(unfinished, { recursive: true, force: true });
  try {
    const child = await supervisor.run({
      name: 'The build of the dashboard',
      command: process.execPath,
      args: [join(projectRoot, 'scripts/build.ts')],
      env: { DASHBOARD_OUT_DIR: join(unfinished, 'build') },
      logFile,
    });
    if (child.exitCode() !== 0) {
      throw new StackError(
        `The dashboard could not be built.\n\n${child.lastWords()}`,
        `Fix the error above, then start again. The log is ${logFile}.`,
      );
    }
    await rename(join(unfinished, 'build'), folder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** A name for an unfinished build, so that it is never mistaken for a complete one. */
function unfinishedOf(folder: string): string {
  return `${folder}.unfinished`;
}
