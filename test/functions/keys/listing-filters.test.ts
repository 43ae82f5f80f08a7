import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askBy } from '../../support/both-ways.ts';
import { calls } from '../../support/calls.ts';
import { mintKey } from '../../support/key-scenes.ts';
import { connectOwner, newUser, type Persona } from '../../support/personas.ts';

const sql = connectOwner();
let owner: Persona;

const labels = {
  plain: 'Prod-Scraper',
  percent: '100% of it',
  underscore: 'one_two',
  likeUnderscore: 'one-two',
  quotes: `a 'b' "c" \\d`,
  letters: 'Ключ für 東京',
};

/** Four developer keys, one a test key and one deleted; two team keys, one a test key. */
beforeAll(async () => {
  owner = await newUser();
  await mintKey(owner, { label: labels.plain });
  await mintKey(owner, { label: labels.percent, tier: 'team' });
  await mintKey(owner, { label: labels.underscore, tier: 'team', liveMode: false });
  await mintKey(owner, { label: labels.likeUnderscore, liveMode: false });
  const { id } = await mintKey(owner, { label: labels.quotes });
  await mintKey(owner, { label: labels.letters });
  await mintKey(await newUser(), { label: labels.plain });
  await askBy.rpc(calls.delete(owner, id));
});
afterAll(() => sql.end());

describe.each(Object.entries(askBy))('by %s', (_, ask) => {
  const listed = async (query: Record<string, string | boolean | number>): Promise<string[]> => {
    const { code, items } = await ask(calls.list(owner, query));
    expect(code).toBeNull();
    return (items as { label: string }[]).map(({ label }) => label).toReversed();
  };

  it.each<[Record<string, string | boolean | number>, (keyof typeof labels)[]]>([
    [{}, ['plain', 'percent', 'underscore', 'likeUnderscore', 'quotes', 'letters']],
    [{ active: true }, ['plain', 'percent', 'underscore', 'likeUnderscore', 'letters']],
    [{ active: false }, ['quotes']],
    [{ tier: 'team' }, ['percent', 'underscore']],
    [{ tier: 'enterprise' }, []],
    [{ liveMode: true }, ['plain', 'percent', 'quotes', 'letters']],
    [{ liveMode: false }, ['underscore', 'likeUnderscore']],
    [{ label: 'scraper' }, ['plain']],
    [{ label: 'PROD-' }, ['plain']],
    [{ label: 'prod-scraper' }, ['plain']],
    [{ label: '' }, ['plain', 'percent', 'underscore', 'likeUnderscore', 'quotes', 'letters']],
    [{ label: '%' }, ['percent']],
    [{ label: '100%o' }, []],
    [{ label: '_' }, ['underscore']],
    [{ label: 'ONE_' }, ['underscore']],
    [{ label: '%e_t%' }, []],
    [{ label: `'B' "c" \\D` }, ['quotes']],
    [{ label: `' or true --` }, []],
    [{ label: '\\' }, ['quotes']],
    [{ label: 'клЮЧ FÜR 東' }, ['letters']],
    [{ label: ' of ' }, ['percent']],
    [{ label: 'x'.repeat(1_000) }, []],
    [{ tier: 'team', liveMode: false }, ['underscore']],
    [{ tier: 'developer', active: true, liveMode: true }, ['plain', 'letters']],
    [{ tier: 'developer', active: false, liveMode: true, label: 'a' }, ['quotes']],
    [{ tier: 'team', active: false }, []],
    [{ active: true, limit: 2 }, ['likeUnderscore', 'letters']],
  ])('%j shows %j', async (query, expected) => {
    expect(await listed(query)).toEqual(expected.map((name) => labels[name]));
  });

  it('suspended and expired keys are not active', async () => {
    const user = await newUser();
    const [suspended, expired, active] = [
      await mintKey(user, { label: 'suspended' }),
      await mintKey(user, { label: 'expired' }),
      await mintKey(user, { label: 'active' }),
    ];
    await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${suspended.id}`;
    await sql`update proxy_private.proxy_keys set expires_at = now() where id = ${expired.id}`;
    const on = await ask(calls.list(user, { active: true }));
    expect(on.items).toMatchObject([{ id: active.id }]);
    const off = await ask(calls.list(user, { active: false }));
    expect(off.items).toMatchObject([{ id: expired.id }, { id: suspended.id }]);
  });
});

it('filters apply to all pages, and each page is full even if other keys lie between', async () => {
  const user = await newUser();
  for (let n = 0; n < 9; n += 1) {
    await mintKey(user, { label: `${n}`, liveMode: n % 2 === 0 });
  }
  const labelsOf = (data: unknown) => (data as { label: string }[]).map(({ label }) => label);
  const query = { limit: 2, live_mode: true };
  const first = await user.supabase.rpc('list_proxy_keys', query);
  expect(labelsOf(first.data?.items)).toEqual(['8', '6']);
  const second = await user.supabase.rpc('list_proxy_keys', {
    ...query,
    cursor: first.data?.next_cursor ?? '',
  });
  expect(labelsOf(second.data?.items)).toEqual(['4', '2']);
});
