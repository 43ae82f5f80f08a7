import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultOutputFolder } from '../dashboard/build.ts';
import { readBuildRecord } from '../dashboard/build-record.ts';
import { hashDashboardSources } from '../dashboard/sources.ts';
import { projectRoot } from './project-root.ts';
import { StackError } from './stack-error.ts';
import type { Supervisor } from './supervisor.ts';

/** The builds of the dashboard that a stack serves. */
export interface DashboardBuilds {
  /**
   * The folder of a build of the sources as they are now, which is made where there is none; whoever
   * asks meanwhile gets that one. Nothing removes it while the stack runs. Throws a StackError when
   * the build fails; asked again, it tries again.
   */
  current(): Promise<string>;
}

/**
 * Keeps builds in `folder`, of this stack alone: what a person's own `npm run build` replaces may be
 * half read, and what it was built for may be a hosted project.
 */
export function createDashboardBuilds(options: {
  folder: string;
  supervisor: Pick<Supervisor, 'run'>;
  logFile: string;
}): DashboardBuilds {
  const { folder } = options;
  /** By the hash of its sources. */
  let latest: { sources: string; folder: string } | undefined;
  let finding: Promise<string> | undefined;

  const find = async (): Promise<string> => {
    const sources = await hashSources();
    if (latest?.sources === sources) return latest.folder;
    const found =
      (latest ? null : await findKept(folder, sources)) ?? (await copyOwn(folder, sources));
    latest = { sources, folder: found ?? (await build(options)) };
    return latest.folder;
  };
  return {
    current() {
      finding ??= find().finally(() => {
        finding = undefined;
      });
      return finding;
    },
  };
}

async function hashSources(): Promise<string> {
  try {
    return await hashDashboardSources();
  } catch (cause) {
    throw new StackError(
      `The sources of the dashboard cannot be read: ${(cause as Error).message}`,
      'Put back what is missing, and load the page again.',
      { cause },
    );
  }
}

/** The build of these sources that an earlier run left, whose others are removed; null without one. */
async function findKept(folder: string, sources: string): Promise<string | null> {
  let kept: string | null = null;
  for (const name of await readdir(folder).catch(() => [])) {
    const build = join(folder, name);
    if (!kept && (await readBuildRecord(build))?.sources === sources) kept = build;
    else await rm(build, { recursive: true, force: true });
  }
  return kept;
}

/** A copy of what `npm run build` made of these sources; null where it made nothing of them. */
async function copyOwn(folder: string, sources: string): Promise<string | null> {
  const isFresh = async () => (await readBuildRecord(defaultOutputFolder))?.sources === sources;
  if (!(await isFresh())) return null;
  const copy = join(folder, randomUUID());
  try {
    await cp(defaultOutputFolder, copy, { recursive: true });
  } catch {
    // another build has taken its place just now
    return null;
  }
  return (await isFresh()) ? copy : null;
}

/** Builds in a process of its own: this one has no need of the bundler. */
async function build({
  folder,
  supervisor,
  logFile,
}: Parameters<typeof createDashboardBuilds>[0]): Promise<string> {
  await mkdir(folder, { recursive: true });
  const made = join(folder, randomUUID());
  const child = await supervisor.run({
    name: 'The build of the dashboard',
    command: process.execPath,
    args: [join(projectRoot, 'scripts/build.ts')],
    env: { DASHBOARD_OUT_DIR: made },
    logFile,
  });
  if (child.exitCode() === 0 && existsSync(made)) return made;
  throw new StackError(
    `The dashboard could not be built.\n\n${child.lastWords()}`,
    `Mend what it names and load the page again. The log is ${logFile}.`,
  );
}
