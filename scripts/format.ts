import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from './stack/project-root.ts';

/** Formats generated TypeScript in the project's style, so that its diffs are readable. */
export function format(source: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const biome = execFile(
      join(projectRoot, 'node_modules/.bin/biome'),
      ['format', '--stdin-file-path=supabase/functions/_shared/generated.ts'],
      { cwd: projectRoot, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout) => (error ? reject(error) : resolve(stdout)),
    );
    biome.stdin?.end(source);
  });
}
