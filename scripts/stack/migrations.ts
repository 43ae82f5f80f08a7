import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { databaseUrl } from './postgres.ts';
import { projectRoot } from './project-root.ts';
import { StackError } from './stack-error.ts';
import { runSupabaseCli } from './supabase-cli.ts';

/**
 * Applies what `supabase/migrations` has and the database lacks, with the real CLI, then `seed.sql`
 * once. Returns how many migrations were pending. Asking the database first saves the CLI's own
 * start when there is nothing to do.
 */
export async function applyMigrations(port: number): Promise<number> {
  const pending = await countPending(port);
  if (pending === 0) return 0;
  try {
    const remote = `--remote=${databaseUrl('postgres', port)}`;
    await runSupabaseCli(['db', 'push', '--include-seed', remote]);
  } catch (cause) {
    const { stdout = '', stderr = '' } = cause as { stdout?: string; stderr?: string };
    throw new StackError(
      `A migration failed.\n${`${stdout}${stderr}`.trimEnd()}`,
      'Mend it, then start again; `rm -rf .stack` begins with an empty database.',
      { cause },
    );
  }
  return pending;
}

async function countPending(port: number): Promise<number> {
  const versions = readdirSync(join(projectRoot, 'supabase', 'migrations'))
    .map((file) => /^(\d+)_.*\.sql$/.exec(file)?.[1])
    .filter((version) => version !== undefined);
  const sql = postgres(databaseUrl('postgres', port), { max: 1 });
  try {
    const [table] = await sql`
      select to_regclass('supabase_migrations.schema_migrations') is not null as exists`;
    if (!table?.exists) return versions.length;
    const applied = await sql<{ version: string }[]>`
      select version from supabase_migrations.schema_migrations`;
    const known = new Set(applied.map((row) => row.version));
    return versions.filter((version) => !known.has(version)).length;
  } finally {
    await sql.end();
  }
}
