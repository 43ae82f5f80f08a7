import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Another gateway or command, in this process or another, uses the folder. */
export class SpoolInUse extends Error {
  constructor(directory: string) {
    super(`another gateway uses the spool folder ${directory}: give each gateway its own folder`);
    this.name = SpoolInUse.name;
  }
}

/** Exclusive use of a folder, until it is released or this process ends, even by a crash. */
export interface SpoolLock {
  release(): void;
}

const busy = 5;
/** An unreferenced lock would be garbage-collected, which would free the folder. */
const held = new Set<DatabaseSync>();

/**
 * Locks a folder for this process. Throws `SpoolInUse` if it is locked already. The lock is
 * SQLite's, on an empty file: the kernel releases it when its holder dies, so a held lock always
 * belongs to a live process. The gateway holds `lock`; a command that sends events again holds
 * `resend-lock`, so that it can run beside the gateway.
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

/** Does not open an existing file: closing it would free this process's locks on it. */
function createPrivateFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
