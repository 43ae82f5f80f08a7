import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createClient } from '@supabase/supabase-js';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunRecord } from '../../scripts/stack/run-record.ts';
import { type Stack, startStack } from '../../scripts/stack/stack.ts';
import { processesFileName } from '../../scripts/stack/state-directory.ts';
import { expectProblem, type ProtectedRoute, protectedRoutes } from '../support/contract.ts';

// a stack of its own, as it is broken here part by part; each answer is held against the description

let stack: Stack;
let token: string;

beforeAll(async () => {
  stack = await startStack({ ephemeral: true });
  const auth = { persistSession: false, autoRefreshToken: false };
  const account = {
    email: `${randomUUID()}@example.com`,
    password: 'correct horse battery staple',
  };
  await createClient(stack.url, stack.secretKey, { auth }).auth.admin.createUser({
    ...account,
    email_confirm: true,
    app_metadata: { role: 'admin' },
  });
  const { data } = await createClient(stack.url, stack.publishableKey, {
    auth,
  }).auth.signInWithPassword(account);
  token = data.session?.access_token ?? '';
});

afterAll(() => stack.stop());

function ask({ method, path, query, body }: ProtectedRoute): Promise<Response> {
  const address = `${path.replace(':id', randomUUID())}${query ? `?${query}` : ''}`;
  return fetch(`${stack.url}${address}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
}

it('every route is 500 where the database is not what it should be, and says nothing of it', async () => {
  const sql = postgres(stack.dbUrl, { max: 1, onnotice: () => {} });
  await sql`revoke execute on all functions in schema public from authenticated`;
  await sql.end();
  for (const route of protectedRoutes) {
    const problem = await expectProblem(await ask(route), 500, 'internal');
    expect(JSON.stringify(problem), route.path).not.toMatch(/permission|function|42501/);
  }
});

it('every route is 503 with Retry-After while the database’s API is away', async () => {
  const file = join(dirname(stack.logs), processesFileName);
  const { programs } = JSON.parse(readFileSync(file, 'utf8')) as RunRecord;
  const postgrest = programs.find(({ name }) => name === 'PostgREST');
  process.kill(postgrest?.process.pid ?? 0, 'SIGKILL');
  for (const route of protectedRoutes) {
    const response = await ask(route);
    await expectProblem(response, 503, 'unavailable');
    expect(Number(response.headers.get('Retry-After')), route.path).toBeGreaterThan(0);
  }
  const health = await fetch(`${stack.url}/api/v1/health`);
  await expectProblem(health, 503, 'unavailable');
});
