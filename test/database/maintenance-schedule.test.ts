import type postgres from 'postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';

let database: OwnDatabase;
let sql: postgres.Sql;
beforeAll(async () => {
  database = await startOwnDatabase();
  sql = database.sql;
});
afterAll(() => database.stop());

/** Runs `work` in a transaction that is rolled back. */
async function rolledBack(work: (transaction: postgres.TransactionSql) => Promise<void>) {
  const done = new Error('done');
  const run = sql.begin(async (transaction) => {
    await work(transaction);
    throw done;
  });
  await expect(run).rejects.toBe(done);
}

/** A fake pg_cron: scheduling a named job again replaces it. */
const standIn = `
  create schema cron;
  create table cron.job (
    jobid bigint generated always as identity, schedule text not null, command text not null,
    username text not null default current_user, jobname text not null,
    unique (jobname, username)
  );
  create function cron.schedule(job_name text, schedule text, command text) returns bigint
  language sql as $$
    insert into cron.job as j (jobname, schedule, command) values ($1, $2, $3)
    on conflict (jobname, username)
      do update set schedule = excluded.schedule, command = excluded.command
    returning jobid
  $$`;

const schedule = async (transaction: postgres.TransactionSql) => {
  const [row] = await transaction`select proxy_private.schedule_maintenance() as scheduled`;
  return row?.scheduled as unknown;
};

it('without pg_cron, nothing is scheduled and no error is raised', async () => {
  const [available] = await sql`select from pg_available_extensions where name = 'pg_cron'`;
  expect(available).toBeUndefined();
  await rolledBack(async (transaction) => {
    expect(await schedule(transaction)).toBe(false);
  });
});

it('each task is scheduled once by name, and its command runs', async () => {
  await rolledBack(async (transaction) => {
    await transaction.unsafe(standIn);
    expect(await schedule(transaction)).toBe(true);
    expect(await schedule(transaction)).toBe(true);
    const jobs = await transaction<{ jobname: string; schedule: string; command: string }[]>`
      select jobname, schedule, command from cron.job where username = 'postgres' order by jobname`;
    expect(jobs.map(({ jobname }) => jobname)).toEqual([
      'proxy_accounts',
      'proxy_alerts',
      'proxy_deliver',
      'proxy_gateway_privileges',
      'proxy_usage_partitions',
      'proxy_usage_reconcile',
      'proxy_usage_retention',
    ]);
    const tasks = new Set<string>();
    for (const { jobname, schedule: when, command } of jobs) {
      if (jobname === 'proxy_deliver') {
        expect(when).toBe('* * * * *');
        await transaction.unsafe(command);
        continue;
      }
      // hourly alerts; the others run each night
      expect(when).toMatch(/^\d{1,2} (\d{1,2}|\*) \* \* \*$/);
      // sent as one message, as pg_cron does
      const [, reports] = await transaction.unsafe(command).simple();
      for (const report of reports as unknown as { task: string; outcome: string }[]) {
        tasks.add(report.task);
        expect(report).toMatchObject({
          outcome: expect.stringMatching(/^(unchanged|made|repaired)$/),
        });
      }
    }
    expect([...tasks]).toEqual([
      'accounts',
      'alerts',
      'privileges',
      'partitions',
      'reconcile',
      'retention',
    ]);
    const [limit] = await transaction`show statement_timeout`;
    expect(limit?.statement_timeout).toBe('0');
  });
});

it('a refusal by pg_cron is not a failure', async () => {
  await rolledBack(async (transaction) => {
    await transaction.unsafe(standIn);
    await transaction`
      create or replace function cron.schedule(job_name text, schedule text, command text)
      returns bigint language plpgsql as 'begin raise insufficient_privilege; end'`;
    expect(await schedule(transaction)).toBe(false);
    const [jobs] = await transaction`select count(*)::integer from cron.job`;
    expect(jobs?.count).toBe(0);
  });
});
