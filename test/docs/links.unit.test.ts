import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../scripts/stack/project-root.ts';

const { scripts } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
const pages = ['.', 'docs'].flatMap((folder) =>
  readdirSync(join(projectRoot, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);
const textOf = (page: string) => readFileSync(join(projectRoot, page), 'utf8');

/** The anchors of a page's headings, as GitHub creates them. */
function anchorsOf(page: string): Set<string> {
  const headings = [...textOf(page).matchAll(/^#{1,6} (.+)$/gm)].map(([, text = '']) => text);
  return new Set(
    headings.map((text) =>
      text
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  );
}

describe.each(pages)('%s', (page) => {
  it('links only to files and headings that exist', () => {
    for (const [, path = '', anchor] of textOf(page).matchAll(
      /\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g,
    )) {
      const target =
        path === '' ? page : relative(projectRoot, join(projectRoot, dirname(page), path));
      expect(existsSync(join(projectRoot, target)), target).toBe(true);
      if (anchor) expect(anchorsOf(target), target).toContain(anchor);
    }
  });

  it('names only commands, files and folders that exist', () => {
    for (const [, name = ''] of textOf(page).matchAll(/npm run ([a-z][a-z-]*)/g)) {
      expect(scripts).toHaveProperty(name);
    }
    for (const [, path = ''] of textOf(page).matchAll(/^\| `([^`<]+\/)` \|/gm)) {
      expect(existsSync(join(projectRoot, path)), path).toBe(true);
    }
  });
});

it('the index of docs/ names each of its pages', () => {
  const index = textOf('docs/README.md');
  for (const page of pages.filter(
    (name) => name.startsWith('docs/') && name !== 'docs/README.md',
  )) {
    expect(index).toContain(`](${page.slice('docs/'.length)})`);
  }
});
