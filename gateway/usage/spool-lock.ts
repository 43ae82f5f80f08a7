import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Another gateway, or another command, of this process or another, uses the folder. */
export class SpoolInUse extends Error {
  constructor(directory: string) {
    super(`another gateway uses the spool folder ${directory}: give each one a folder of its own`);
    this.name = SpoolInUse.name;
  }
}

/** A folder that is ours alone until it is released, or until this process ends, however it does. */
export interface SpoolLock {
  release(): void;
}

const busy = 5;
/** A lock that nobody can reach would be collected, and the folder free. */
const held = new Set<DatabaseSync>();

/**
 * Takes a folder for this process. Throws `SpoolInUse` where it is taken. The lock is SQLite's, on
 * an empty file: the kernel releases it when its holder dies, so a lock that is held is always of a
 * live process. Beside the gateway, which has `lock`, one command may send
 * again what was put aside, which has the other.
 */
export function lockSpool(directory: string, name: 'lock' | 'resend-lock' = 'lock'): SpoolLock {
  const file = join(directory, name);
  createPrivateFile(file);
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec('begin exclusive');
  } catch (error) {
    database.close();
    const { errcode } = error as { errcode?: number };
    throw errcode === busy ? new SpoolInUse(directory) : error;
  }
  held.add(database);
  return {
    release() {
      if (held.delete(database)) database.close();
    },
  };
}

/** Leaves a file that is there alone: to close it would free the locks that this process has on it. */
function createPrivateFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
