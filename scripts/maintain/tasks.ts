import type postgres from 'postgres';
import { archiveUsage } from './archive/archive.ts';
import type { ArchiveStore } from './archive/store.ts';
import { sayWhile } from './say-while.ts';

/** A task of `proxy_private.maintain_usage`, with its arguments. */
export type Task =
  | { name: 'partitions' }
  | { name: 'accounts' }
  | { name: 'privileges' }
  | { name: 'alerts' }
  | { name: 'retention' }
  | { name: 'archive'; store: ArchiveStore }
  /** The days that may have changed, or one day, as `2026-07-31`. */
  | { name: 'reconcile'; day?: string };

/** A row that `proxy_private.maintain_usage` returns. */
export interface Report {
  task: string;
  /** Such as `2026-07-31`; null if the task is not about one day. */
  day: string | null;
  outcome: string;
  detail: string;
}

/**
 * Runs a task in its own transaction, so that no task waits for locks that another holds.
 * `tell` receives the progress of a slow task.
 */
export function runTask(
  sql: postgres.Sql,
  task: Task,
  tell: (progress: string) => void,
): Promise<Report[]> {
  if (task.name === 'archive') return archiveUsage(sql, task.store, tell);
  return sayWhile(
    () => task.name,
    tell,
    () => maintain(sql, task),
  );
}

async function maintain(
  sql: postgres.Sql,
  task: Exclude<Task, { name: 'archive' }>,
): Promise<Report[]> {
  const day = task.name === 'reconcile' ? (task.day ?? null) : null;
  return sql.begin('isolation level read committed', async (transaction) => {
    // a hosted database cancels statements after two minutes
    await transaction`set local statement_timeout = 0`;
    return transaction<Report[]>`
      select task, day::text, outcome, detail
      from proxy_private.maintain_usage(
        array[${task.name}],
        case when ${day}::text is not null then array[${day}::date] end
      )`;
  });
}
