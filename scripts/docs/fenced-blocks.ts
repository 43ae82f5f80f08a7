import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../stack/project-root.ts';

/** A fenced block of code on a page. */
interface FencedBlock {
  /** The word after the fence, or an empty string. */
  language: string;
  code: string;
}

/** The fenced blocks of a page, in order. `page` is relative to the checkout: `docs/api.md`. */
function readBlocks(page: string): FencedBlock[] {
  const text = readFileSync(join(projectRoot, page), 'utf8');
  return [...text.matchAll(/^ *```(\w*)\n([\s\S]*?)^ *```$/gm)].map(
    ([, language = '', code = '']) => ({
      language,
      code,
    }),
  );
}

/** A block with its place. */
interface PageBlock extends FencedBlock {
  page: string;
  firstLine: string;
}

/** The fenced blocks of all pages: those of the checkout's root, then those of `docs`. */
export function readAllBlocks(): PageBlock[] {
  return ['.', 'docs'].flatMap((folder) =>
    readdirSync(join(projectRoot, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name))
      .flatMap((page) =>
        readBlocks(page).map((block) => ({
          ...block,
          page,
          firstLine: block.code.trimStart().split('\n')[0]?.slice(0, 60) ?? '',
        })),
      ),
  );
}

/** The only block of a page that is in this language and contains this text. */
export function readBlock(page: string, language: string, text: string): string {
  const found = readBlocks(page).filter(
    (block) => block.language === language && block.code.includes(text),
  );
  if (found.length !== 1 || !found[0]) {
    throw new Error(`${page} has ${found.length} blocks of ${language} with: ${text}`);
  }
  return found[0].code;
}
