import type { Sql } from 'postgres';
import type { components } from '../../client/api.types.ts';
import {
  expectAnswer,
  type KeyDetail,
  type KeySummary,
  keyAnswer,
  listAnswer,
  type MintedKey,
  mintedAnswer,
} from './contract.ts';
import type { Persona } from './personas.ts';
import { ageKeys } from './seeded-keys.ts';

/** A key that `owner` mints over HTTP. */
export async function mintKey(
  owner: Persona,
  body: Partial<components['schemas']['MintRequest']> = {},
): Promise<MintedKey> {
  const { response } = await owner.api.POST('/api/v1/proxy/keys', {
    body: { label: 'key', ...body },
    parseAs: 'stream',
  });
  return (await expectAnswer(response, 201, mintedAnswer)).key;
}

/** A key of `owner` that is old enough to have events of any time that is kept. */
export async function mintAgedKey(
  sql: Sql,
  owner: Persona,
  body: { liveMode?: boolean } = {},
): Promise<MintedKey> {
  const key = await mintKey(owner, body);
  await ageKeys(sql, [key.id]);
  return key;
}

/** The keys of `owner` as the list returns them. */
export async function listKeys(owner: Persona): Promise<KeySummary[]> {
  const { response } = await owner.api.GET('/api/v1/proxy/keys', { parseAs: 'stream' });
  return expectAnswer(response, 200, listAnswer);
}

/** One key of `owner`, by its id or keyId, with every field that the owner may read. */
export async function getKey(owner: Persona, id: string): Promise<KeyDetail> {
  const { response } = await owner.api.GET('/api/v1/proxy/keys/{id}', {
    params: { path: { id } },
    parseAs: 'stream',
  });
  return (await expectAnswer(response, 200, keyAnswer)).key;
}

/** Inserts `count` keys in one statement, each a second older than the next. */
export async function insertKeys(
  sql: Sql,
  ownerId: string,
  keys: { count: number; tier?: string; deleted?: boolean },
): Promise<{ id: string; keyId: string }[]> {
  const { count, tier = 'developer', deleted = false } = keys;
  return sql<{ id: string; keyId: string }[]>`
    with inserted as (
      insert into proxy_private.proxy_keys (
        key_id, user_id, label, tier, live_mode, created_at, deleted_at
      )
      select
        'avp_live_' || encode(extensions.gen_random_bytes(6), 'hex'), ${ownerId}, 'key ' || n,
        ${tier}, true, now() - make_interval(secs => n), case when ${deleted} then now() end
      from generate_series(1, ${count}::integer) as n
      returning id, key_id
    ), hashed as (
      insert into proxy_private.proxy_key_secrets (api_key_id, secret_hash)
      select id, extensions.gen_random_bytes(32) from inserted
    )
    select id, key_id as "keyId" from inserted`;
}
