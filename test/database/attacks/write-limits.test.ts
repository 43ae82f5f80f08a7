import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { connectOwner, newAdmin, newUser, type Persona } from '../../support/personas.ts';
import { type SeededKey, seedKey, seedKeys } from '../../support/seeded-keys.ts';

const stack = inject('stack');
const sql = connectOwner();
afterAll(() => sql.end());

/** An answer of a route or an RPC, in the same terms. */
interface Written {
  status: number;
  code: string | null;
  retryAfter: string | null;
  policy: string | null;
  limit: string | null;
}

async function read(response: Response): Promise<Written> {
  const text = await response.text();
  const body = (text ? JSON.parse(text) : {}) as { code?: string; hint?: string };
  return {
    status: response.status,
    code: response.ok ? null : (body.hint ?? body.code ?? null),
    retryAfter: response.headers.get('Retry-After'),
    policy: response.headers.get('RateLimit-Policy'),
    limit: response.headers.get('RateLimit'),
  };
}

/** A write by HTTP route or by RPC, as clients send it. */
const ways = {
  route: {
    mint: async (user: Persona) =>
      read(await user.request('POST', '/api/v1/proxy/keys', { label: 'one of many' })),
    rotate: async (user: Persona, id: string) =>
      read(await user.request('POST', `/api/v1/proxy/keys/${id}/rotate`)),
    update: async (user: Persona, id: string) =>
      read(await user.request('PATCH', `/api/v1/proxy/keys/${id}`, { label: 'renamed' })),
    remove: async (user: Persona, id: string) =>
      read(await user.request('DELETE', `/api/v1/proxy/keys/${id}`)),
    suspend: async (by: Persona, id: string) =>
      read(await by.request('POST', `/admin/proxy/keys/${id}/suspend`, { reason: 'Abuse.' })),
  },
  rpc: {
    mint: (user: Persona) => rpc(user, 'mint_proxy_key', { label: 'one of many' }),
    rotate: (user: Persona, id: string) => rpc(user, 'rotate_proxy_key', { id }),
    update: (user: Persona, id: string) =>
      rpc(user, 'update_proxy_key', { id, changes: { label: 'renamed' } }),
    remove: (user: Persona, id: string) => rpc(user, 'delete_proxy_key', { id }),
    suspend: (by: Persona, id: string) => rpc(by, 'suspend_proxy_key', { id, reason: 'Abuse.' }),
  },
};
const both = [ways.route, ways.rpc] as const;

async function rpc(by: Persona, name: string, args: unknown): Promise<Written> {
  return read(
    await fetch(`${stack.restUrl}/rpc/${name}`, {
      method: 'POST',
      headers: {
        apikey: stack.publishableKey,
        Authorization: `Bearer ${by.token}`,
        'Content-Type': 'application/json',
      },
      body: JSON.stringify(args),
    }),
  );
}

/** Moves the user's past writes back by `seconds`. */
const travel = (user: Persona, seconds: number) => sql`
  update proxy_private.write_windows
  set
    recent = array(
      select t - make_interval(secs => ${seconds}) from unnest(recent) as t order by 1
    ),
    hour = hour - ${Math.floor(seconds / 3600)}
  where user_id = ${user.id}`;

/** As if the user had written `count` times in the hour `ago` hours before this one. */
const wroteBefore = (user: Persona, action: string, count: number, ago: number) => sql`
  insert into proxy_private.write_windows (user_id, action, hour, hourly)
  values (
    ${user.id}, ${action}, floor(extract(epoch from now()) / 3600),
    array_fill(0, array[${ago}::integer]) || ${count}::integer || array_fill(0, array[24 - ${ago}::integer])
  )
  on conflict (user_id, action) do update
  set recent = '{}', hour = excluded.hour, hourly = excluded.hourly`;

const ofStatus = (answers: Written[], status: number) =>
  answers.filter((answer) => answer.status === status);

describe('200 mixed writes of one user at once, by route and RPC', () => {
  let user: Persona;
  let keys: SeededKey[];
  const answers = { mint: [] as Written[], rotate: [] as Written[], change: [] as Written[] };

  beforeAll(async () => {
    user = await newUser();
    await sql`insert into proxy_private.proxy_tier_grants (user_id, tier) values (${user.id}, 'enterprise')`;
    keys = await seedKeys(sql, user.id, 20, { tier: 'enterprise' });
    // over each limit: 70 mints, 10 rotations and 130 changes
    const all = Array.from({ length: 210 }, async (_, n) => {
      const way = both[n % 2] ?? ways.rpc;
      const id = keys[n % 19]?.id ?? '';
      if (n < 70) answers.mint.push(await way.mint(user));
      else if (n < 80) answers.rotate.push(await way.rotate(user, id));
      else answers.change.push(await way.update(user, id));
    });
    await Promise.all(all);
  });

  it('exactly 60 mints, 5 rotations and 120 changes succeed', () => {
    expect(ofStatus(answers.mint, 201).length + ofStatus(answers.mint, 200).length).toBe(60);
    expect(ofStatus(answers.rotate, 200)).toHaveLength(5);
    expect(ofStatus(answers.change, 200)).toHaveLength(120);
  });

  it('the others get 429 with Retry-After, and every answer carries its limits', () => {
    const refused = Object.values(answers).flatMap((list) => ofStatus(list, 429));
    expect(refused).toHaveLength(210 - 60 - 5 - 120);
    for (const { code, retryAfter } of refused) {
      expect(code).toBe('rate_limited');
      expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
      expect(Number(retryAfter)).toBeLessThanOrEqual(60);
    }
    const policies = {
      mint: '"mint";q=60;w=60, "mint_daily";q=1000;w=86400',
      rotate: '"rotate";q=5;w=60',
      change: '"change";q=120;w=60, "change_daily";q=5000;w=86400',
    };
    for (const [kind, list] of Object.entries(answers)) {
      for (const { policy, limit, status } of list) {
        expect(policy).toBe(policies[kind as keyof typeof policies]);
        expect(limit).toMatch(new RegExp(`^"${kind}";r=${status === 429 ? 0 : '\\d+'};t=\\d+`));
      }
    }
  });

  it('the rows that record the writes are few and small', async () => {
    const [kept] = await sql`
      select count(*)::integer as rows, max(pg_column_size(w))::integer < 1500 as small,
        max(cardinality(recent)) as log, max(cardinality(hourly)) as hours
      from proxy_private.write_windows as w where user_id = ${user.id}`;
    expect(kept).toEqual({ rows: 3, small: true, log: 120, hours: 25 });
  });

  it('the same number succeeds again after the window has passed', async () => {
    await travel(user, 60);
    expect((await ways.rpc.update(user, keys[0]?.id ?? '')).limit).toMatch(/^"change";r=119;t=60/);
    expect((await ways.route.rotate(user, keys[0]?.id ?? '')).limit).toBe('"rotate";r=4;t=60');
  });

  it('another user is not limited', async () => {
    const other = await newUser();
    expect((await ways.rpc.mint(other)).limit).toMatch(/^"mint";r=59;t=60/);
  });
});

describe('the daily limit, counted by the hour', () => {
  it.each([
    ['mint', 1000, 0],
    ['mint', 1000, 24],
    ['change', 5000, 23],
  ])(
    '%s: after %i writes %i hours ago, the next is refused until that hour leaves the window',
    async (action, allowed, ago) => {
      const user = await newUser();
      const key = await seedKey(sql, user.id);
      const write = (way: (typeof both)[number]) =>
        action === 'mint' ? way.mint(user) : way.update(user, key.id);
      await wroteBefore(user, action, allowed, ago);
      for (const way of both) {
        const { status, code, retryAfter, limit } = await write(way);
        expect([status, code]).toEqual([429, 'rate_limited']);
        const leaves = (25 - ago) * 3600 - (Math.floor(Date.now() / 1000) % 3600);
        expect(Math.abs(Number(retryAfter) - leaves)).toBeLessThanOrEqual(5);
        expect(limit).toContain(`"${action}_daily";r=0;t=${retryAfter}`);
      }
      // with one write less, one more is allowed
      await wroteBefore(user, action, allowed - 1, ago);
      expect((await write(ways.rpc)).limit).toContain(`"${action}_daily";r=0;`);
      expect((await write(ways.route)).status).toBe(429);
    },
  );

  it('writes of 25 hours ago do not count', async () => {
    const user = await newUser();
    await wroteBefore(user, 'mint', 1000, 24);
    await travel(user, 3600);
    expect((await ways.rpc.mint(user)).limit).toContain('"mint_daily";r=999;');
  });
});

it('a write that is refused or changes nothing does not count', async () => {
  const user = await newUser();
  const [key, gone] = await seedKeys(sql, user.id, 2);
  if (!key || !gone) throw new Error('no keys');
  await sql`update proxy_private.proxy_keys set deleted_at = now() where id = ${gone.id}`;
  for (const way of both) {
    expect((await way.update(user, gone.id)).status).toBe(409);
    expect((await way.remove(user, gone.id)).status).toBeLessThan(300);
    expect((await way.update(user, 'avp_live_000000000000')).status).toBe(404);
  }
  expect((await ways.rpc.remove(user, key.id)).limit).toMatch(/^"change";r=119;/);
});

it("admins' writes have a separate limit, by route and RPC", async () => {
  const [by, owner] = await Promise.all([newAdmin(), newUser()]);
  const key = await seedKey(sql, owner.id);
  await wroteBefore(by, 'administer', 20_000, 3);
  for (const way of both) {
    expect(await way.suspend(by, key.id)).toMatchObject({
      status: 429,
      code: 'rate_limited',
      policy: '"administer";q=600;w=60, "administer_daily";q=20000;w=86400',
    });
  }
});

it('advisory locks of any role do not block writes', async () => {
  const user = await newUser();
  const holder = connectOwner();
  await holder.begin(async (transaction) => {
    // mints used to wait for this lock, whose number is derived from the user's id
    await transaction`
      select pg_advisory_xact_lock(hashtextextended('proxy_keys of ' || ${user.id}::text, 0))`;
    expect((await ways.rpc.mint(user)).status).toBe(200);
  });
  await holder.end();
});

it('an operator changes a limit by changing its row', async () => {
  const changed = sql.begin(async (transaction) => {
    await transaction`update proxy_private.write_limits set allowed = 2 where name = 'mint'`;
    await transaction`delete from proxy_private.write_limits where name = 'mint_daily'`;
    const user = await newUser();
    const claims = JSON.stringify({ sub: user.id });
    await transaction`select set_config('request.jwt.claims', ${claims}, true)`;
    for (const left of [1, 0]) {
      const [claimed] = await transaction`
        select writes_left from proxy_private.claim_write(${user.id}, 'mint')`;
      expect(claimed).toEqual({ writes_left: left });
    }
    await transaction`select proxy_private.claim_write(${user.id}, 'mint')`;
  });
  await expect(changed).rejects.toMatchObject({ code: 'PGRST', hint: 'rate_limited' });
});
