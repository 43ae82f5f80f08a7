import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

const memory = '/dev/shm';
const prefix = 'proxy-keys-tests-';
const neededBytes = 4 * 2 ** 30;

/**
 * Makes a temporary folder in memory, where creating a database costs a twentieth of the cost on
 * disk. Returns null if the system has no memory to spare, or runs no programs from there.
 */
export function makeMemoryFolder(): string | null {
  if (!isUsable()) return null;
  for (const name of readdirSync(memory)) {
    // left by a run that was killed
    if (name.startsWith(prefix) && !isRunning(Number(name.slice(prefix.length)))) {
      rmSync(join(memory, name), { recursive: true, force: true });
    }
  }
  const folder = join(memory, `${prefix}${process.pid}`);
  mkdirSync(folder);
  // tests run programs as other users
  chmodSync(folder, 0o1777);
  return folder;
}

function isUsable(): boolean {
  try {
    const options = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .findLast(([, folder]) => folder === memory)?.[3]
      ?.split(',');
    if (!options?.includes('rw') || options.includes('noexec')) return false;
    const { bavail, bsize } = statfsSync(memory);
    return bavail * bsize >= neededBytes;
  } catch {
    return false;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
