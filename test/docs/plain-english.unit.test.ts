import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, it } from 'vitest';
import { projectRoot } from '../../scripts/stack/project-root.ts';

const { flagWords } = JSON.parse(readFileSync(join(projectRoot, 'cspell.json'), 'utf8')) as {
  flagWords: string[];
};
const words = flagWords.map((entry) => entry.replace(/->.*/, ''));
/** Phrases that a spelling checker, which sees single words, cannot find. */
const phrases = ['there is none', 'lets nothing through', 'whom there is', 'without a word'];
const banned = new RegExp(`\\b(${[...words, ...phrases].join('|')})\\b`, 'i');

/** Pages and code, where `npm run check` reads comments but not the messages in strings. */
const places = ['.', 'docs', 'client', 'dashboard/src', 'gateway', 'ops', 'scripts', 'supabase'];

function filesOf(place: string): string[] {
  const folder = join(projectRoot, place);
  const names = readdirSync(folder, { recursive: place !== '.' }).map(String);
  return names
    .filter((name) => /\.(md|ts|tsx|sql|yml|service|css)$/.test(name))
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile());
}

it('no page, comment or message has a word or phrase that we avoid', () => {
  const found = places.flatMap(filesOf).flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line, index) => {
        const [word] = banned.exec(line) ?? [];
        return word ? [`${relative(projectRoot, file)}:${index + 1}: ${word}`] : [];
      }),
  );
  expect(found).toEqual([]);
});
