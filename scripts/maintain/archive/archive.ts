import type postgres from 'postgres';
import { StackError } from '../../stack/stack-error.ts';
import { sayWhile } from '../say-while.ts';
import type { Report } from '../tasks.ts';
import { archiveDay, type DayOutcome } from './archive-day.ts';
import { describeTotals, findDays, lockArchive } from './days.ts';
import type { ArchiveStore } from './store.ts';

/**
 * Archives the whole days that have no current archive, oldest first, each in a transaction by itself.
 * After one that fails the others are not tried. `say` is given the progress of one that takes long.
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
  if (reports.length === 0) report(null, 'unchanged', 'Every whole day is archived.');
  return reports;
}

/** Waits for no other run, and lets none in until the day is published and noted. */
function archiveAlone(
  sql: postgres.Sql,
  day: string,
  store: ArchiveStore,
  say: (doing: string) => void,
): Promise<DayOutcome> {
  return sql.begin('isolation level repeatable read', async (transaction) => {
    // a hosted database ends what takes over two minutes
    await transaction`set local statement_timeout = 0`;
    await transaction`set local idle_in_transaction_session_timeout = 0`;
    await transaction`set local timezone = 'UTC'`;
    // before the snapshot, which must show what the run before has noted
    await lockArchive(transaction);
    return archiveDay(transaction, day, store, say);
  }) as Promise<DayOutcome>;
}

function describe(outcome: Exclude<DayOutcome, { outcome: 'unchanged' }>): string {
  if (outcome.outcome === 'kept') {
    return `Drift in ${outcome.drift} rows of its rollups: reconcile it.`;
  }
  return `${describeTotals(outcome)}, in ${outcome.bytes} bytes at ${outcome.location}.`;
}

const isBusy = (error: unknown) => (error as { code?: unknown }).code === '55P03';

const refusals: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk is full',
  EFBIG: 'files may not be that large',
  EIO: 'the disk does not work',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'it may only be read',
  ENOTDIR: 'a part of its path is no folder',
  EEXIST: 'it is no folder',
};

/** What kept a day from being archived, or null where it is the database that failed. */
function explain(error: unknown): string | null {
  if (error instanceof StackError) return `${error.message} ${error.remedy}`;
  if (isBusy(error)) return 'Another run is at it: it is left to that one.';
  const { code = '', path = 'The archive' } = error as NodeJS.ErrnoException;
  const refusal = refusals[code];
  return refusal === undefined
    ? null
    : `${path} was not written: ${refusal} (${code}). Correct that, then run it again.`;
}
