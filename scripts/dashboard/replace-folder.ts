import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';

/**
 * Replaces `folder`, which need not exist, with the folder `next`. Both must be on the same file system.
 * A reader finds the old folder, the new one or nothing, never a mixture. If two calls compete, the last wins.
 */
export async function replaceFolder(folder: string, next: string): Promise<void> {
  for (let placed = false; !placed; ) {
    const old = `${folder}.replaced-${randomUUID()}`;
    await rename(folder, old).catch(unless('ENOENT'));
    // another build may have put its own folder there in the meantime
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
