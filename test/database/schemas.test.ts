import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runSupabaseCli } from '../../scripts/stack/supabase-cli.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { postgresProgram, withoutPostgresPrograms } from '../support/postgres-programs.ts';
import { applySchemaFiles, dropSchemas } from '../support/schema-files.ts';

// A contributor reads supabase/schemas; an operator runs supabase/migrations.

const run = promisify(execFile);
let migrated: OwnDatabase;
let declared: OwnDatabase;

beforeAll(async () => {
  [migrated, declared] = await Promise.all([startOwnDatabase(), startOwnDatabase()]);
  await declared.sql.unsafe(dropSchemas);
  await applySchemaFiles(declared.sql);
});
afterAll(() => Promise.all([migrated.stop(), declared.stop()]));

/** Statements that would make the first database the second, by the CLI's own diff. */
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
  // it guards against psql's own commands with a random word
  return stdout.replace(/^\\(un)?restrict .*$/gm, '');
}

describe('the migrations and the schema files make the same database', () => {
  it('by the diff of the supabase CLI', async () => {
    expect(await differences(migrated, declared)).toEqual([]);
  });

  it.skipIf(withoutPostgresPrograms)('by pg_dump', async () => {
    expect(await dump(declared)).toBe(await dump(migrated));
  });

  it('and a difference would show', async () => {
    await declared.sql`alter table proxy_private.proxy_keys add column note text`;
    const [first, ...others] = await differences(migrated, declared);
    expect(first).toContain('ADD COLUMN "note"');
    expect(others).toEqual([]);
  });
});
