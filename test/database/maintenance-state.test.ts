import type postgres from 'postgres';
import { afterAll, describe, expect, it } from 'vitest';
import { connectOwner } from '../support/personas.ts';

const sql = connectOwner();
afterAll(() => sql.end());

/** Runs `work` with an empty log, then restores the log. */
async function withLog<T>(work: (transaction: postgres.TransactionSql) => Promise<T>): Promise<T> {
  let result: T | undefined;
  const undone = sql.begin(async (transaction) => {
    await transaction`delete from proxy_private.maintenance_log`;
    result = await work(transaction);
    throw new Error('undo');
  });
  await expect(undone).rejects.toThrow('undo');
  return result as T;
}

const tasks = ['reconcile', 'retention', 'partitions', 'accounts', 'privileges', 'alerts'];

function log(
  transaction: postgres.TransactionSql,
  ranAt: string,
  task: string,
  ...outcomes: string[]
) {
  return transaction`
    insert into proxy_private.maintenance_log (ran_at, task, outcome, detail)
    select ${ranAt}::timestamptz, ${task}, o, '' from unnest(${outcomes}::text[]) as o`;
}

const stateOf = async (transaction: postgres.TransactionSql) => {
  const [state] = await transaction`
    select finished_at::text, problems from gateway.maintenance_state()`;
  return state;
};

describe('the state of maintenance, which gateways report in their metrics', () => {
  it('has no time if a task has never run', async () => {
    const state = await withLog(async (transaction) => {
      for (const task of tasks.slice(1)) await log(transaction, '2026-11-02Z', task, 'unchanged');
      return stateOf(transaction);
    });
    expect(state).toEqual({ finished_at: null, problems: 0 });
  });

  it("has the oldest of the tasks' last runs, and the number of problems in each task's last run", async () => {
    const state = await withLog(async (transaction) => {
      await transaction`set local timezone = 'UTC'`;
      for (const task of tasks) await log(transaction, '2026-11-02Z', task, 'failed');
      await log(transaction, '2026-11-04Z', 'reconcile', 'repaired', 'unchanged');
      await log(transaction, '2026-11-03Z', 'retention', 'dropped', 'kept', 'skipped');
      for (const task of tasks.slice(2)) await log(transaction, '2026-11-05Z', task, 'unchanged');
      await log(transaction, '2026-11-05Z', 'privileges', 'found');
      return stateOf(transaction);
    });
    expect(state).toEqual({ finished_at: '2026-11-03 00:00:00+00', problems: 3 });
  });

  it('has one time for everything that one run reports', async () => {
    const times = await withLog(async (transaction) => {
      await transaction`select proxy_private.maintain_usage('{partitions,accounts,privileges}')`;
      return transaction`select distinct ran_at from proxy_private.maintenance_log`;
    });
    expect(times).toHaveLength(1);
  });
});
