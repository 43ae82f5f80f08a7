import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { projectRoot } from '../stack/project-root.ts';

/** The dashboard's sources. */
export const dashboardFolder = join(projectRoot, 'dashboard');

const otherSources = [
  'package-lock.json',
  'supabase/functions/_shared/database.types.ts',
  'supabase/functions/deliver/formats/sentence.ts',
  'tsconfig.json',
];

/** `dist`, and the temporary folders next to it that builds are moved from and to. */
const builds = /^dashboard\/dist(\.[^/]*)?\//;

/** The hash of a build's sources. A build with a different hash is out of date. */
export async function hashDashboardSources(): Promise<string> {
  const entries = await readdir(dashboardFolder, { recursive: true, withFileTypes: true });
  const own = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(projectRoot, join(entry.parentPath, entry.name)))
    .filter((file) => !builds.test(file));
  const files = [...own, ...otherSources].sort();
  const contents = await Promise.all(files.map((file) => readFile(join(projectRoot, file))));
  const hash = createHash('sha256');
  for (const [index, content] of contents.entries()) {
    // the length makes the boundary between name and content unambiguous
    hash.update(`${files[index]}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}
