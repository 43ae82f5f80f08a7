import { expect, it, vi } from 'vitest';
import { createSpoolFile, type SpoolFile } from '../../../gateway/usage/spool-file.ts';
import { newEvent } from './spool-events.ts';
import { idsOf, newSpoolFolder, readAll } from './spool-folder.ts';

/** Files that call `before` at each write. */
function filesThatAsk(before: () => Promise<void>) {
  return async (path: string): Promise<SpoolFile> => {
    const file = await createSpoolFile(path);
    const { write } = file;
    return Object.assign(file, {
      async write(...args: Parameters<typeof write>) {
        await before();
        return write.apply(file, args);
      },
    });
  };
}

it('includes events appended before it, while an earlier group is being written', async () => {
  const folder = newSpoolFolder();
  const disk = Promise.withResolvers<void>();
  const before = vi.fn(() => disk.promise);
  const spool = await folder.open({ openFile: filesThatAsk(before) });
  const [first, second] = [newEvent(), newEvent()];
  const appending = [spool.append(first)];
  await vi.waitFor(() => expect(before).toHaveBeenCalledOnce());
  appending.push(spool.append(second));
  const sealing = spool.seal();
  disk.resolve();
  await sealing;
  expect(idsOf(await readAll(spool))).toEqual(idsOf([first, second]));
  await Promise.all(appending);
  expect(folder.files()).toHaveLength(1);
});

it('does not wait for a failing disk', async () => {
  const folder = newSpoolFolder();
  let full = false;
  const before = async () => {
    if (full) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
  };
  const spool = await folder.open({ retryMs: 5, openFile: filesThatAsk(before) });
  const [first, second] = [newEvent(), newEvent()];
  await spool.append(first);
  full = true;
  const waiting = spool.append(second);
  await spool.seal();
  expect(idsOf(await readAll(spool))).toEqual(idsOf([first]));
  full = false;
  await waiting;
  await spool.seal();
  expect(idsOf(await readAll(spool))).toEqual(idsOf([first, second]));
});
