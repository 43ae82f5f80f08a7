import type postgres from 'postgres';
import { StackError } from '../../stack/stack-error.ts';
import { sayWhile } from '../say-while.ts';
import type { Report } from '../tasks.ts';
import { archiveDay, type DayOutcome } from './archive-day.ts';
import { describeTotals, findDays, lockArchive } from './days.ts';
import type { ArchiveStore } from './store.ts';

/**
 * Archives the complete days that have no current archive, oldest first, each in its own transaction.
 * Stops at the first failure. `say` receives the progress of a slow day.
 */
export async function archiveUsage(
  sql: postgres.Sql,
  store: ArchiveStore,
  say: (progress: string) => void,
): Promise<Report[]> {
  const reports: Report[] = [];
  const report = (day: string | null, outcome: string, detail: string) => {
    reports.push({ task: 'archive', day, outcome, detail });
  };
  for (const day of await findDays(sql)) {
    let doing = '';
    try {
      const outcome = await sayWhile(
        () => `archive ${day}, ${doing}`,
        say,
        () =>
          archiveAlone(sql, day, store, (now) => {
            doing = now;
          }),
      );
      if (outcome.outcome !== 'unchanged') report(day, outcome.outcome, describe(outcome));
    } catch (error) {
      const sentence = explain(error);
      if (sentence === null) throw error;
      report(day, isBusy(error) ? 'skipped' : 'failed', sentence);
      break;
    }
  }
  if (reports.length === 0) report(null, 'unchanged', 'Every complete day is archived.');
  return reports;
}

/** Fails if another run holds the lock, and keeps the lock until the day is published and recorded. */
function archiveAlone(
  sql: postgres.Sql,
  day: string,
  store: ArchiveStore,
  say: (doing: string) => void,
): Promise<DayOutcome> {
  return sql.begin('isolation level repeatable read', async (transaction) => {
    // a hosted database cancels statements after two minutes
    await transaction`set local statement_timeout = 0`;
    await transaction`set local idle_in_transaction_session_timeout = 0`;
    await transaction`set local timezone = 'UTC'`;
    // before the snapshot, which must include what the previous run recorded
    await lockArchive(transaction);
    return archiveDay(transaction, day, store, say);
  }) as Promise<DayOutcome>;
}

function describe(outcome: Exclude<DayOutcome, { outcome: 'unchanged' }>): string {
  if (outcome.outcome === 'kept') {
    return `Drift in ${outcome.drift} rows of its rollups: reconcile the day.`;
  }
  return `${describeTotals(outcome)}, in ${outcome.bytes} bytes at ${outcome.location}.`;
}

const isBusy = (error: unknown) => (error as { code?: unknown }).code === '55P03';

const refusals: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk is full',
  EFBIG: 'the file system does not allow files that large',
  EIO: 'the disk returned an I/O error',
  EACCES: 'this user has no write permission there',
  EPERM: 'this user has no write permission there',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is not a folder',
  EEXIST: 'the path is not a folder',
};

/** Why a day was not archived; null if the database failed. */
function explain(error: unknown): string | null {
  if (error instanceof StackError) return `${error.message} ${error.remedy}`;
  if (isBusy(error)) return 'Another run is archiving: the day is left to that run.';
  const { code = '', path = 'The archive' } = error as NodeJS.ErrnoException;
  const refusal = refusals[code];
  return refusal === undefined
    ? null
    : `${path} was not written: ${refusal} (${code}). Fix this, then run the command again.`;
}
