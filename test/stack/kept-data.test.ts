import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { postgresUser } from '../../scripts/stack/process-user.ts';
import { type CheckoutCopy, copyCheckout } from '../support/stack/checkout-copy.ts';
import { endAll, type StartCommand, startCommand } from '../support/stack/start-command.ts';

const parent = mkdtempSync(join(tmpdir(), 'kept-data-'));
let checkout: CheckoutCopy;
beforeAll(async () => {
  // Postgres may run as another user
  chmodSync(parent, 0o755);
  checkout = await copyCheckout(parent);
});
afterAll(() => rmSync(parent, { recursive: true, force: true, maxRetries: 5 }));

const start = () => startCommand({ args: [], checkout: checkout.folder });

test('the printed token mints a key; a second start is refused without harm; data, keys and tokens survive a restart', async () => {
  const first = startCommand({ args: [], checkout: checkout.folder, scratch: true });
  const before = await credentials(first);
  expect(first.stderr()).toContain('demo accounts: created');
  expect(first.stdout()).toContain(`curl -X POST http://127.0.0.1:${checkout.apiPort}/api/`);
  expect(await mintKey(before.demoToken)).toMatch(/^avp_live_[0-9a-f]{12}$/);
  const token = await signUp(before.publishableKey);
  const keyId = await mintKey(token);

  const beside = start();
  expect(await beside.ended).toBe(1);
  expect(beside.stderr()).toContain(`${first.child.pid}`);
  expect(beside.stderr()).toContain('--ephemeral');
  expect(first.child.exitCode).toBeNull();
  expect(await listKeyIds(token)).toEqual([keyId]);
  first.child.kill('SIGINT');
  expect(await first.ended).toBe(0);
  expect(first.processes()).toEqual([]);

  const second = start();
  const after = await credentials(second);
  expect(second.stderr()).toContain('none pending');
  expect(second.stderr()).not.toContain('demo accounts');
  expect(after.publishableKey).toBe(before.publishableKey);
  expect(after.secretKey).toBe(before.secretKey);
  expect(await listKeyIds(token)).toEqual([keyId]);
  await expectCrashToEnd(second, 'Gateway', '/gateway/main.ts', 'gateway.log');
});

test('the next start recovers a killed run whose programs still run', async () => {
  const killed = start();
  const { publishableKey } = await credentials(killed);
  const token = await signUp(publishableKey);
  const keyId = await mintKey(token);
  killed.child.kill('SIGKILL');
  await killed.ended;
  expect(killed.processes()).not.toEqual([]);

  const next = start();
  await next.output();
  expect(killed.processes()).toEqual([]);
  expect(await listKeyIds(token)).toEqual([keyId]);
  await expectCrashToEnd(next, 'PostgREST', '/postgrest', 'postgrest.log');
});

test('the lock of a killed Postgres does not affect another process that reuses its id', async () => {
  const killed = start();
  await killed.step('Postgres 17');
  const lock = join(checkout.state, 'postgres/postmaster.pid');
  const [pid = '', ...lines] = readFileSync(lock, 'utf8').split('\n');
  killed.child.kill('SIGKILL');
  await killed.ended;
  await endAll(() => killed.processes().map((process) => process.pid));

  // a process that Postgres's user may signal, so that Postgres considers the lock held
  const somebody = idle();
  expect(existsSync(lock)).toBe(true);
  expect(Number(pid)).toBeGreaterThan(0);
  writeFileSync(lock, [somebody.pid, ...lines].join('\n'));
  const next = start();
  await next.output();
  expect(somebody.exitCode).toBeNull();
  expect(somebody.signalCode).toBeNull();
  await expectCrashToEnd(next, 'Function admin', '/functions/admin/', 'function-admin.log');
});

test('a crash of Postgres ends the command', async () => {
  const command = start();
  await command.output();
  await expectCrashToEnd(command, 'Postgres', '/postgres -D', 'postgres.log');
});

/**
 * Checks that the crash of a part ends the command, which names it and its log and leaves nothing.
 */
async function expectCrashToEnd(command: StartCommand, name: string, words: string, log: string) {
  const part = command.processes().find((process) => process.command.includes(words));
  expect(part).toBeDefined();
  process.kill(part?.pid ?? 0, 'SIGKILL');
  expect(await command.ended).toBe(1);
  expect(command.stderr()).toContain(name);
  expect(command.stderr()).toContain(join(checkout.state, 'logs', log));
  expect(command.processes()).toEqual([]);
}

/** The values that a start prints for users to copy. */
async function credentials(command: StartCommand) {
  const text = await command.output();
  const after = (words: RegExp) => {
    const found = new RegExp(`${words.source}\\s*(\\S+)`).exec(text)?.[1];
    if (!found) throw new Error(`the start printed no ${words.source}`);
    return found;
  };
  return {
    publishableKey: after(/Publishable key/),
    secretKey: after(/Secret key/),
    demoToken: after(/SUPABASE_JWT=/),
  };
}

async function signUp(publishableKey: string): Promise<string> {
  const answer = await call('/auth/v1/signup', {
    headers: { apikey: publishableKey },
    body: { email: `${randomUUID()}@example.com`, password: 'correct horse battery staple' },
  });
  return (answer as { access_token: string }).access_token;
}

async function mintKey(token: string): Promise<string> {
  const answer = await call('/api/v1/proxy/keys', {
    headers: { Authorization: `Bearer ${token}` },
    body: { label: 'kept' },
  });
  return (answer as { key: { keyId: string } }).key.keyId;
}

async function listKeyIds(token: string): Promise<string[]> {
  const answer = await call('/api/v1/proxy/keys', {
    headers: { Authorization: `Bearer ${token}` },
  });
  return (answer as { keyId: string }[]).map(({ keyId }) => keyId);
}

async function call(
  path: string,
  { headers, body }: { headers: Record<string, string>; body?: unknown },
): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${checkout.apiPort}${path}`, {
    headers: { 'Content-Type': 'application/json', ...headers },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
  expect(response.ok).toBe(true);
  return response.json();
}

function idle(): ChildProcess {
  // not Node's own binary, which Postgres's user may be unable to reach
  const child = spawn('sleep', ['86400'], { stdio: 'ignore', ...(postgresUser() ?? {}) });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}
