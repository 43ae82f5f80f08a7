import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectOwner, newAdmin, newUser, type Persona } from '../../support/personas.ts';
import { type SeededKey, seedKeys } from '../../support/seeded-keys.ts';
import { asRole } from '../database-role.ts';

const sql = connectOwner();
let admin: Persona;
let user: Persona;
let key: SeededKey;
beforeAll(async () => {
  [admin, user] = await Promise.all([newAdmin(), newUser()]);
  [key] = (await seedKeys(sql, user.id, 1)) as [SeededKey];
});
afterAll(() => sql.end());

const size = 20 * 1024 * 1024;

describe('20 MB in any argument is refused because of its size, in SQL too', () => {
  const huge = `repeat('x', ${size})`;
  it.each([
    ['a label', `public.mint_proxy_key(${huge})`, 'label'],
    ['an unknown argument', `public.mint_proxy_key(jsonb_build_object('x', ${huge}))`, 'label'],
    [
      'an idempotency key',
      `public.mint_proxy_key('x', idempotency_key => ${huge})`,
      'idempotency_key',
    ],
    ['changes', `public.update_proxy_key('KEY', jsonb_build_object('label', ${huge}))`, 'changes'],
    [
      'many changes',
      `public.update_proxy_key('KEY', jsonb_build_object('allowed_ips',
        (select jsonb_agg('10.0.0.0/8'::text) from generate_series(1, 1000000))))`,
      'changes',
    ],
    ['a filter of labels', `public.list_proxy_keys(label => ${huge})`, 'label'],
    ['a search', `public.list_proxy_keys(search => ${huge})`, 'search'],
    ['a state', `public.list_proxy_keys(state => ${huge})`, 'state'],
    ['a sort', `public.list_proxy_keys(sort => ${huge})`, 'sort'],
    [
      'a cursor of another sort',
      `public.list_proxy_keys(sort => 'label', cursor => ${huge})`,
      'cursor',
    ],
    ['the name of a key', `public.change_proxy_keys(array[${huge}], '{}')`, 'ids'],
    [
      'changes of several keys',
      `public.change_proxy_keys('{KEY}', jsonb_build_object('deleted', ${huge}))`,
      'changes',
    ],
    [
      'clients of a new key',
      `public.mint_proxy_key('x', allowed_ips => array[${huge}])`,
      'allowed_ips',
    ],
    ['the expiry of a new key', `public.mint_proxy_key('x', expires_at => ${huge})`, 'expires_at'],
    ['a cursor', `public.list_proxy_keys(cursor => ${huge})`, 'cursor'],
    ['a period', `public.proxy_usage_summary(${huge})`, 'period'],
    ['a time', `public.proxy_usage_series('hour', ${huge})`, 'from'],
    ['a host', `public.list_proxy_key_events('KEY', target_host => ${huge})`, 'target_host'],
    ['a code', `public.list_proxy_key_events('KEY', code => ${huge})`, 'code'],
    ['a reason', `public.suspend_proxy_key('KEY', ${huge})`, 'reason'],
    ['a user', `public.grant_proxy_tier(${huge}, 'team', 'Paid.')`, 'user'],
    ["an admin's filter of labels", `public.find_proxy_keys(label => ${huge})`, 'label'],
    ["the user in an admin's list of users", `public.list_proxy_users("user" => ${huge})`, 'user'],
    ["an admin's filter of users", `public.find_proxy_keys("user" => ${huge})`, 'user'],
  ])('%s', async (_, call, argument) => {
    const claims = { sub: admin.id, app_metadata: { role: 'admin' } };
    const called = asRole(sql, 'authenticated', claims, (transaction) =>
      transaction.unsafe(`select * from ${call.replace('KEY', key.id)}`),
    );
    await expect(called).rejects.toMatchObject({
      code: 'PT400',
      hint: 'invalid_request',
      detail: argument,
    });
  });

  it('the same arguments are refused over supabase-js', async () => {
    const label = 'x'.repeat(size);
    const { status, error } = await user.supabase.rpc('mint_proxy_key', { label });
    expect([status, error?.code, error?.details]).toEqual([400, 'PT400', 'label']);
  });
});

describe('a text with invisible or misleading characters', () => {
  const texts = [
    ['only a zero-width space', '\u200b'],
    ['only joiners', '\u200c\u200d\u2060'],
    ['only a soft hyphen and spaces', ' \u00ad '],
    ['only a Hangul filler', '\u3164'],
    ['only an empty Braille pattern', '\u2800'],
    ['only tag characters', '\u{e0041}\u{e0042}'],
    ['only variation selectors', '\ufe0f\u{e0100}'],
    ['a direction override', 'safe\u202egnp.exe'],
    ['a directional isolate', 'a\u2066b\u2069'],
    ['a direction mark', 'a\u200fb'],
    ['an Arabic letter mark', 'a\u061cb'],
    ['a control character', 'a\u0007b'],
  ] as const;

  it.each(texts)('is refused as a label, over HTTP and RPC: %s', async (_, label) => {
    const minted = await user.supabase.rpc('mint_proxy_key', { label });
    expect([minted.status, minted.error?.hint, minted.error?.details]).toEqual([
      400,
      'invalid_request',
      'label',
    ]);
    const updated = await user.supabase.rpc('update_proxy_key', {
      id: key.id,
      changes: { label },
    });
    expect([updated.status, updated.error?.details]).toEqual([400, 'label']);
    const route = await user.request('POST', '/api/v1/proxy/keys', { label });
    expect([route.status, ((await route.json()) as { code: string }).code]).toEqual([
      400,
      'invalid_request',
    ]);
    await expect(
      sql`update proxy_private.proxy_keys set label = ${label} where id = ${key.id}`,
    ).rejects.toMatchObject({ code: '23514' });
  });

  it.each(texts)('is refused as a reason: %s', async (_, reason) => {
    const { status, error } = await admin.supabase.rpc('suspend_proxy_key', {
      id: key.id,
      reason,
    });
    expect([status, error?.hint, error?.details]).toEqual([400, 'invalid_request', 'reason']);
  });

  it.each([
    ['a family emoji with joiners', '👩‍👩‍👧'],
    ['a heart with its variation selector', '❤️'],
    ['a flag built from tag characters', '🏴󠁧󠁢󠁳󠁣󠁴󠁿'],
    ['Persian with a joiner', 'می‌خواهم'],
    ['Hebrew', 'שלום'],
    ['Devanagari', 'क्‍ष'],
    ['a word with a soft hyphen', 'co\u00adoperate'],
    ['80 emoji', '🙂'.repeat(80)],
  ])('does not include %s', async (_, label) => {
    const { data, error } = await user.supabase.rpc('mint_proxy_key', { label });
    expect(error).toBeNull();
    expect(data?.label).toBe(label);
  });
});
