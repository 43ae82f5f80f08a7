import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import postgres from 'postgres';
import { afterAll, expect, it, onTestFinished, vi } from 'vitest';
import { functionProgram } from '../../scripts/stack/functions.ts';
import { freePort, loopback } from '../../scripts/stack/ports.ts';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import type { RunRecord } from '../../scripts/stack/run-record.ts';
import { type Stack, startStack } from '../../scripts/stack/stack.ts';
import { processesFileName } from '../../scripts/stack/state-directory.ts';
import { startReceiver } from './receiver.ts';

const folder = mkdtempSync(join(tmpdir(), 'deliveries-'));
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

const start = () => startStack({ ephemeral: true, durable: true, dashboard: false, folder });

/** Kills one program of a stack, as the machine might. */
function kill(stack: Stack, name: string): void {
  const file = join(dirname(stack.logs), processesFileName);
  const { programs } = JSON.parse(readFileSync(file, 'utf8')) as RunRecord;
  const program = programs.find((each) => each.name === name);
  if (!program) throw new Error(`no ${name} is running`);
  process.kill(program.process.pid, 'SIGKILL');
}

/** Starts a second process of the function, as the platform does after a crash; returns its URL. */
async function startFunctionAgain(stack: Stack, stopped: AbortSignal): Promise<string> {
  const port = await freePort();
  const { jwks } = JSON.parse(readFileSync(stack.keysFile, 'utf8'));
  const { url, publishableKey, secretKey } = stack;
  const entrypoint = join(projectRoot, 'supabase/functions/deliver/index.ts');
  const { command, args, env } = functionProgram(entrypoint, port, {
    url,
    publishableKey,
    secretKey,
    jwks: jwks ?? { keys: [] },
    cacheFolder: join(folder, 'deno'),
  });
  spawn(
    command,
    args.map((arg) => arg.replace(/^--allow-net=.*/, '--allow-net')),
    {
      env: { ...process.env, ...env, DELIVER_ALLOW_LOCAL: 'true' },
      cwd: projectRoot,
      stdio: 'ignore',
      signal: stopped,
      killSignal: 'SIGKILL',
    },
  ).on('error', () => {});
  const target = `http://${loopback}:${port}/deliver`;
  await vi.waitFor(() => fetch(target, { method: 'OPTIONS' }), { timeout: 60_000 });
  return target;
}

it('no alert is lost when the function, Postgres and the stack are killed', async () => {
  const receiver = await startReceiver();
  // slow enough that each kill hits claimed deliveries
  receiver.answer = (response) => setTimeout(() => response.end(), 100);
  const idsOf = () => new Set(receiver.received.map(({ headers }) => headers['webhook-id']));
  const alerts = 200;
  let stack = await start();
  let sql = postgres(stack.dbUrl, { max: 2, onnotice: () => {}, onclose: () => {} });
  const [demo] = await sql`select id from auth.users where email = 'demo@example.com'`;
  for (let number = 0; number < 4; number += 1) {
    await sql`
      with made as (
        insert into proxy_private.proxy_webhooks (user_id, kind, address)
        values (${demo?.id}, 'webhook', 'test') returning id
      )
      select proxy_private.keep_webhook_secret(
        m.id, jsonb_build_object('url', ${`${receiver.url}/${number}`}::text, 'key', 'c2VjcmV0')
      ) from made as m`;
  }
  /** Ends all claims, as 30 s would: the deliveries of a killed process are due again. */
  const letClaimsEnd = () => sql`
    update proxy_private.proxy_deliveries set claimed_until = now() where claimed_until is not null`;
  const raise = (from: number, to: number) => sql`
    select proxy_private.raise_alerts(array(
      select (${demo?.id}::uuid, null, 'webhook.test', 'kill ' || n, null, '{}')::proxy_private.new_alert
      from generate_series(${from}::integer, ${to}::integer - 1) as n
    ))`;
  await raise(0, alerts / 2);
  await receiver.until(30);
  kill(stack, 'Function deliver');
  const stopped = new AbortController();
  onTestFinished(() => stopped.abort());
  const again = await startFunctionAgain(stack, stopped.signal);
  // stands for the scheduled job
  const clock = setInterval(() => {
    fetch(again, { method: 'POST', headers: { apikey: stack.secretKey } }).catch(() => {});
  }, 1_000);
  await raise(alerts / 2, alerts);
  await letClaimsEnd();
  await receiver.until(200);
  clearInterval(clock);

  kill(stack, 'Postgres');
  stopped.abort();
  await sql.end({ timeout: 1 });
  await stack.stop();

  stack = await start();
  sql = postgres(stack.dbUrl, { max: 2, onnotice: () => {} });
  await letClaimsEnd();
  await receiver.until(300);
  // stop the stack while deliveries are claimed
  await sql.end({ timeout: 1 });
  await stack.stop();
  stack = await start();
  sql = postgres(stack.dbUrl, { max: 2, onnotice: () => {} });
  await letClaimsEnd();
  try {
    const pending = async () => {
      const [row] =
        await sql`select count(*)::integer as count from proxy_private.proxy_deliveries where state <> 'delivered'`;
      return row?.count;
    };
    await expect.poll(pending).toBe(0);
    const raised = await sql<{ id: string }[]>`
      select id from proxy_private.proxy_alerts where type = 'webhook.test'`;
    expect(raised).toHaveLength(alerts);
    const ids = idsOf();
    expect(raised.filter(({ id }) => !ids.has(id))).toEqual([]);
    const paths = new Set(
      receiver.received.map(({ path, headers }) => `${path} ${headers['webhook-id']}`),
    );
    expect(paths.size).toBe(alerts * 4);
  } finally {
    await sql.end({ timeout: 1 });
    await stack.stop();
  }
});
