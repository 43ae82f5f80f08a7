import { execFileSync } from 'node:child_process';
import { accessSync, constants, lchownSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StackError } from './stack-error.ts';

/** The unprivileged user that Postgres runs as when we are root, as it refuses to run as root. */
export interface ProcessUser {
  uid: number;
  gid: number;
}

/** `nobody` when we are root; otherwise null, and the children run as our own user. */
export function postgresUser(): ProcessUser | null {
  if (process.getuid?.() !== 0) return null;
  const id = (flag: '-u' | '-g') =>
    Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8', stdio: 'pipe' }));
  try {
    return { uid: id('-u'), gid: id('-g') };
  } catch (cause) {
    throw new StackError(
      'Postgres refuses to run as root, and this machine has no user "nobody" to run it as.',
      'Run the command as an ordinary user.',
      { cause },
    );
  }
}

/** Whether `user` can traverse every folder from the root down to `path`. */
export function canReach(user: ProcessUser | null, path: string): boolean {
  for (let folder = path; ; folder = dirname(folder)) {
    try {
      if (user) {
        const { mode, uid, gid } = statSync(folder);
        const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
        if ((mode & bit) === 0) return false;
      } else {
        accessSync(folder, constants.X_OK);
      }
    } catch {
      return false;
    }
    if (folder === dirname(folder)) return true;
  }
}

/**
 * Makes `user` the owner of a folder and everything in it. It changes links and not their targets:
 * Node's recursive `readdir` would follow links.
 */
export function giveTo(user: ProcessUser, folder: string): void {
  lchownSync(folder, user.uid, user.gid);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) giveTo(user, path);
    else lchownSync(path, user.uid, user.gid);
  }
}
