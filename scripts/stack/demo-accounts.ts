import { readFileSync } from 'node:fs';
import postgres from 'postgres';
import { withConnection } from './database.ts';
import { StackError } from './stack-error.ts';

const demo = readFileSync(new URL('./demo.sql', import.meta.url), 'utf8');

/**
 * Creates the accounts of `demo.sql`, with their keys and usage, in a migrated database that has no key
 * yet. Returns whether it created them. Keys are never removed, so this happens once per database. It
 * runs in one transaction, so that the next start repairs an interrupted one.
 */
export async function makeDemoAccounts(port: number): Promise<boolean> {
  try {
    return await withConnection('postgres', port, (sql) =>
      sql.begin(async (transaction) => {
        const keys = await transaction`select from proxy_private.proxy_keys limit 1`;
        if (keys.length > 0) return false;
        await transaction.unsafe(demo);
        return true;
      }),
    );
  } catch (cause) {
    if (!(cause instanceof postgres.PostgresError)) throw cause;
    throw new StackError(
      `The demo accounts could not be created.\n${cause.message}`,
      'Correct scripts/stack/demo.sql, or the migration that it uses, then start again.',
      { cause },
    );
  }
}
