import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type postgres from 'postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readBlocks } from '../../scripts/docs/fenced-blocks.ts';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';

/** DuckDB's is run by the tests of the archive; ClickHouse and BigQuery cannot be started here. */
const otherDatabases = /read_parquet\(|\bs3\(|create external table/;

const blocks = readdirSync(join(projectRoot, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .flatMap((page) =>
    readBlocks(`docs/${page}`).map((block) => ({
      page,
      firstLine: block.code.trimStart().split('\n')[0],
      ...block,
    })),
  )
  .filter(({ language, code }) => language === 'sql' && !otherDatabases.test(code));

let database: OwnDatabase;
beforeAll(async () => {
  database = await startOwnDatabase();
});
afterAll(() => database.stop());

/** What hosted projects have: Supabase Vault, which local Postgres lacks. */
const vault = `
  create schema vault;
  create function vault.create_secret(new_secret text, new_name text) returns uuid
  return gen_random_uuid();`;

it.each(blocks)('docs/$page: $firstLine', async ({ code }) => {
  const undone = new Error('undone');
  // the one placeholder that is not text to Postgres is a time
  const statement = code.replaceAll(/(?<=(?:between|and) )'…'/g, 'now()');
  const run = database.sql.begin(async (transaction: postgres.TransactionSql) => {
    await transaction.unsafe(vault);
    await transaction.unsafe(statement);
    throw undone;
  });
  await expect(run).rejects.toBe(undone);
});
