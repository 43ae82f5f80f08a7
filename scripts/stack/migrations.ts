import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { withConnection } from './database.ts';
import { databaseUrl } from './postgres.ts';
import { projectRoot } from './project-root.ts';
import { StackError } from './stack-error.ts';
import type { StateDirectory } from './state-directory.ts';
import { supabaseCli } from './supabase-cli.ts';
import type { Supervisor } from './supervisor.ts';

/**
 * Applies the pending migrations in `supabase/migrations` with the real CLI, and returns how many there
 * were. Checking the database first avoids starting the CLI when none is pending.
 */
export async function applyMigrations(
  supervisor: Supervisor,
  { logs, temporary }: StateDirectory,
  port: number,
): Promise<number> {
  const pending = await countPending(port);
  if (pending === 0) return pending;
  const remote = `--remote=${databaseUrl('postgres', port)}`;
  const cli = supabaseCli(['db', 'push', remote]);
  const push = await supervisor.run({
    ...cli,
    name: 'supabase db push',
    // the CLI leaves a library in the temporary folder
    env: { ...cli.env, TMPDIR: temporary },
    logFile: join(logs, 'migrations.log'),
  });
  if (push.exitCode() === 0) return pending;
  throw new StackError(
    `A migration failed.\n${push.lastWords()}`,
    'Correct the migration, then start again. To start with an empty database, run `rm -rf .stack`.',
  );
}

function countPending(port: number): Promise<number> {
  const versions = readdirSync(join(projectRoot, 'supabase', 'migrations'))
    .map((file) => /^(\d+)_.*\.sql$/.exec(file)?.[1])
    .filter((version) => version !== undefined);
  return withConnection('postgres', port, async (sql) => {
    const [table] = await sql`
      select to_regclass('supabase_migrations.schema_migrations') is not null as exists`;
    const applied = table?.exists
      ? await sql<{ version: string }[]>`
          select version from supabase_migrations.schema_migrations`
      : [];
    const known = new Set(applied.map((row) => row.version));
    return versions.filter((version) => !known.has(version)).length;
  });
}
