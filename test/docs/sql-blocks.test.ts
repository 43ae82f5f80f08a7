import type postgres from 'postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readAllBlocks } from '../../scripts/docs/fenced-blocks.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';

/** DuckDB's is run by the tests of the archive; ClickHouse and BigQuery cannot be started here. */
const otherDatabases = /read_parquet\(|\bs3\(|create external table/;

const blocks = readAllBlocks().filter(
  ({ language, code }) => language === 'sql' && !otherDatabases.test(code),
);

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

it.each(blocks)('$page: $firstLine', async ({ code }) => {
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
