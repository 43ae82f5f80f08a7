import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultOutputFolder } from '../dashboard/build.ts';
import { readBuildRecord } from '../dashboard/build-record.ts';
import { hashDashboardSources } from '../dashboard/sources.ts';
import { projectRoot } from './project-root.ts';
import { StackError } from './stack-error.ts';
import type { Supervisor } from './supervisor.ts';

/** Names a folder with a build, for those who start many stacks: tests. */
const variable = 'STACK_DASHBOARD';

/** How a build of the sources as they are now came to be there. */
export type BuildOrigin = 'kept' | 'copied' | 'built';

interface BuildOptions {
  /** Of this stack alone: `dashboard/dist` may be replaced while it is read. */
  folder: string;
  supervisor: Pick<Supervisor, 'run'>;
  logFile: string;
}

/**
 * Puts a build of the dashboard's sources in `folder`: the one that is there, else a copy of what
 * `npm run build` made of the same sources, else a new one.
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

/** Makes a build in `folder`, which stacks of this process and its children then copy. */
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
      'Put back what is missing, then start again.',
      { cause },
    );
  }
}

async function isBuildOf(sources: string, folder: string): Promise<boolean> {
  return (await readBuildRecord(folder))?.sources === sources;
}

/** Copies the build in `from`, if it is one of these sources. Returns whether it did. */
async function copyBuild(sources: string, from: string, to: string): Promise<boolean> {
  if (!(await isBuildOf(sources, from))) return false;
  const unfinished = unfinishedOf(to);
  await rm(unfinished, { recursive: true, force: true });
  try {
    await cp(from, unfinished, { recursive: true });
    // also after it: another build may have taken its place
    if (!(await isBuildOf(sources, from))) return false;
    await rename(unfinished, to);
    return true;
  } catch {
    return false;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Builds in a process of its own, so that a stop need not wait for the bundler. */
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
        `Correct what it names, then start again. The log is ${logFile}.`,
      );
    }
    await rename(join(unfinished, 'build'), folder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Beside its place, so that what was cut short is never taken for a whole build. */
function unfinishedOf(folder: string): string {
  return `${folder}.unfinished`;
}
