import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { withConnection } from './database.ts';
import { databaseUrl } from './postgres.ts';
import { projectRoot } from './project-root.ts';
import { StackError } from './stack-error.ts';
import { supabaseCli } from './supabase-cli.ts';
import type { Supervisor } from './supervisor.ts';

/** What `supabase/` has and the database lacks. */
interface Pending {
  migrations: number;
  seed: boolean;
}

/**
 * Applies what `supabase/migrations` has and the database lacks, with the real CLI, then `seed.sql`
 * once, also when an earlier start was cut short between the two. Returns what was pending. Asking
 * the database first saves the CLI's own start when there is nothing to do.
 */
export async function applyMigrations(
  supervisor: Supervisor,
  options: { port: number; logFile: string; temporary: string },
): Promise<Pending> {
  const pending = await findPending(options.port);
  if (pending.migrations === 0 && !pending.seed) return pending;
  const remote = `--remote=${databaseUrl('postgres', options.port)}`;
  const cli = supabaseCli(['db', 'push', '--include-seed', remote]);
  const push = await supervisor.run({
    ...cli,
    name: 'supabase db push',
    // it leaves a library of its own in the folder for temporary files
    env: { ...cli.env, TMPDIR: options.temporary },
    logFile: options.logFile,
  });
  if (push.exitCode() === 0) return pending;
  throw new StackError(
    `A migration or the seed failed.\n${push.lastWords()}`,
    'Mend it, then start again; `rm -rf .stack` begins with an empty database.',
  );
}

function findPending(port: number): Promise<Pending> {
  const folder = join(projectRoot, 'supabase');
  const versions = readdirSync(join(folder, 'migrations'))
    .map((file) => /^(\d+)_.*\.sql$/.exec(file)?.[1])
    .filter((version) => version !== undefined);
  return withConnection('postgres', port, async (sql) => {
    const hasTable = async (name: string) => {
      const [row] = await sql`select to_regclass(${name}) is not null as exists`;
      return row?.exists === true;
    };
    const applied = (await hasTable('supabase_migrations.schema_migrations'))
      ? await sql<{ version: string }[]>`
          select version from supabase_migrations.schema_migrations`
      : [];
    const seeds = (await hasTable('supabase_migrations.seed_files'))
      ? await sql`select from supabase_migrations.seed_files`
      : [];
    const known = new Set(applied.map((row) => row.version));
    return {
      migrations: versions.filter((version) => !known.has(version)).length,
      seed: seeds.length === 0 && existsSync(join(folder, 'seed.sql')),
    };
  });
}
