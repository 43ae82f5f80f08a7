import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runSupabaseCli } from '../../scripts/stack/supabase-cli.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { postgresProgram, withoutPostgresPrograms } from '../support/postgres-programs.ts';
import { applySchemaFiles, dropSchemas } from '../support/schema-files.ts';

// Contributors read supabase/schemas; operators run supabase/migrations.

const run = promisify(execFile);
let migrated: OwnDatabase;
let declared: OwnDatabase;

beforeAll(async () => {
  [migrated, declared] = await Promise.all([startOwnDatabase(), startOwnDatabase()]);
  await declared.sql.unsafe(dropSchemas);
  await applySchemaFiles(declared.sql);
});
afterAll(() => Promise.all([migrated.stop(), declared.stop()]));

/** Statements that would turn the first database into the second, according to the CLI's diff. */
async function differences(from: OwnDatabase, to: OwnDatabase): Promise<string[]> {
  const targets = ['--from', from.dbUrl, '--to', to.dbUrl];
  const answer = await runSupabaseCli(['db', 'diff', '--use-pg-delta', ...targets]);
  return answer
    .split(/;\n/)
    .filter((statement) => /^\s*(create|alter|drop|grant|revoke|comment)\b/i.test(statement));
}

async function dump({ dbUrl }: OwnDatabase): Promise<string> {
  const options = [
    '--schema-only',
    '--no-owner',
    ...['public', 'proxy_private', 'gateway', 'auth'].map((name) => `--schema=${name}`),
  ];
  const { stdout } = await run(postgresProgram('pg_dump'), [...options, dbUrl], {
    maxBuffer: 64 * 1024 * 1024,
  });
  // pg_dump adds a random word to guard against psql commands
  return stdout.replace(/^\\(un)?restrict .*$/gm, '');
}

describe('the migrations and the schema files create the same database', () => {
  it("according to the supabase CLI's diff", async () => {
    expect(await differences(migrated, declared)).toEqual([]);
  });

  it.skipIf(withoutPostgresPrograms)('according to pg_dump', async () => {
    expect(await dump(declared)).toBe(await dump(migrated));
  });

  it('and a difference would be found', async () => {
    await declared.sql`alter table proxy_private.proxy_keys add column note text`;
    const [first, ...others] = await differences(migrated, declared);
    expect(first).toContain('ADD COLUMN "note"');
    expect(others).toEqual([]);
  });
});
