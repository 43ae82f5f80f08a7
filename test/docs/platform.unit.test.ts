import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../scripts/stack/project-root.ts';

const page = readFileSync(join(projectRoot, 'docs/platform.md'), 'utf8');
const section = page.split(/^## /m).find((part) => part.startsWith('PostgREST\n')) ?? '';
const [, table = ''] = section.split(/^### What we rely on$/m);
const rows = table
  .split('\n')
  .filter((line) => /^\| [^*-]/.test(line))
  .slice(1)
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

describe('the PostgREST table in docs/platform.md', () => {
  it('has a column for each version', () => {
    expect(rows.length).toBeGreaterThan(40);
    for (const row of rows) expect([row[0], row.length]).toEqual([row[0], 6]);
  });

  it('names for each row the test that proves it, or that it was not run', () => {
    for (const [what = '', ...columns] of rows) {
      const proof = columns.at(-1) ?? '';
      if (proof === 'read, not run') continue;
      const files = [...proof.matchAll(/`([^`]+)`/g)].map(([, file]) => `test/${file}.test.ts`);
      expect(files, what).not.toEqual([]);
      for (const file of files)
        expect([what, file, existsSync(join(projectRoot, file))]).toEqual([what, file, true]);
    }
  });
});
