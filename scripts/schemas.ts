import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { projectRoot } from './stack/project-root.ts';
import { runSupabaseCli } from './stack/supabase-cli.ts';

/** The folder of the files that define the current database, one per domain, in order. */
export const schemasFolder = join(projectRoot, 'supabase/schemas');

/** The folder of the migrations, which `npx supabase db push` applies. */
export const migrationsFolder = join(projectRoot, 'supabase/migrations');

/** Drops everything that the migrations created, except roles; role postgres runs it. */
export const dropSchemas = `
  drop schema proxy_private, gateway cascade;
  do $$
  declare
    statement text;
  begin
    for statement in
      select format('drop routine %s', p.oid::regprocedure)
      from pg_proc as p where p.pronamespace = 'public'::regnamespace
      union all
      select format('drop %s %s', case c.relkind when 'v' then 'view' else 'table' end, c.oid::regclass)
      from pg_class as c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v')
      union all
      select format('drop type %s', t.oid::regtype)
      from pg_type as t
      join pg_class as c on c.oid = t.typrelid
      where t.typnamespace = 'public'::regnamespace and c.relkind = 'c'
    loop
      execute statement || ' cascade';
    end loop;
  end
  $$`;

/** Replaces what the migrations created in a throw-away database by what the files of a folder create. */
export async function rebuildFrom(folder: string, dbUrl: string): Promise<void> {
  const files = readdirSync(folder).filter((name) => name.endsWith('.sql'));
  const sql = postgres(dbUrl, { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe(dropSchemas);
    for (const name of files.sort()) {
      const text = readFileSync(join(folder, name), 'utf8');
      await sql.begin((transaction) => transaction.unsafe(text));
    }
  } finally {
    await sql.end();
  }
}

/**
 * The statements that turn the first database into the second, by the supabase CLI's own diff: an
 * empty string if they are equal. It compares objects, and not rows.
 */
export async function diffDatabases(fromUrl: string, toUrl: string): Promise<string> {
  const output = await runSupabaseCli([
    'db',
    'diff',
    '--use-pg-delta',
    '--from',
    fromUrl,
    '--to',
    toUrl,
  ]);
  return /^\s*(create|alter|drop|grant|revoke|comment)\b/im.test(output) ? output : '';
}
