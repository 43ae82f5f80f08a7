import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';

/**
 * Puts the folder `next` in the place of `folder`, which need not exist. Both must be of one disk.
 * A reader meanwhile finds the old one, the new one or nothing, never a mixture; of two at once the last wins.
 */
export async function replaceFolder(folder: string, next: string): Promise<void> {
  for (let placed = false; !placed; ) {
    const old = `${folder}.replaced-${randomUUID()}`;
    await rename(folder, old).catch(unless('ENOENT'));
    // another build may have put its own there since
    placed = await rename(next, folder).then(() => true, unless('ENOTEMPTY', 'EEXIST'));
    await rm(old, { recursive: true, force: true });
  }
}

function unless(...codes: string[]): (error: NodeJS.ErrnoException) => false {
  return (error) => {
    if (codes.includes(error.code ?? '')) return false;
    throw error;
  };
}
