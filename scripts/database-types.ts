import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from './stack/project-root.ts';
import { runSupabaseCli } from './stack/supabase-cli.ts';

/** The committed types of the database's public schema. */
export const typesFile = join(projectRoot, 'supabase/functions/_shared/database.types.ts');

/** Generates the types from a running database with the real CLI, as formatted TypeScript. */
export async function generateTypes(dbUrl: string): Promise<string> {
  const types = await runSupabaseCli([
    'gen',
    'types',
    '--lang=typescript',
    '--schema=public',
    `--remote=${dbUrl}`,
  ]);
  return format(`// Generated from the migrations by \`npm run types\`: do not edit.\n${types}`);
}

function format(source: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const biome = execFile(
      join(projectRoot, 'node_modules/.bin/biome'),
      // the linter leaves the file alone; its folder's style still makes diffs readable
      ['format', '--stdin-file-path=supabase/functions/_shared/generated.ts'],
      { cwd: projectRoot, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout) => (error ? reject(error) : resolve(stdout)),
    );
    biome.stdin?.end(source);
  });
}
