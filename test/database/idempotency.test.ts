import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { readActions } from '../support/audit-rows.ts';
import { type Connection, connectAlone, untilBlocked } from '../support/connect-alone.ts';
import { insertKeys } from '../support/key-scenes.ts';
import {
  connectOwner,
  createSupabase,
  newUser,
  type Persona,
  request,
} from '../support/personas.ts';

const stack = inject('stack');
const sql = connectOwner();
let owner: Persona;
let token: string;

beforeEach(async () => {
  owner = await newUser();
  token = `private-${randomUUID()}`;
});
afterAll(() => sql.end());

/** A connection on which a request of the owner has started, as PostgREST starts it. */
async function beginRequest(): Promise<Connection> {
  const connection = await connectAlone(stack.dbUrl);
  await connection.unsafe('begin');
  await connection`
    select
      set_config('request.jwt.claims', ${JSON.stringify({ sub: owner.id })}, true),
      set_config('role', 'authenticated', true)`;
  return connection;
}

interface Done {
  id: string;
  secret: string;
}

function mint(connection: Connection, label = 'once'): Promise<Done[]> {
  return connection<Done[]>`
    select id, secret from public.mint_proxy_key(${label}, idempotency_key => ${token})`.execute();
}

function rotate(connection: Connection, id: string): Promise<Done[]> {
  return connection<Done[]>`
    select id, secret from public.rotate_proxy_key(${id}, 5, ${token})`.execute();
}

/** The outcome of `work` on a second connection, after the first ends with a commit or rollback. */
async function secondOf(
  work: (connection: Connection) => Promise<Done[]>,
  ending: 'commit' | 'rollback',
  second = work,
): Promise<{ first: Done | undefined; second: PromiseSettledResult<Done[]> | undefined }> {
  const [one, two] = [await beginRequest(), await beginRequest()];
  const [first] = await work(one);
  const later = Promise.allSettled([second(two)]);
  await untilBlocked(sql, two.pid, [one.pid]);
  await one.unsafe(ending);
  const [outcome] = await later;
  await two.unsafe('commit');
  return { first, second: outcome };
}

const keysOf = async () =>
  sql<{ id: string }[]>`select id from proxy_private.proxy_keys where user_id = ${owner.id}`;

async function hashOf(id: string): Promise<string | undefined> {
  const [row] = await sql<{ hash: string }[]>`
    select encode(s.secret_hash, 'hex') || ' ' || k.key_id as hash
    from proxy_private.proxy_key_secrets as s join proxy_private.proxy_keys as k on k.id = s.api_key_id
    where k.id = ${id}`;
  return row?.hash;
}

describe('two concurrent mints with one idempotency key', () => {
  it('one creates a key; the other waits and gets the id of that key', async () => {
    const { first, second } = await secondOf(mint, 'commit');
    expect(second).toMatchObject({
      status: 'rejected',
      reason: { code: 'PT409', hint: 'already_done', detail: first?.id },
    });
    expect(await keysOf()).toEqual([{ id: first?.id }]);
  });

  it('the second creates the key if the first fails', async () => {
    const { first, second } = await secondOf(mint, 'rollback');
    expect(second).toMatchObject({ status: 'fulfilled', value: [{ id: expect.any(String) }] });
    const keys = await keysOf();
    expect(keys).toHaveLength(1);
    expect(keys[0]?.id).not.toBe(first?.id);
  });

  it('the second is refused as a mismatch if its request differs', async () => {
    const { first, second } = await secondOf(mint, 'commit', (connection) =>
      mint(connection, 'another'),
    );
    expect(second).toMatchObject({
      status: 'rejected',
      reason: { code: 'PT422', hint: 'idempotency_mismatch' },
    });
    expect(await keysOf()).toEqual([{ id: first?.id }]);
  });

  it('the second also waits if the key was last used over 24 hours ago', async () => {
    await owner.supabase.rpc('mint_proxy_key', { label: 'long ago', idempotency_key: token });
    await sql`
      update proxy_private.idempotency_keys set used_at = now() - interval '25 hours'
      where user_id = ${owner.id}`;
    const { first, second } = await secondOf(mint, 'commit');
    expect(second).toMatchObject({ reason: { hint: 'already_done', detail: first?.id } });
    expect(await keysOf()).toHaveLength(2);
  });

  it('over HTTP, exactly one of ten creates a key', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const headers = { 'Idempotency-Key': token };
        const body = { label: 'once' };
        const response = await request('POST', '/api/v1/proxy/keys', {
          token: owner.token,
          body,
          headers,
        });
        return {
          status: response.status,
          body: (await response.json()) as Record<string, unknown>,
        };
      }),
    );
    const [made, ...more] = answers.filter(({ status }) => status === 201);
    expect(more).toEqual([]);
    const { id } = (made?.body.key ?? {}) as { id?: string };
    const refused = answers.filter(({ status }) => status !== 201);
    expect(refused.map(({ body }) => [body.code, body.id])).toEqual(
      Array.from({ length: 9 }, () => ['already_done', id]),
    );
    expect(await keysOf()).toEqual([{ id }]);
  });
});

describe('two concurrent rotations with one idempotency key', () => {
  let id: string;

  beforeEach(async () => {
    const [key] = await insertKeys(sql, owner.id, { count: 1 });
    id = key?.id ?? '';
  });

  const expectHashOf = async (secret: string | undefined) => {
    const [hash, keyId] = (await hashOf(id))?.split(' ') ?? [];
    expect(hash).toBe(createHash('sha256').update(`${keyId}:${secret}`).digest('hex'));
  };

  it('one rotates, and its secret remains the valid one', async () => {
    const { first, second } = await secondOf((connection) => rotate(connection, id), 'commit');
    expect(second).toMatchObject({ reason: { code: 'PT409', hint: 'already_done', detail: id } });
    await expectHashOf(first?.secret);
    expect(await readActions(sql, id)).toEqual(['minted', 'rotated']);
    const [row] = await sql`
      select cardinality(recent) as rotations from proxy_private.write_windows
      where user_id = ${owner.id} and action = 'rotate'`;
    expect(row).toEqual({ rotations: 1 });
  });

  it('the second rotates if the first fails', async () => {
    const { second } = await secondOf((connection) => rotate(connection, id), 'rollback');
    if (second?.status !== 'fulfilled') throw new Error('the second was refused');
    await expectHashOf(second.value[0]?.secret);
    expect(await readActions(sql, id)).toEqual(['minted', 'rotated']);
  });

  it('a mint with the key of a rotation is refused as a mismatch', async () => {
    const { second } = await secondOf(
      (connection) => rotate(connection, id),
      'commit',
      (connection) => mint(connection),
    );
    expect(second).toMatchObject({ reason: { hint: 'idempotency_mismatch' } });
    expect(await keysOf()).toHaveLength(1);
  });
});

describe('a stored idempotency key', () => {
  it('consists of its hash and the hash of the request', async () => {
    const { data } = await owner.supabase.rpc('mint_proxy_key', {
      label: 'once',
      idempotency_key: token,
    });
    await owner.supabase.rpc('rotate_proxy_key', {
      id: data?.id ?? '',
      idempotency_key: `${token}-2`,
    });
    const rows = await sql`
      select key_hash, octet_length(request_hash) as request_bytes, api_key_id
      from proxy_private.idempotency_keys where user_id = ${owner.id} order by used_at`;
    const kept = (text: string) => ({
      key_hash: createHash('sha256').update(text).digest(),
      request_bytes: 32,
      api_key_id: data?.id,
    });
    expect([...rows]).toEqual([kept(token), kept(`${token}-2`)]);
  });

  it('is deleted with the account', async () => {
    await owner.supabase.rpc('mint_proxy_key', { label: 'once', idempotency_key: token });
    await createSupabase(stack.secretKey).auth.admin.deleteUser(owner.id);
    const rows = await sql`
      select from proxy_private.idempotency_keys where user_id = ${owner.id}`;
    expect(rows).toHaveLength(0);
    const { error } = await owner.supabase.rpc('mint_proxy_key', {
      label: 'once',
      idempotency_key: token,
    });
    expect(error).toMatchObject({ code: 'PT401', hint: 'unauthorized' });
  });

  it('is deleted by any later claim once it is over a day old, and not before', async () => {
    const other = await newUser();
    await sql`
      insert into proxy_private.idempotency_keys (user_id, key_hash, request_hash, api_key_id, used_at)
      select ${other.id}, sha256(n::text::bytea), sha256(''), gen_random_uuid(), case
        when n <= 25 then now() - interval '30 days' else now() - interval '23 hours' end
      from generate_series(1, 30) as n`;
    const left = async () => {
      const [row] = await sql`
        select
          count(*) filter (where used_at < now() - interval '24 hours')::int as old,
          count(*) filter (where used_at > now() - interval '24 hours')::int as young
        from proxy_private.idempotency_keys where user_id = ${other.id}`;
      return row;
    };
    expect(await left()).toEqual({ old: 25, young: 5 });
    // each call claims one key and clears up to 20 rows, including rows that earlier tests left
    for (let n = 0; n < 4; n += 1) {
      const { error } = await owner.supabase.rpc('mint_proxy_key', {
        label: 'once',
        idempotency_key: `${token}-${n}`,
      });
      expect(error).toBeNull();
    }
    expect(await left()).toEqual({ old: 0, young: 5 });
  });

  it('is not written for a request without one', async () => {
    await owner.supabase.rpc('mint_proxy_key', { label: 'once' });
    const rows = await sql`
      select from proxy_private.idempotency_keys where user_id = ${owner.id}`;
    expect(rows).toHaveLength(0);
  });
});
