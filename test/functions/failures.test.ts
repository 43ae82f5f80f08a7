import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectProblem, type ProtectedRoute, protectedRoutes } from '../support/contract.ts';
import { type OwnStack, startOwnStack } from '../support/own-stack.ts';

// a separate stack, as the tests break it; each answer is checked against the description

let stack: OwnStack;

beforeAll(async () => {
  stack = await startOwnStack();
});

afterAll(() => stack.stop());

function ask({ method, path, query, body }: ProtectedRoute): Promise<Response> {
  return stack.request(`${path.replace(':id', randomUUID())}${query ? `?${query}` : ''}`, {
    method,
    headers: { 'Content-Type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
}

it('every route answers 500 if the database is misconfigured, without revealing the cause', async () => {
  await stack.sql`revoke execute on all functions in schema public from authenticated`;
  for (const route of protectedRoutes) {
    const problem = await expectProblem(await ask(route), 500, 'internal');
    expect(JSON.stringify(problem), route.path).not.toMatch(/permission|function|42501/);
  }
});

it('every route answers 503 with Retry-After while PostgREST is down', async () => {
  process.kill(stack.pidOf('PostgREST'), 'SIGKILL');
  for (const route of protectedRoutes) {
    const response = await ask(route);
    await expectProblem(response, 503, 'unavailable');
    expect(Number(response.headers.get('Retry-After')), route.path).toBeGreaterThan(0);
  }
  const health = await stack.request('/api/v1/health');
  await expectProblem(health, 503, 'unavailable');
});
