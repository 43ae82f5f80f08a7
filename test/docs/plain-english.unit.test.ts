import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, it } from 'vitest';
import { projectRoot } from '../../scripts/stack/project-root.ts';

/** Words that native readers stumble over, as a word of the house rather than of the field. */
const houseWords =
  /\b(anew|whoever|mend|mended|heard|there is none|lets nothing through|whom there is|is told of|are told apart)\b/i;

/** What people read of the product: pages, and the code with its comments and messages. */
const places = ['.', 'docs', 'client', 'dashboard/src', 'gateway', 'ops', 'scripts', 'supabase'];

function filesOf(place: string): string[] {
  const folder = join(projectRoot, place);
  const names = readdirSync(folder, { recursive: place !== '.' }).map(String);
  return names
    .filter((name) => /\.(md|ts|tsx|sql|yml|service|css)$/.test(name))
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile());
}

it('no page, comment or message has a word of the house', () => {
  const found = places.flatMap(filesOf).flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line, index) => {
        const [word] = houseWords.exec(line) ?? [];
        return word ? [`${relative(projectRoot, file)}:${index + 1}: ${word}`] : [];
      }),
  );
  expect(found).toEqual([]);
});
