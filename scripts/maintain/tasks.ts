import type postgres from 'postgres';

/** A task of `private.maintain_usage`, with what it is told. */
export type Task =
  | { name: 'partitions' }
  | { name: 'accounts' }
  | { name: 'privileges' }
  /** The last month and this one, or one month, as `2026-07`. */
  | { name: 'reconcile'; month?: string }
  /** Without a number of months, the age in `private.maintenance_settings`. */
  | { name: 'retention'; keepMonths?: number };

/** A row of what `private.maintain_usage` reports. */
export interface Report {
  task: string;
  /** `2026-07`, or null where the task is not about one month. */
  month: string | null;
  outcome: string;
  detail: string;
}

/** How long a task may run before it is said that it runs, and again after that: milliseconds. */
const silence = 2000;

/**
 * Runs a task in a transaction of its own, so that none waits for locks that another has taken.
 * `tell` hears of one that takes long.
 */
export async function runTask(
  sql: postgres.Sql,
  task: Task,
  tell: (progress: string) => void,
): Promise<Report[]> {
  const begun = performance.now();
  const timer = setInterval(() => {
    tell(`${task.name}: ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  }, silence);
  try {
    return await maintain(sql, task);
  } finally {
    clearInterval(timer);
  }
}

async function maintain(sql: postgres.Sql, task: Task): Promise<Report[]> {
  const keepMonths = task.name === 'retention' ? (task.keepMonths ?? null) : null;
  const month = task.name === 'reconcile' ? (task.month ?? null) : null;
  return sql.begin('isolation level read committed', async (transaction) => {
    // a hosted database ends what takes over two minutes
    await transaction`set local statement_timeout = 0`;
    return transaction<Report[]>`
      select task, to_char(month, 'YYYY-MM') as month, outcome, detail
      from private.maintain_usage(
        ${keepMonths}::integer,
        array[${task.name}],
        case when ${month}::text is not null then array[to_date(${month}, 'YYYY-MM')] end
      )`;
  });
}
