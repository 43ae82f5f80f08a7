import { afterAll, describe, expect, it } from 'vitest';
import { answerOf, Refusal, toRefusal } from '../../dashboard/src/data/refusal.ts';
import { wordsOf } from '../../dashboard/src/data/refusal-words.ts';
import { connectOwner, createSupabase, newUser } from '../support/personas.ts';

const sql = connectOwner();
afterAll(() => sql.end());

async function refusalOf(call: Promise<unknown>): Promise<Refusal> {
  const error: unknown = await call.then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(Refusal);
  return error as Refusal;
}

describe('a refusal of the database', () => {
  it('is identified by its code, with the invalid argument', async () => {
    const { supabase } = await newUser();
    const mint = (label: string, tier = 'developer') =>
      refusalOf(answerOf(supabase.rpc('mint_proxy_key', { label, tier })));
    expect(await mint(' ')).toMatchObject({ code: 'invalid_request', detail: 'label' });
    expect(await mint('a', 'enterprise')).toMatchObject({ code: 'tier_not_granted' });
    expect(await refusalOf(answerOf(supabase.rpc('get_proxy_key', { id: 'x' })))).toMatchObject({
      code: 'not_found',
      mayPass: false,
    });
    expect(await refusalOf(answerOf(supabase.rpc('find_proxy_keys')))).toMatchObject({
      code: 'forbidden',
    });
  });

  it('includes when a rotation may be tried again', async () => {
    const { supabase } = await newUser();
    const { id } = await answerOf(supabase.rpc('mint_proxy_key', { label: 'a' }));
    const rotate = () => answerOf(supabase.rpc('rotate_proxy_key', { id: String(id) }));
    for (let rotations = 0; rotations < 5; rotations++) await rotate();
    const begun = Date.now();
    const { code, retryAt = 0 } = await refusalOf(rotate());
    expect(code).toBe('rate_limited');
    expect(retryAt).toBeGreaterThan(begun);
    expect(retryAt).toBeLessThanOrEqual(Date.now() + 60_000);
  });

  it('without a token is that of an ended session', async () => {
    const nobody = createSupabase();
    expect(await refusalOf(answerOf(nobody.rpc('list_proxy_keys')))).toMatchObject({
      code: 'unauthorized',
    });
  });

  it('is distinguished from a missing answer, and from one of another service', () => {
    const of = (status: number) => toRefusal({ code: '', hint: null, details: null }, status, 0);
    expect(of(0)).toMatchObject({ code: 'offline', mayPass: true });
    expect(of(503)).toMatchObject({ code: 'unavailable', mayPass: true });
    expect(of(500)).toMatchObject({ code: 'internal', mayPass: false });
    expect(toRefusal({ code: '22P02', hint: null, details: 'x' }, 400, 0)).toMatchObject({
      code: 'invalid_request',
      detail: undefined,
    });
  });
});

describe('the message for a refusal', () => {
  it('is the database’s own, for a code and for an argument', async () => {
    const { supabase } = await newUser();
    const mint = (fields: { label: string; tier?: string }) =>
      refusalOf(answerOf(supabase.rpc('mint_proxy_key', fields)));
    const [{ message } = {}] = await sql`
      select message from proxy_private.refusals where code = 'tier_not_granted'`;
    expect(wordsOf(await mint({ label: 'a', tier: 'enterprise' }))).toBe(message);
    const [{ rule } = {}] = await sql`
      select rule from proxy_private.argument_rules where argument = 'label'`;
    expect(wordsOf(await mint({ label: ' ' }))).toBe(rule);
  });

  it('is the page’s own if that is more helpful, or if the database sent none', () => {
    const sentence = 'From the database.';
    for (const code of ['unauthorized', 'rate_limited', 'offline', 'unavailable']) {
      expect(wordsOf(new Refusal(code, { sentence }))).not.toBe(sentence);
    }
    expect(wordsOf(new Refusal('unheard_of', { sentence }))).toBe(sentence);
    expect(wordsOf(new Refusal('unheard_of'))).toMatch(/went wrong/);
  });
});
