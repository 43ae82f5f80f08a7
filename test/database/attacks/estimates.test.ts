import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { connectOwner, newUser, type Persona, request } from '../../support/personas.ts';
import { seedKeys } from '../../support/seeded-keys.ts';

const stack = inject('stack');
const sql = connectOwner();
let victim: Persona;
let stranger: Persona;

beforeAll(async () => {
  [victim, stranger] = await Promise.all([newUser(), newUser()]);
});
afterAll(() => sql.end());

/** The number of rows that PostgREST reports from the planner's estimate. */
async function planned(path: string): Promise<string> {
  const response = await request('GET', `/rest/v1/${path}`, {
    token: stranger.token,
    headers: { apikey: stack.publishableKey, Prefer: 'count=planned' },
  });
  return `${response.status} ${response.headers.get('Content-Range')}`;
}

/** Every relation in the REST API's own description. */
async function exposed(): Promise<string[]> {
  const response = await request('GET', '/rest/v1/', {
    token: stranger.token,
    headers: { apikey: stack.publishableKey },
  });
  const { paths } = (await response.json()) as { paths: Record<string, unknown> };
  return Object.keys(paths).filter((path) => path !== '/' && !path.startsWith('/rpc/'));
}

it('the REST API exposes exactly two relations', async () => {
  expect((await exposed()).toSorted()).toEqual(['/proxy_key_summaries', '/proxy_tiers']);
});

describe('planned counts', () => {
  const questions = [
    'proxy_key_summaries?select=id',
    'proxy_key_summaries?select=id&label=eq.seeded',
    'proxy_key_summaries?select=id&label=like.s*',
    'proxy_key_summaries?select=id&key_id=gt.avp_live_8',
    'rpc/list_proxy_keys?select=next_cursor',
    'rpc/proxy_usage_summary?select=period',
    'rpc/list_own_proxy_tier_grants?select=tier',
  ];

  it("are the same whatever another tenant's tables hold", async () => {
    const before = await Promise.all(questions.map(planned));
    await seedKeys(sql, victim.id, 5000);
    await sql`
      insert into proxy_private.proxy_usage_monthly
        (api_key_id, month, user_id, requests, bytes_sent, bytes_received, last_used_at)
      select id, date_trunc('month', now())::date, user_id, 1, 1, 1, now()
      from proxy_private.proxy_keys where user_id = ${victim.id}`;
    await sql`analyze proxy_private.proxy_keys`;
    await sql`analyze proxy_private.proxy_usage_monthly`;
    expect(await Promise.all(questions.map(planned))).toEqual(before);
    // the stranger has no keys, and the estimate does not reveal that either
    expect(before[0]).toBe('206 */100');
  });
});

describe('embeds', () => {
  it.each([
    'proxy_key_summaries?select=id,proxy_tiers(*)',
    'proxy_tiers?select=tier,proxy_key_summaries(*)',
    'proxy_tiers?select=tier,proxy_keys(*)',
    'proxy_tiers?select=*,proxy_tier_grants(*)',
    'proxy_key_summaries?select=id,proxy_usage_monthly(*)',
  ])('%s is refused, as PostgREST finds no relationship', async (path) => {
    const response = await request('GET', `/rest/v1/${path}`, {
      token: stranger.token,
      headers: { apikey: stack.publishableKey },
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'PGRST200' });
  });
});

describe('writes to the view of keys', () => {
  it.each([
    ['POST', '', { id: '00000000-0000-4000-8000-000000000000', label: 'mine' }],
    ['PATCH', '?label=eq.mine', { label: 'yours' }],
    ['DELETE', '?label=eq.mine', undefined],
  ])('a %s is refused with 403', async (method, query, body) => {
    for (const prefer of [
      'return=minimal',
      'return=representation',
      'resolution=merge-duplicates',
    ]) {
      const response = await request(method, `/rest/v1/proxy_key_summaries${query}`, {
        token: stranger.token,
        headers: { apikey: stack.publishableKey, Prefer: prefer },
        ...(body ? { body } : {}),
      });
      expect([prefer, response.status]).toEqual([prefer, 403]);
      expect(await response.json()).toMatchObject({ code: '42501' });
    }
  });
});
