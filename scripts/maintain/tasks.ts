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

/** A row of what `proxy_private.maintain_usage` reports. */
export interface Report {
  task: string;
  /** `2026-07-31`, or null where the task is not about one day. */
  day: string | null;
  outcome: string;
  detail: string;
}

/**
 * Runs a task in a transaction of its own, so that none waits for locks that another has taken.
 * `tell` hears of one that takes long.
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
    // a hosted database ends what takes over two minutes
    await transaction`set local statement_timeout = 0`;
    return transaction<Report[]>`
      select task, day::text, outcome, detail
      from proxy_private.maintain_usage(
        array[${task.name}],
        case when ${day}::text is not null then array[${day}::date] end
      )`;
  });
}
