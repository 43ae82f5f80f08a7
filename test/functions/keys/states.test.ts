import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askBy, expectSameAnswer, expectSameRefusal } from '../../support/both-ways.ts';
import { calls, type Fields } from '../../support/calls.ts';
import { insertKeys, mintKey } from '../../support/key-scenes.ts';
import {
  connectGateway,
  connectOwner,
  newAdmin,
  newUser,
  type Persona,
} from '../../support/personas.ts';
import { overrideAccountLimits, overrideLimits } from '../../support/seeded-keys.ts';
import { recordUsage, usageEvent } from '../../support/usage-events.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
let owner: Persona;
let admin: Persona;

/** Each key by its description, oldest first, with its state and whose quota is used up. */
const scene = {
  well: ['active', null],
  'own quota used up': ['quota_used_up', 'key'],
  'without a quota': ['quota_used_up', 'key'],
  'of a used up account': ['quota_used_up', 'account'],
  'test key of a used up account': ['quota_used_up', 'account'],
  'used up by both': ['quota_used_up', 'key'],
  expired: ['expired', null],
  'expired, and used up': ['expired', null],
  suspended: ['suspended', null],
  'suspended, and expired': ['suspended', null],
  'deleted, and suspended': ['deleted', null],
} as const;
type Name = keyof typeof scene;
const ids = {} as Record<Name, string>;

beforeAll(async () => {
  [owner, admin] = await Promise.all([newUser(), newAdmin()]);
  for (const label of Object.keys(scene) as Name[]) {
    const ofAccount = label.includes('account') || label.includes('both');
    const tier = ofAccount ? 'team' : 'developer';
    ids[label] = (await mintKey(owner, { label, tier, liveMode: !label.startsWith('test') })).id;
    if (label.includes('expired')) {
      await sql`update proxy_private.proxy_keys set expires_at = now() where id = ${ids[label]}`;
    }
    if (label.includes('suspended')) {
      await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${ids[label]}`;
    }
  }
  const used = ['own quota used up', 'used up by both', 'expired, and used up'] as const;
  for (const label of used) await overrideLimits(sql, ids[label], { bandwidth_limit_bytes: 1_100 });
  await overrideLimits(sql, ids['without a quota'], { bandwidth_limit_bytes: 0 });
  await overrideAccountLimits(
    sql,
    { userId: owner.id, tier: 'team' },
    { account_limit_bytes: 1_100, test_limit_bytes: 0 },
  );
  await recordUsage(
    gateway,
    used.map((label) => usageEvent(ids[label])),
  );
  await askBy.rpc(calls.delete(owner, ids['deleted, and suspended']));
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const labelsOf = (items: Fields[]) => items.map(({ label }) => label as Name);

describe('the state of a key', () => {
  it('is the same in each answer, with whose quota is used up', async () => {
    const { items } = await expectSameAnswer(calls.list(owner));
    expect(Object.fromEntries(items.map((k) => [k.label, [k.state, k.quotaUsedUpBy]]))).toEqual(
      scene,
    );
    for (const key of items) {
      const { state, quotaUsedUpBy } = key;
      const { data } = await expectSameAnswer(calls.get(owner, String(key.id)));
      expect(data).toMatchObject({ state, quotaUsedUpBy });
      const found = await expectSameAnswer(calls.findKeys(admin, { keyId: key.id }));
      expect(found.items).toMatchObject([{ state, quotaUsedUpBy }]);
    }
  });

  it('is active or quota_used_up exactly if gateways see the key as active', async () => {
    for (const [label, [state]] of Object.entries(scene)) {
      const [row] = await gateway<{ active: boolean; usedUp: boolean }[]>`
        select l.active,
          l.bandwidth_used_bytes >= l.bandwidth_limit_bytes
            or l.account_used_bytes >= l.account_limit_bytes as "usedUp"
        from gateway.lookup_proxy_key(${
          (
            await sql`
          select key_id from proxy_private.proxy_keys where id = ${ids[label as Name]}`
          )[0]?.key_id
        }) as l`;
      expect([label, row?.active, row?.active && row.usedUp]).toEqual([
        label,
        /^active$|^quota/.test(state),
        state === 'quota_used_up',
      ]);
    }
  });

  it('is owner_barred for an admin while the owner is banned', async () => {
    const user = await newUser();
    const { id } = await mintKey(user);
    await sql`update auth.users set banned_until = now() + interval '1 hour' where id = ${user.id}`;
    const { items } = await expectSameAnswer(calls.findKeys(admin, { user: user.id }));
    expect(items).toMatchObject([{ id, state: 'owner_barred', active: false }]);
    const barred = await expectSameAnswer(
      calls.findKeys(admin, { user: user.id, state: 'owner_barred' }),
    );
    expect(barred.items).toMatchObject([{ id }]);
  });
});

describe.each(Object.entries(askBy))('a filter by state, by %s', (_, ask) => {
  it.each(['active', 'quota_used_up', 'suspended', 'expired', 'owner_barred', 'deleted'])(
    'keeps %s keys',
    async (state) => {
      const expected = (Object.keys(scene) as Name[]).filter((name) => scene[name][0] === state);
      const { items } = await ask(calls.list(owner, { state }));
      expect(labelsOf(items)).toEqual(expected.toReversed());
      const found = await ask(calls.findKeys(admin, { user: owner.id, state }));
      expect(labelsOf(found.items)).toEqual(expected.toReversed());
    },
  );

  it('keeps all undeleted keys', async () => {
    const { items } = await ask(calls.list(owner, { state: 'undeleted', limit: 200 }));
    expect(labelsOf(items)).toEqual(Object.keys(scene).slice(0, -1).toReversed());
  });

  it('combines with other filters, and with a search of labels and keyIds', async () => {
    const search = async (fields: Fields) => labelsOf((await ask(calls.list(owner, fields))).items);
    const { items } = await ask(calls.get(owner, ids.well)).then(({ data }) => ({ items: [data] }));
    const keyId = String(items[0]?.keyId);
    expect(await search({ search: keyId.slice(4).toUpperCase() })).toEqual(['well']);
    expect(await search({ search: 'USED UP', state: 'expired' })).toEqual(['expired, and used up']);
    expect(await search({ search: 'account', state: 'quota_used_up', liveMode: false })).toEqual([
      'test key of a used up account',
    ]);
    expect(await search({ search: keyId, state: 'deleted' })).toEqual([]);
  });
});

describe('is refused over HTTP and RPC', () => {
  it.each<[Fields, string]>([
    [{ state: 'gone' }, 'state'],
    [{ state: '' }, 'state'],
    [{ sort: 'size' }, 'sort'],
    [{ sort: '' }, 'sort'],
    [{ sort: '--label' }, 'sort'],
  ])('%j', async (fields, name) => {
    await expectSameRefusal(calls.list(owner, fields), 400, 'invalid_request', name);
  });

  it("an unknown state in the admins' list", async () => {
    const ways = calls.findKeys(admin, { state: 'gone' });
    await expectSameRefusal(ways, 400, 'invalid_request', 'state');
  });
});

it("an admin's filter by state examines 2,000 keys per page, and continues to the end", async () => {
  const user = await newUser();
  await insertKeys(sql, user.id, { count: 2_100, deleted: true });
  const suspended = await insertKeys(sql, user.id, { count: 2 });
  await sql`
    update proxy_private.proxy_keys as k
    set suspended_at = now(), created_at = now() - make_interval(days => u.days)
    from unnest(${suspended.map(({ id }) => id)}::uuid[], array[0, 1]) as u (id, days)
    where k.id = u.id`;
  const pages: unknown[][] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const fields: Fields = { user: user.id, state: 'suspended', ...(cursor && { cursor }) };
    const page = await expectSameAnswer(calls.findKeys(admin, fields));
    pages.push(page.items.map(({ id }) => id));
    cursor = page.cursor;
  }
  expect(pages).toEqual([[suspended[0]?.id], [suspended[1]?.id]]);
});
