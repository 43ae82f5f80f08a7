import { afterAll, expect, it } from 'vitest';
import { connectOwner, newUser } from '../support/personas.ts';
import { hashSecret, seedKey, seedKeys } from '../support/seeded-keys.ts';
import { forgetWrites } from '../support/write-windows.ts';
import { asUser } from './database-role.ts';

const sql = connectOwner();
afterAll(() => sql.end());

interface Rotation {
  secret: string;
  /** To the microsecond: rotations of one key are committed in this order. */
  rotatedAt: string;
}

it('two concurrent rotations of one key leave one valid secret, the one committed last', async () => {
  const owner = await newUser();
  const key = await seedKey(sql, owner.id);
  const rotate = () =>
    asUser(sql, owner.id, async (transaction) => {
      const [row] = await transaction<Rotation[]>`
        select secret, to_char(rotated_at, 'YYYY-MM-DD HH24:MI:SS.US') as "rotatedAt"
        from public.rotate_proxy_key(${key.keyId})`;
      if (!row) throw new Error('rotate_proxy_key returned no row');
      return row;
    });

  for (let round = 0; round < 40; round += 1) {
    await forgetWrites(sql, owner.id);
    const pair = await Promise.all([rotate(), rotate()]);
    const [first, last] = pair.toSorted((a, b) => (a.rotatedAt < b.rotatedAt ? -1 : 1));
    const hashes = await sql<{ hash: string; rotatedAt: string }[]>`
      select
        encode(s.secret_hash, 'hex') as hash,
        to_char(k.rotated_at, 'YYYY-MM-DD HH24:MI:SS.US') as "rotatedAt"
      from proxy_private.proxy_key_secrets as s
      join proxy_private.proxy_keys as k on k.id = s.api_key_id
      where k.id = ${key.id}`;
    expect(first?.rotatedAt).not.toBe(last?.rotatedAt);
    expect(hashes).toEqual([
      { hash: hashSecret(key.keyId, last?.secret ?? ''), rotatedAt: last?.rotatedAt },
    ]);
    expect(hashes[0]?.hash).not.toBe(hashSecret(key.keyId, first?.secret ?? ''));
  }
});

it('when a rotation and a deletion of one key race, a deleted key is never rotated', async () => {
  const owner = await newUser();
  const keys = await seedKeys(sql, owner.id, 40);
  for (const { id } of keys) {
    await forgetWrites(sql, owner.id);
    const [rotated, deleted] = await Promise.allSettled([
      asUser(sql, owner.id, (transaction) => transaction`select public.rotate_proxy_key(${id})`),
      asUser(sql, owner.id, (transaction) => transaction`select public.delete_proxy_key(${id})`),
    ]);
    expect(deleted.status).toBe('fulfilled');
    if (rotated.status === 'rejected')
      expect(rotated.reason).toMatchObject({ hint: 'key_deleted' });
    const [row] = await sql`
      select rotated_at is not null as rotated, rotated_at < deleted_at as before
      from proxy_private.proxy_keys where id = ${id}`;
    expect(row).toEqual(
      rotated.status === 'fulfilled'
        ? { rotated: true, before: true }
        : { rotated: false, before: null },
    );
  }
});
