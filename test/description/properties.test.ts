import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { routesOf } from './description.ts';
import { invalidRequests } from './invalid-requests.ts';
import { type Plan, send } from './plan.ts';
import { type Scene, setScene } from './scene.ts';
import { validRequests } from './valid-requests.ts';
import { wildRequests } from './wild-requests.ts';

// as in every test, each answer is also checked against the description

const description = inject('description');
const { url } = inject('stack');
const seed = Number(process.env.TEST_SEED ?? 20_261_122);
/** How many times the usual batches are sent: 1, or more for a longer search. */
const times = Number(process.env.TEST_TIMES ?? 1);
const most = 8;
/** The operator has ten webhooks across all tests. */
const togetherOn = ({ method, path }: { method: string; path: string }) =>
  method === 'POST' && path === '/admin/proxy/webhooks' ? 2 : most;
let scene: Scene;
let sent = 0;

beforeAll(async () => {
  scene = await setScene();
});
afterAll(() => scene.end());

type Answered = Awaited<ReturnType<typeof send>>;

/** Sends requests, several at a time, and checks each answer with `judge`. */
async function everyAnswer<Request extends Plan>(
  requests: fc.Arbitrary<Request>,
  batches: number,
  judge: (answered: Answered, request: Request) => void,
  together: number,
): Promise<void> {
  const batch = fc.array(requests, { minLength: together, maxLength: together });
  const property = fc.asyncProperty(batch, async (plans) => {
    await scene.reset();
    sent += plans.length;
    const answers = await Promise.allSettled(
      plans.map((plan) => send(url, scene.authorizations, plan)),
    );
    for (const [index, plan] of plans.entries()) {
      const answer = answers[index];
      if (answer?.status !== 'fulfilled') throw answer?.reason;
      expect(answer.value.status, fc.stringify(plan)).toBeLessThan(500);
      judge(answer.value, plan);
    }
  });
  // a failure prints the seed and the path to it
  await fc.assert(property, { seed, numRuns: batches * times });
}

describe.each(routesOf(description))('$method $path', (route) => {
  const { method, path, operation } = route;
  const secured = operation.security.length > 0;
  const success = Number(Object.keys(operation.responses).find((status) => Number(status) < 400));
  // a deleted webhook no longer exists
  const gone = method === 'DELETE' && path.includes('/webhooks/') ? ['webhook_not_found'] : [];
  const valid = () => validRequests(description, route, scene);
  const sendEach = <Request extends Plan>(
    requests: fc.Arbitrary<Request>,
    batches: number,
    judge: (answered: Answered, request: Request) => void,
  ) => everyAnswer(requests, batches, judge, togetherOn(route));

  it('accepts valid requests of permitted callers', async () => {
    let succeeded = 0;
    await sendEach(valid(), 2, ({ status, code }, plan) => {
      if (status === success) succeeded++;
      // a request over a limit, repeated, or for something deleted meanwhile
      else
        expect([409, 422, 429, 'tier_not_granted', ...gone], fc.stringify(plan)).toContain(
          status === 403 || status === 404 ? code : status,
        );
    });
    expect(succeeded).toBeGreaterThan(0);
  });

  if (secured)
    it('refuses a caller without a valid token, whatever the request', async () => {
      const nobody = fc
        .tuple(valid(), fc.constantFrom(...scene.nobodies))
        .map(([plan, by]) => ({ ...plan, by }));
      await sendEach(nobody, 1, ({ status }, plan) => {
        expect(status, fc.stringify(plan)).toBe(401);
      });
    });

  if (secured && path.includes('{id}') && !path.startsWith('/admin/'))
    it('finds nothing for another user or an admin', async () => {
      const others = fc
        .tuple(valid(), fc.constantFrom('other', 'admin'))
        .map(([plan, by]) => ({ ...plan, by }));
      await sendEach(others, 1, ({ status, code }, plan) => {
        const hidden = path.includes('/webhooks/') ? 'webhook_not_found' : 'not_found';
        expect([status, code], fc.stringify(plan)).toEqual([404, hidden]);
      });
    });

  if (path.startsWith('/admin/'))
    it('is forbidden to users who are not admins', async () => {
      const users = fc
        .tuple(valid(), fc.constantFrom('owner', 'other'))
        .map(([plan, by]) => ({ ...plan, by }));
      await sendEach(users, 1, ({ status, code }, plan) => {
        expect([status, code], fc.stringify(plan)).toEqual([403, 'forbidden']);
      });
    });

  it('refuses a request with one fault for exactly that fault', async () => {
    const invalid = invalidRequests(description, route, valid());
    if (!invalid) {
      expect([method, operation.requestBody]).toEqual(['GET', undefined]);
      return;
    }
    await sendEach(invalid, 4, ({ status }, plan) => {
      expect(status, fc.stringify(plan)).toBe(plan.status);
    });
  });

  it('never fails, whatever any caller sends', async () => {
    await sendEach(wildRequests(route, valid(), scene), 5, () => {});
  });
});

it('these were many requests', () => {
  console.log(`${sent} requests, TEST_SEED=${seed}`);
  expect(sent).toBeGreaterThanOrEqual(1_700 * times);
});
