import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './stack/project-root.ts';

/** A file of `supabase/schemas`. */
export interface SchemaFile {
  name: string;
  sql: string;
}

/** The migration that creates all of version 1.0.0. */
export const firstMigrationFile = join(projectRoot, 'supabase/migrations/20261122000000_1_0_0.sql');

/** The files that define the database, in order. */
export function readSchemaFiles(): SchemaFile[] {
  const folder = join(projectRoot, 'supabase/schemas');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({ name, sql: readFileSync(join(folder, name), 'utf8') }));
}

/** The text of the first migration. */
export function buildFirstMigration(): string {
  const parts = readSchemaFiles().map(({ name, sql }) => `-- ${name}\n\n${sql.trim()}\n`);
  const head =
    '-- Version 1.0.0. Generated from supabase/schemas by `npm run types`: edit those files.\n';
  return [head, ...parts].join('\n\n');
}
