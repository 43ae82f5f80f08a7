import { createHash, randomBytes } from 'node:crypto';
import type { Measuring } from '../measuring.ts';
import type { BenchUser } from '../scene.ts';

/** A key whose secret is known. */
export interface BenchKey {
  id: string;
  keyId: string;
  /** `keyId:secret`. */
  pair: string;
  owner: BenchUser;
}

/** Creates a key for each of `owners`, with limits that a measurement never reaches. */
export async function newBenchKeys(
  { scene, sql }: Pick<Measuring, 'scene' | 'sql'>,
  owners: BenchUser[],
): Promise<BenchKey[]> {
  const ids = await scene.newKeys(owners);
  const named = await sql<{ id: string; keyId: string }[]>`
    update proxy_private.proxy_keys
    set limit_overrides = ${sql.json({ rate_limit: 1e6, tunnel_limit: 1e6, bandwidth_limit_bytes: 1e15 })}
    where id = any(${ids}::uuid[])
    returning id, key_id as "keyId"`;
  const keyIds = new Map(named.map(({ id, keyId }) => [id, keyId]));
  const keys = ids.map((id, index) => {
    const keyId = keyIds.get(id) ?? '';
    const pair = `${keyId}:${randomBytes(32).toString('hex')}`;
    return { id, keyId, pair, owner: owners[index] as BenchUser };
  });
  await sql`
    update proxy_private.proxy_key_secrets as s set secret_hash = decode(h.hash, 'hex')
    from unnest(
      ${ids}::uuid[],
      ${keys.map(({ pair }) => createHash('sha256').update(pair).digest('hex'))}::text[]
    ) as h (id, hash)
    where s.api_key_id = h.id`;
  return keys;
}
