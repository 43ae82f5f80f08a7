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
  it('is known by its code, with the argument that was wrong', async () => {
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

  it('says when a rotation may be tried again', async () => {
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

  it('is one of a session that ended, without a token', async () => {
    const nobody = createSupabase();
    expect(await refusalOf(answerOf(nobody.rpc('list_proxy_keys')))).toMatchObject({
      code: 'unauthorized',
    });
  });

  it('is no refusal of the database where no answer came, or none of its own', () => {
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

describe('the words for a refusal', () => {
  // has words where it can occur, as they say more than what is wrong
  const toldElsewhere = ['already_done'];
  // nothing that the dashboard can ask for
  const neverMet = ['append_only'];

  it('are its own for each code of the database', async () => {
    const rows = await sql<{ code: string }[]>`select code from private.refusals`;
    const unknown = wordsOf(new Refusal('internal'));
    const without = rows
      .map(({ code }) => code)
      .filter((code) => ![...toldElsewhere, ...neverMet].includes(code))
      .filter((code) => wordsOf(new Refusal(code)) === unknown);
    expect(without).toEqual([]);
  });

  it('are of the field that was wrong', () => {
    const words = wordsOf(new Refusal('invalid_request', { detail: 'label' }));
    expect(words).toContain('80 characters');
    expect(words).not.toBe(wordsOf(new Refusal('invalid_request')));
  });
});
