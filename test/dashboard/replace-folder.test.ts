import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { replaceFolder } from '../../scripts/dashboard/replace-folder.ts';
import { buildsFolder } from '../support/stack/build-command.ts';

const { folder: parent, remove } = buildsFolder();
afterAll(remove);

const names = Array.from({ length: 200 }, (_, number) => `${number}`);

/** A folder with many files that all contain `version`. */
function makeFolder(version: number): string {
  const folder = join(parent, `next-${version}`);
  mkdirSync(folder);
  for (const name of names) writeFileSync(join(folder, name), `${version}`);
  return folder;
}

/** The folder that is at a path now, or null. */
const inode = (path: string) =>
  stat(path).then(
    ({ ino }) => ino,
    () => null,
  );

test('concurrent replacements all succeed, and a reader finds a complete folder or none', async () => {
  const folder = join(parent, 'folder');
  const next = Array.from({ length: 30 }, (_, version) => makeFolder(version));
  await replaceFolder(folder, makeFolder(-1));
  let over = false;
  const seen: number[] = [];
  const reader = (async () => {
    while (!over) {
      const before = await inode(folder);
      const files = await readdir(folder).catch(() => null);
      // ignore a folder that was replaced while it was read
      if (files && before === (await inode(folder))) seen.push(files.length);
    }
  })();
  const ends = await Promise.allSettled(next.map((each) => replaceFolder(folder, each)));
  over = true;
  await reader;
  expect(ends.filter(({ status }) => status === 'rejected')).toEqual([]);
  expect(seen.length).toBeGreaterThan(0);
  expect(seen.filter((count) => count !== names.length)).toEqual([]);
  expect(readdirSync(parent)).toEqual(['folder']);
  const versions = new Set(names.map((name) => readFileSync(join(folder, name), 'utf8')));
  expect(versions.size).toBe(1);
});

test('a failed replacement reports the error, and leaves nothing new behind', async () => {
  const folder = join(parent, 'other');
  await expect(replaceFolder(folder, join(parent, 'missing'))).rejects.toThrow('ENOENT');
  expect(existsSync(folder)).toBe(false);
});
