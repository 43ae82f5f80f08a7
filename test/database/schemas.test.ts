import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diffDatabases, rebuildFrom, schemasFolder } from '../../scripts/schemas.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { postgresProgram, withoutPostgresPrograms } from '../support/postgres-programs.ts';

// Contributors read supabase/schemas; operators run supabase/migrations.

const run = promisify(execFile);
let migrated: OwnDatabase;
let declared: OwnDatabase;

beforeAll(async () => {
  [migrated, declared] = await Promise.all([startOwnDatabase(), startOwnDatabase()]);
  await rebuildFrom(schemasFolder, declared.dbUrl);
});
afterAll(() => Promise.all([migrated.stop(), declared.stop()]));

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
    expect(await diffDatabases(migrated.dbUrl, declared.dbUrl)).toBe('');
  });

  it.skipIf(withoutPostgresPrograms)('according to pg_dump', async () => {
    expect(await dump(declared)).toBe(await dump(migrated));
  });

  it('and a difference would be found', async () => {
    await declared.sql`alter table proxy_private.proxy_keys add column unexpected text`;
    const statements = await diffDatabases(migrated.dbUrl, declared.dbUrl);
    expect(statements.match(/^ALTER TABLE .*\n.*;$/gm)).toEqual([
      'ALTER TABLE "proxy_private"."proxy_keys"\n  ADD COLUMN "unexpected" text;',
    ]);
  });
});
