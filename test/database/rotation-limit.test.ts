import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, askBy } from '../support/both-ways.ts';
import { calls } from '../support/calls.ts';
import { connectOwner, newUser, type Persona } from '../support/personas.ts';
import { type SeededKey, seedKey, seedKeys } from '../support/seeded-keys.ts';
import { secondsUntilRotation } from '../support/write-windows.ts';

const sql = connectOwner();
let owner: Persona;
let keys: SeededKey[];

beforeAll(async () => {
  owner = await newUser();
  keys = await seedKeys(sql, owner.id, 7);
});
afterAll(() => sql.end());

/** Rotates all of the keys at once, alternately by route and by RPC. */
function rotateAtOnce(count: number): Promise<Answer[]> {
  return Promise.all(
    Array.from({ length: count }, (_, n) =>
      (n % 2 ? askBy.rpc : askBy.route)(calls.rotate(owner, keys[n % keys.length]?.id ?? '')),
    ),
  );
}

/** Moves the owner's `oldest` rotations back in time; the others stay. */
async function travel(seconds: number, oldest = 5): Promise<void> {
  await sql`
    update proxy_private.write_windows
    set recent = array(
      select case
        when position <= ${oldest} then moment - make_interval(secs => ${seconds}) else moment
      end
      from unnest(recent) with ordinality as r (moment, position)
      order by 1
    )
    where user_id = ${owner.id} and action = 'rotate'`;
}

async function rotationWindow(user = owner): Promise<string[]> {
  const [row] = await sql<{ moments: string[] }[]>`
    select recent::text[] as moments from proxy_private.write_windows
    where user_id = ${user.id} and action = 'rotate'`;
  return row?.moments ?? [];
}

/** The correct Retry-After at this moment. */
const secondsUntilOldestLeaves = () => secondsUntilRotation(sql, owner.id);

const succeeded = (answers: Answer[]) => answers.filter(({ status }) => status === 200);
const refused = (answers: Answer[]) => answers.filter(({ status }) => status !== 200);

describe('200 concurrent rotations of one user over several keys by route and RPC', () => {
  let answers: Answer[];

  beforeAll(async () => {
    answers = await rotateAtOnce(200);
  });

  it('exactly 5 succeed and 195 are rate limited', () => {
    expect(succeeded(answers)).toHaveLength(5);
    expect(refused(answers)).toHaveLength(195);
    expect(new Set(refused(answers).map(({ status, code }) => `${status} ${code}`))).toEqual(
      new Set(['429 rate_limited']),
    );
    const byRpc = answers.filter((_, n) => n % 2);
    expect(new Set(refused(byRpc).map(({ sqlState }) => sqlState))).toEqual(new Set(['PT429']));
  });

  it('every refusal has a Retry-After that fits the oldest of the five', async () => {
    const least = await secondsUntilOldestLeaves();
    const waits = refused(answers).map(({ retryAfter }) => retryAfter ?? 0);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(Math.max(1, least));
    expect(Math.max(...waits)).toBeLessThanOrEqual(60);
    expect(await rotationWindow()).toHaveLength(5);
  });

  it('exactly 5 more succeed after 60 seconds', async () => {
    await travel(60);
    const later = await rotateAtOnce(40);
    expect(succeeded(later)).toHaveLength(5);
    expect(new Set(refused(later).map(({ code }) => code))).toEqual(new Set(['rate_limited']));
  });

  it('exactly 2 more succeed when only the oldest two have left the window', async () => {
    await travel(60, 2);
    const later = await rotateAtOnce(20);
    expect(succeeded(later)).toHaveLength(2);
    expect(refused(later)).toHaveLength(18);
  });

  it('one more succeeds after the Retry-After of the oldest has passed', async () => {
    // ages of 50, 40, 30, 20 and 10 s: waiting frees one place at a time
    await sql`
      update proxy_private.write_windows
      set recent = array(
        select clock_timestamp() - make_interval(secs => age) from unnest('{50,40,30,20,10}'::int[]) age
      )
      where user_id = ${owner.id} and action = 'rotate'`;
    const most = await secondsUntilOldestLeaves();
    const [refusal] = await rotateAtOnce(1);
    const least = await secondsUntilOldestLeaves();
    expect(refusal).toMatchObject({ status: 429, code: 'rate_limited' });
    expect(refusal?.retryAfter).toBeLessThanOrEqual(most);
    expect(refusal?.retryAfter).toBeGreaterThanOrEqual(least);
    await travel(refusal?.retryAfter ?? 0);
    expect(succeeded(await rotateAtOnce(10))).toHaveLength(1);
  });

  it('another user is not limited', async () => {
    const other = await newUser();
    const key = await seedKey(sql, other.id);
    const answer = await askBy.rpc(calls.rotate(other, key.id));
    expect(answer).toMatchObject({ status: 200, code: null });
    expect(await rotationWindow(other)).toHaveLength(1);
  });
});

it.each(Object.entries(askBy))(
  'a rotation that is refused by %s does not count',
  async (_, ask) => {
    const user = await newUser();
    const other = await newUser();
    const [live, deleted, suspended] = await seedKeys(sql, user.id, 3);
    const foreign = await seedKey(sql, other.id);
    if (!live || !deleted || !suspended) throw new Error('keys were not seeded');
    await sql`update proxy_private.proxy_keys set deleted_at = now() where id = ${deleted.id}`;
    await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${suspended.id}`;

    expect(await ask(calls.rotate(user, foreign.id))).toMatchObject({
      status: 404,
      code: 'not_found',
    });
    expect(await ask(calls.rotate(user, deleted.id))).toMatchObject({
      status: 409,
      code: 'key_deleted',
    });
    expect(await ask(calls.rotate(user, suspended.id))).toMatchObject({
      status: 409,
      code: 'key_suspended',
    });
    expect(await rotationWindow(user)).toEqual([]);

    for (let n = 0; n < 5; n += 1)
      expect((await ask(calls.rotate(user, live.id))).status).toBe(200);
    const full = await rotationWindow(user);
    expect(full).toHaveLength(5);
    expect(await ask(calls.rotate(user, live.id))).toMatchObject({
      status: 429,
      code: 'rate_limited',
    });
    expect(await rotationWindow(user)).toEqual(full);
  },
);
