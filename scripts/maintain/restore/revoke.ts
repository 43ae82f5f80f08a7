import type postgres from 'postgres';
import { alignColumns } from '../../aligned-table.ts';
import { explainFailure, openDatabase } from '../../operator-database.ts';
import { type ChangedKey, readChangedKeys, unreadable } from './changed-keys.ts';

/** Which keys to suspend: those that changed from `since` on, up to `until` if given. */
export interface Revocation {
  since: Date;
  until: Date | null;
  /** The gateways' log files; `-` is standard input. */
  files: string[];
}

/** The outcomes that `proxy_private.suspend_restored_keys` returns for a key, in words. */
const outcomes = {
  suspended: 'suspended now',
  done_before: 'suspended by an earlier run',
  out_of_service: 'already deleted or suspended',
  unknown: 'not in the database',
} as const;
type Outcome = keyof typeof outcomes;

/** The number of keys per transaction. */
const batchSize = 500;
/** The number of keys to remember, so that a key that changed often is sent to the database once. */
const mostSeen = 100_000;

/**
 * After a restore to an earlier time, suspends each key that the gateways' logs show as changed after it.
 * Idempotent. Returns the exit code.
 */
export async function revokeSince(
  { since, until, files }: Revocation,
  url: string | undefined,
  console: Pick<Console, 'log' | 'error'>,
): Promise<number> {
  const database = openDatabase(url);
  const counts = new Map<Outcome, number>();
  const seen = new Set<string>();
  let batch: string[] = [];
  let unread = 0;
  const flush = async () => {
    for (const { keyId, outcome } of await suspend(database.sql, batch, since)) {
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      if (outcome === 'suspended') console.log(`${keyId}  ${outcomes.suspended}`);
    }
    batch = [];
  };
  const take = async ({ keyId, at }: ChangedKey) => {
    if (at < since.valueOf() || (until && at > until.valueOf()) || seen.has(keyId)) return;
    if (seen.size >= mostSeen) seen.clear();
    seen.add(keyId);
    batch.push(keyId);
    if (batch.length >= batchSize) await flush();
  };
  try {
    for await (const change of readChangedKeys(files)) {
      if (change === unreadable) unread += 1;
      else await take(change);
    }
    await flush();
  } catch (error) {
    // an error about a file already explains itself
    throw isOfFile(error) ? error : explainFailure(error, database.address);
  } finally {
    await database.sql.end({ timeout: 0 });
  }
  const rows = Object.entries(outcomes).map(([outcome, words]) => [
    words,
    String(counts.get(outcome as Outcome) ?? 0),
  ]);
  console.log(
    alignColumns([['keys', 'count'], ...rows, ['lines that cannot be read', String(unread)]], [1]),
  );
  return unread === 0 ? 0 : 1;
}

function suspend(
  sql: postgres.Sql,
  keyIds: string[],
  since: Date,
): Promise<{ keyId: string; outcome: Outcome }[]> {
  return sql<{ keyId: string; outcome: Outcome }[]>`
    select s.key_id as "keyId", s.outcome
    from proxy_private.suspend_restored_keys(${keyIds}::text[], ${since.toISOString()}) as s`;
}

function isOfFile(error: unknown): boolean {
  return typeof (error as NodeJS.ErrnoException).path === 'string';
}
