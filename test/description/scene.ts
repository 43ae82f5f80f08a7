import { mintKey } from '../support/key-scenes.ts';
import {
  connectGateway,
  connectOwner,
  newAdmin,
  newUser,
  type Persona,
} from '../support/personas.ts';
import { recordUsage, usageEvent } from '../support/usage-events.ts';
import { setWebhookScene, type WebhookScene } from './webhook-scene.ts';

/** Users with keys and usage, for which any request can be made. */
export interface Scene {
  owner: Persona;
  other: Persona;
  admin: Persona;
  /** Each possible caller with its header; null for none. */
  authorizations: Record<string, string | null>;
  /** The names of the callers without a valid token. */
  nobodies: string[];
  /** The owner's keys, by uuid and by keyId. */
  ownKeys: string[];
  othersKeys: string[];
  webhooks: WebhookScene;
  /** Restores the keys, and forgets past writes. */
  reset(): Promise<void>;
  end(): Promise<void>;
}

export async function setScene(): Promise<Scene> {
  const sql = connectOwner();
  const gateway = connectGateway(1);
  const [owner, other, admin] = await Promise.all([newUser(), newUser(), newAdmin()]);
  const own = await Promise.all([1, 2, 3, 4].map((n) => mintKey(owner, { label: `key ${n}` })));
  const others = [await mintKey(other)];
  await recordUsage(
    gateway,
    own.flatMap(({ id }) => [1, 2, 3].map(() => usageEvent(id))),
  );
  const ids = [...own, ...others].map(({ id }) => id);
  const names = (keys: { id: string; keyId: string }[]) =>
    keys.flatMap(({ id, keyId }) => [id, keyId]);
  const webhooks = setWebhookScene(sql, owner.id, [owner.id, other.id, admin.id]);
  const broken = brokenAuthorizations(owner.token, admin.token);
  return {
    owner,
    other,
    admin,
    authorizations: {
      ...broken,
      owner: `Bearer ${owner.token}`,
      other: `Bearer ${other.token}`,
      admin: `Bearer ${admin.token}`,
    },
    nobodies: Object.keys(broken),
    ownKeys: names(own),
    othersKeys: names(others),
    webhooks,
    async reset() {
      await sql`
        update proxy_private.proxy_keys
        set deleted_at = null, suspended_at = null, suspended_reason = null, expires_at = null
        where id = any(${ids}::uuid[])
          and (deleted_at is not null or suspended_at is not null or expires_at is not null)`;
      await sql`
        delete from proxy_private.write_windows
        where user_id in (${owner.id}, ${other.id}, ${admin.id})`;
      await webhooks.reset();
    },
    async end() {
      await webhooks.end();
      await Promise.all([sql.end(), gateway.end()]);
    },
  };
}

/** Headers without a valid token of a user. */
function brokenAuthorizations(owner: string, admin: string): Record<string, string | null> {
  const [header = '', payload = '', signature = ''] = admin.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const aged = Buffer.from(JSON.stringify({ ...claims, exp: 1 })).toString('base64url');
  return {
    nobody: null,
    'no token': 'Bearer',
    'a short token': 'Bearer x',
    'no claims': 'Bearer a.b.c',
    'no signature': `Bearer ${header}.${payload}.`,
    'changed claims': `Bearer ${header}.${aged}.${signature}`,
    'an extra letter': `Bearer ${owner}x`,
    'two tokens': `Bearer ${owner} ${owner}`,
    'a password': `Basic ${Buffer.from('x:y').toString('base64')}`,
    'no scheme': owner,
    'not ASCII': 'é',
  };
}
