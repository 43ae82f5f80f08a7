import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { alignColumns } from '../aligned-table.ts';

/** A file of a build. */
export interface BuiltFile {
  /** Its path in the build. */
  path: string;
  bytes: number;
  /** The size that a server sends to a browser. */
  compressedBytes: number;
  /** Whether index.html loads it. */
  first: boolean;
}

const records = new Set(['build.json', '_headers']);

/** The files of a build that browsers load: those of the first load first, then by size. */
export async function measureBuild(folder: string): Promise<BuiltFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  const html = await readFile(join(folder, 'index.html'), 'utf8');
  const named = [...html.matchAll(/\b(?:src|href)="\.\/([^"]+)"/g)].map(([, path]) => path);
  const files = paths
    .filter((path) => !/\.(br|gz)$/.test(path) && !records.has(path))
    .map(async (path): Promise<BuiltFile> => {
      const { size: bytes } = await stat(join(folder, path));
      const small = paths.includes(`${path}.br`) ? await stat(join(folder, `${path}.br`)) : null;
      const first = path === 'index.html' || named.includes(path);
      return { path, bytes, compressedBytes: small?.size ?? bytes, first };
    });
  return (await Promise.all(files)).sort(
    (a, b) => Number(b.first) - Number(a.first) || b.compressedBytes - a.compressedBytes,
  );
}

/** Formats a table for a terminal, with the total size of the first load. */
export function formatSizes(files: BuiltFile[]): string {
  const first = files.filter((file) => file.first);
  const rows = [
    ['file', 'size', 'compressed', ''],
    ...files.map((file) => [
      file.path,
      kilobytes(file.bytes),
      kilobytes(file.compressedBytes),
      file.first ? 'first load' : '',
    ]),
    ['first load', kilobytes(sum(first, 'bytes')), kilobytes(sum(first, 'compressedBytes')), ''],
    ['all', kilobytes(sum(files, 'bytes')), kilobytes(sum(files, 'compressedBytes')), ''],
  ];
  return alignColumns(rows, [1, 2]);
}

function sum(files: BuiltFile[], field: 'bytes' | 'compressedBytes'): number {
  return files.reduce((total, file) => total + file[field], 0);
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
