import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { diffDatabases, migrationsFolder, rebuildFrom, schemasFolder } from './schemas.ts';
import { projectRoot } from './stack/project-root.ts';
import { withDatabase } from './stack/with-database.ts';

const usage = `npm run migration -- <name>
    writes the migration that the changes in supabase/schemas need; a name is as add_key_notes

Read what it writes. The comparison sees objects, not rows, and cannot know that a column was renamed. It
revokes only what the default privileges of the local database grant: copy the file's block of privileges.`;

const { positionals } = parseArgs({ allowPositionals: true, options: {} });
const [name = '', ...others] = positionals;
if (!/^[a-z][a-z0-9_]*$/.test(name) || others.length > 0) {
  console.error(usage);
  process.exit(1);
}

const report = (step: string) => console.error(`  ${step}`);
const statements = await withDatabase(
  (migrated) =>
    withDatabase(async (declared) => {
      await rebuildFrom(schemasFolder, declared);
      report('supabase/schemas: applied');
      return diffDatabases(migrated, declared);
    }),
  report,
);
if (statements === '') {
  console.error('The migrations already make what supabase/schemas declare.');
} else {
  const version = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14);
  const file = join(migrationsFolder, `${version}_${name}.sql`);
  writeFileSync(file, `${statements.trim()}\n`);
  console.error(`wrote ${relative(projectRoot, file)}: read it, then run \`npm run types\``);
}
