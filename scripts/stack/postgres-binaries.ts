import {
  chmodSync,
  existsSync,
  lchownSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { cp } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { canReach, type ProcessUser } from './process-user.ts';
import { locatePostgres } from './programs.ts';

/** The programs of embedded Postgres, by path. */
interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

/**
 * Finds the binaries that npm installed. If `user` cannot enter their folder, or we cannot create the
 * links that they need there, they are copied to `copyTo`.
 */
export async function locatePostgresBinaries(options: {
  user: ProcessUser | null;
  copyTo: string;
}): Promise<PostgresBinaries> {
  const { user, copyTo } = options;
  const installed = locatePostgres();
  if (canReach(user, join(installed, 'native', 'bin')) && makeSymlinks(installed)) {
    return binariesIn(installed);
  }
  const copy = `${copyTo}-${versionOf(installed)}`;
  if (!existsSync(copy)) {
    const unfinished = `${copy}.unfinished`;
    rmSync(unfinished, { recursive: true, force: true });
    await cp(join(installed, 'native'), join(unfinished, 'native'), {
      recursive: true,
      verbatimSymlinks: true,
    });
    openUp(unfinished, user);
    makeSymlinks(unfinished);
    renameSync(unfinished, copy);
  }
  return binariesIn(copy);
}

function binariesIn(folder: string): PostgresBinaries {
  const bin = join(folder, 'native', 'bin');
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
}

function versionOf(folder: string): string {
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

/** Creates the package's links, as npm may skip its install script. Returns whether they exist. */
function makeSymlinks(folder: string): boolean {
  const list = join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return true;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    if (existsSync(join(folder, target))) continue;
    try {
      symlinkSync(relative(dirname(target), source), join(folder, target));
    } catch (error) {
      // another start may be creating them at the same time
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false;
    }
  }
  return true;
}

/** Opens up a copy, whose original modes may exclude `user` or our own writes. */
function openUp(folder: string, user: ProcessUser | null): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) chmodSync(path, 0o755);
    if (user) lchownSync(path, user.uid, user.gid);
  }
}
