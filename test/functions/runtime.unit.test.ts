import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../scripts/stack/project-root.ts';

const folder = join(projectRoot, 'supabase', 'functions');
// the webhook sender uses four Deno calls that the platform's runtime provides
const files = globSync('**/*.ts', { cwd: folder }).filter((file) => file !== 'deliver/network.ts');

// these include everything that the platform's runtime lacks or blocks: docs/platform.md
const unused = {
  'a Deno API': /\bDeno\b/,
  'a Node module': /from '(node:)?(fs|os|path|vm|process|worker_threads|child_process)['/]|'node:/,
  'a worker': /\bnew (Shared)?Worker\b/,
  'shared memory': /\bSharedArrayBuffer\b/,
};

describe('the functions', () => {
  it('are found', () => {
    expect(files.length).toBeGreaterThan(30);
  });

  it.each(Object.entries(unused))('use nothing that the platform lacks: %s', (_, pattern) => {
    expect(files.filter((file) => pattern.test(readFileSync(join(folder, file), 'utf8')))).toEqual(
      [],
    );
  });

  it.each(['api', 'admin', 'deliver'])('answer through their default export: %s', (name) => {
    const entry = readFileSync(join(folder, name, 'index.ts'), 'utf8');
    expect(entry).toMatch(/^export default \{ fetch: /m);
  });
});
