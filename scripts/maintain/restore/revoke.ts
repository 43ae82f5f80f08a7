import type postgres from 'postgres';
import { alignColumns } from '../../aligned-table.ts';
import { explainFailure, openDatabase } from '../../operator-database.ts';
import { type ChangedKey, readChangedKeys, unreadable } from './changed-keys.ts';

/** What is to be taken out of service: what changed from `since` on, up to `until` where that is said. */
export interface Revocation {
  since: Date;
  until: Date | null;
  /** Of the gateways' logs; `-` is standard input. */
  files: string[];
}

/** What became of a key, as `proxy_private.suspend_restored_keys` says it, in words. */
const outcomes = {
  suspended: 'suspended now',
  done_before: 'suspended by an earlier run',
  out_of_service: 'already deleted or suspended',
  unknown: 'not in the database',
} as const;
type Outcome = keyof typeof outcomes;

/** Keys that one transaction takes. */
const batchSize = 500;
/** Keys that are remembered, so that one that changed often is asked for once. */
const mostSeen = 100_000;

/**
 * After a restore to an earlier moment: suspends each key that the gateways' logs name as changed after it.
 * Running it again changes nothing. Returns the exit code.
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
    // a file that cannot be read says so itself
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
