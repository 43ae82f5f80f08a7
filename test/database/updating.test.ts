import { randomUUID } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { connectAlone, untilBlocked } from '../support/connect-alone.ts';
import { connectGateway, connectOwner, newUser, type Persona } from '../support/personas.ts';
import { type SeededKey, seedKey } from '../support/seeded-keys.ts';

const stack = inject('stack');
const sql = connectOwner();
const gateway = connectGateway(1);
let owner: Persona;
let key: SeededKey;

beforeEach(async () => {
  owner = await newUser();
  key = await seedKey(sql, owner.id);
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

type Changes = Record<string, string | string[] | null>;

async function update(changes: Changes): Promise<void> {
  const { error } = await owner.supabase.rpc('update_proxy_key', { id: key.id, changes });
  expect(error).toBeNull();
}

/** How many notifications of the key each of these changes causes, one after the other. */
async function countNotices(...all: Changes[]): Promise<number[]> {
  const announced: string[] = [];
  const listening = await gateway.listen('proxy_key_changed', (payload) => announced.push(payload));
  const counts: number[] = [];
  for (const changes of all) {
    announced.length = 0;
    await update(changes);
    // notifications arrive in commit order: all earlier ones are here by now
    const sentinel = randomUUID();
    await sql.notify('proxy_key_changed', sentinel);
    while (!announced.includes(sentinel)) await gateway`select 1`;
    counts.push(announced.filter((payload) => payload === key.keyId).length);
  }
  await listening.unlisten();
  return counts;
}

describe('the gateways', () => {
  it('are notified of changed clients and a changed expiry, but not of a changed label', async () => {
    expect(
      await countNotices(
        { label: 'after' },
        { allowed_ips: ['192.0.2.1'] },
        { expires_at: '2080-01-01T00:00:00Z' },
        { label: 'all', allowed_ips: [], expires_at: null },
      ),
    ).toEqual([0, 1, 1, 1]);
  });

  it('are not notified of a change that changes nothing', async () => {
    await update({ allowed_ips: ['192.0.2.1'], expires_at: '2080-01-01T00:00:00Z' });
    expect(
      await countNotices(
        {},
        { allowed_ips: ['192.0.2.1/32'] },
        { expires_at: '2080-01-01T01:00:00+01:00' },
      ),
    ).toEqual([0, 0, 0]);
  });
});

describe('not even the owner of the schema can give a key', () => {
  it.each([
    [
      '51 address ranges',
      `allowed_ips = array(select ('10.0.0.' || n)::cidr from generate_series(1, 51) as n)`,
      'at most 50 address ranges',
    ],
    ['an address range that is null', `allowed_ips = '{null}'`, 'an address range is not null'],
  ])('%s', async (_, assignment, constraint) => {
    await expect(
      sql.unsafe(`update proxy_private.proxy_keys set ${assignment} where id = '${key.id}'`),
    ).rejects.toMatchObject({ code: '23514', constraint_name: constraint });
  });
});

describe('an update', () => {
  it('that meets a concurrent deletion is refused once the deletion commits', async () => {
    const [deleting, updating] = [await connectAlone(stack.dbUrl), await connectAlone(stack.dbUrl)];
    for (const connection of [deleting, updating]) {
      await connection.unsafe('begin');
      await connection`
        select set_config('request.jwt.claims', ${JSON.stringify({ sub: owner.id })}, true),
          set_config('role', 'authenticated', true)`;
    }
    await deleting`select public.delete_proxy_key(${key.id})`;
    const outcome = Promise.allSettled([
      updating`select public.update_proxy_key(${key.id}, '{"label": "late"}')`,
    ]);
    await untilBlocked(sql, updating.pid, [deleting.pid]);
    await deleting.unsafe('commit');
    expect(await outcome).toMatchObject([
      { status: 'rejected', reason: { code: 'PT409', hint: 'key_deleted' } },
    ]);
    const [row] = await sql`select label from proxy_private.proxy_keys where id = ${key.id}`;
    expect(row).toEqual({ label: 'seeded' });
  });

  it('of one field keeps a concurrent change of another field', async () => {
    await Promise.all([
      update({ label: 'after' }),
      update({ allowed_ips: ['192.0.2.1'] }),
      update({ expires_at: '2080-01-01T00:00:00Z' }),
    ]);
    const { data } = await owner.supabase.rpc('get_proxy_key', { id: key.id });
    expect(data).toMatchObject({
      label: 'after',
      allowed_ips: ['192.0.2.1/32'],
      expires_at: '2080-01-01T00:00:00+00:00',
    });
  });
});
