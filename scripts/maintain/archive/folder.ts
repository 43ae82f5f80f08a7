import { mkdir, mkdtemp, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { syncFolder } from '../../../gateway/usage/spool-segments.ts';
import type { ArchiveStore } from './store.ts';

/** Not `day=…`, so that readers do not take it for a part of the archive. */
const unfinished = 'unfinished-';

/** An archive in a folder, which is created on the first write. */
export function openFolder(folder: string): ArchiveStore {
  const root = resolve(folder);
  const locate = (name: string) => join(root, name);
  return {
    locate,
    async makeWorkFolder() {
      await mkdir(root, { recursive: true });
      for (const name of await readdir(root)) {
        if (name.startsWith(unfinished))
          await rm(join(root, name), { recursive: true, force: true });
      }
      return mkdtemp(join(root, unfinished));
    },
    async publish(file, name) {
      await sync(file);
      const target = locate(name);
      await mkdir(dirname(target), { recursive: true });
      await rename(file, target);
      await syncFolder(dirname(target));
      await syncFolder(root);
    },
  };
}

async function sync(file: string): Promise<void> {
  await using handle = await open(file, 'r+');
  await handle.sync();
}
