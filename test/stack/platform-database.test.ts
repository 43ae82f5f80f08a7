import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { gatewayLogin } from '../../scripts/gateway-login/gateway-login.ts';
import { maintain } from '../../scripts/maintain/maintain.ts';
import { openDatabase } from '../../scripts/operator-database.ts';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import { runSupabaseCli } from '../../scripts/stack/supabase-cli.ts';
import { type Finding, unexplained } from '../support/advisor-findings.ts';
import { plainRequest, sendRaw, startTestGateway } from '../support/gateway/gateway-fixture.ts';
import { startPlainTarget } from '../support/gateway/targets.ts';
import { callCommand } from '../support/operator-command.ts';
import { startOwnDatabase } from '../support/own-stack.ts';
import { seedKey } from '../support/seeded-keys.ts';

// docs/platform.md describes the requirements for this server
const platformUrl = process.env.PLATFORM_DATABASE_URL;

const undo = new AsyncDisposableStack();
let url: string;
let sql: postgres.Sql;

beforeAll(async () => {
  if (platformUrl === undefined) {
    const own = await startOwnDatabase();
    undo.defer(() => own.stop());
    url = own.dbUrl;
  } else {
    url = platformUrl;
    await cli('db', 'push');
  }
  ({ sql } = openDatabase(url));
  undo.defer(() => sql.end({ timeout: 1 }));
});
afterAll(() => undo.disposeAsync());

/** Runs a command of the real CLI against the database and returns its answer. */
async function cli<T>(...args: string[]): Promise<T> {
  const answer = await runSupabaseCli([...args, `--remote=${url}`, '--output-format=json']);
  return JSON.parse(answer) as T;
}

async function makeLogin(name: string): Promise<string> {
  const { stdout } = await callCommand(gatewayLogin, ['create', name], url);
  const [, made = ''] = /GATEWAY_DATABASE_URL="(.+)"/.exec(stdout) ?? [];
  return made;
}

async function applied(): Promise<string[]> {
  const { migrations } = await cli<{ migrations: { local: string; remote: string }[] }>(
    ...['migration', 'list'],
  );
  return migrations.map(({ local, remote }) => (local === remote ? remote : 'pending'));
}

const versions = readdirSync(join(projectRoot, 'supabase/migrations'))
  .map((file) => file.split('_')[0])
  .sort();

it('the schema’s owner is not a superuser', async () => {
  const [role] = await sql`
    select rolname, rolsuper from pg_roles where rolname = current_user`;
  expect(role).toEqual({ rolname: 'postgres', rolsuper: false });
});

// before the reset: after it, pg_cron may start no job until its server's settings are reloaded
describe.skipIf(platformUrl === undefined)('with the platform’s extensions', () => {
  it('pg_cron runs each maintenance task', async () => {
    const jobs = await sql<{ jobname: string; command: string }[]>`
      select jobname, command from cron.job where username = 'postgres' order by jobname`;
    expect(jobs.map(({ jobname }) => jobname)).toEqual([
      ...['proxy_accounts', 'proxy_alerts', 'proxy_deliver', 'proxy_gateway_privileges'],
      'proxy_usage_partitions',
      ...['proxy_usage_reconcile', 'proxy_usage_retention'],
    ]);
    for (const { jobname, command } of jobs) {
      const [job] = await sql`select cron.schedule(${`now ${jobname}`}, '1 seconds', ${command})`;
      try {
        await vi.waitFor(async () => {
          const runs = await sql`
            select status from cron.job_run_details
            where jobid = ${job?.schedule} and status not in ('starting', 'running') limit 1`;
          expect([...runs]).toEqual([{ status: 'succeeded' }]);
        });
      } finally {
        await sql`select cron.unschedule(${`now ${jobname}`})`;
      }
    }
  });

  it('the CLI’s lint finds no error in a function', async () => {
    const findings = await cli<unknown>('db', 'lint', '--level=error');
    expect(findings).toMatchObject({ results: [] });
  });
});

it('a reset applies every migration again, and a gateway’s login still works afterwards', async () => {
  const name = `before_reset_${randomUUID().slice(0, 8)}`;
  const databaseUrl = await makeLogin(name);
  expect(await applied()).toEqual(versions);
  await runSupabaseCli(['db', 'reset', `--remote=${url}`]);
  expect(await applied()).toEqual(versions);

  const userId = randomUUID();
  await sql`insert into auth.users (id, email) values (${userId}, ${`${userId}@example.com`})`;
  const { id, keyId, secret } = await seedKey(sql, userId);
  const target = await startPlainTarget();
  const gateway = await startTestGateway({ databaseUrl, databaseConnections: 3 });
  try {
    const request = plainRequest(`http://127.0.0.1:${target.port}/`, `${keyId}:${secret}`);
    const { status, socket } = await sendRaw(gateway.port, request);
    socket.destroy();
    expect(status).toBe(200);
    await vi.waitFor(async () => {
      const events = await sql`
        select status_code from proxy_private.proxy_usage_events where api_key_id = ${id}`;
      expect([...events]).toEqual([{ status_code: 200 }]);
    });
  } finally {
    await Promise.all([gateway.stop(), target.close()]);
  }

  expect(await callCommand(maintain, [], url)).toMatchObject({ code: 0, stderr: '' });
  expect(await callCommand(gatewayLogin, ['drop', name], url)).toMatchObject({ code: 0 });
});

it('the CLI’s advisors find nothing unexplained', async () => {
  const { results } = await cli<{ results: Finding[] }>('db', 'advisors', '--level=info');
  expect(unexplained(results)).toEqual([]);
});
