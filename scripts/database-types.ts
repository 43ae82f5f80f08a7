import { join } from 'node:path';
import { format } from './format.ts';
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
