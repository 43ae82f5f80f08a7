import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OwnDatabase, startOwnDatabase } from '../../support/own-stack.ts';

// what the platform has and plain Postgres lacks: test doubles with the same names and arguments,
// created by the superuser as on the platform

let database: OwnDatabase;
let sql: postgres.Sql;
let superuser: postgres.Sql;
let userId: string;

beforeAll(async () => {
  database = await startOwnDatabase();
  sql = database.sql;
  const admin = Object.assign(new URL(database.dbUrl), { username: 'supabase_admin' });
  superuser = postgres(admin.href, { max: 1, onnotice: () => {} });
  userId = randomUUID();
  await sql`insert into auth.users (id, email) values (${userId}, 'owner@example.com')`;
});
afterAll(async () => {
  await superuser.end();
  await database.stop();
});

/** Creates a webhook with a secret; returns its id. */
async function newWebhook(): Promise<string> {
  const [row] = await sql`
    insert into proxy_private.proxy_webhooks (user_id, kind, address)
    values (${userId}, 'webhook', 'https://example.com') returning id`;
  await sql`select proxy_private.keep_webhook_secret(${row?.id}, '{"key": "c2VjcmV0"}')`;
  return row?.id;
}
const secretOf = async (id: string) => {
  const [row] = await sql`select proxy_private.webhook_secret(${id}) as secret`;
  return row?.secret;
};
const kept = async (id: string) => {
  const [row] = await sql`
    select secret, vault_id from proxy_private.proxy_webhook_secrets where webhook_id = ${id}`;
  return row;
};
const raiseAlert = async (cause: string) =>
  sql`select proxy_private.raise_alerts(array[
    (${userId}::uuid, null, 'webhook.test', ${cause}, null, '{"a": 1}')::proxy_private.new_alert
  ])`;

describe('Vault', () => {
  it('without Vault, secrets are kept in a table of proxy_private', async () => {
    const id = await newWebhook();
    expect(await kept(id)).toMatchObject({ secret: { key: 'c2VjcmV0' }, vault_id: null });
    expect(await secretOf(id)).toEqual({ key: 'c2VjcmV0' });
  });

  it('with Vault, secrets are kept only there, change there, and are deleted with the webhook', async () => {
    const before = await newWebhook();
    await superuser.unsafe(`
      create schema vault;
      create table vault.secrets (id uuid primary key default gen_random_uuid(), name text unique, secret text);
      create view vault.decrypted_secrets as select id, name, secret as decrypted_secret from vault.secrets;
      create function vault.create_secret(
        new_secret text, new_name text default null, new_description text default '', new_key_id uuid default null
      ) returns uuid language sql as
        'insert into vault.secrets (name, secret) values (new_name, new_secret) returning id';
      create function vault.update_secret(
        secret_id uuid, new_secret text default null, new_name text default null,
        new_description text default null, new_key_id uuid default null
      ) returns void language sql as
        'update vault.secrets set secret = new_secret where id = secret_id';
      grant usage on schema vault to postgres;
      grant all on all tables in schema vault to postgres;`);
    const id = await newWebhook();
    expect(await kept(id)).toMatchObject({ secret: null });
    expect(await secretOf(id)).toEqual({ key: 'c2VjcmV0' });
    await sql`select proxy_private.keep_webhook_secret(${id}, '{"key": "YW5vdGhlcg=="}')`;
    expect(await secretOf(id)).toEqual({ key: 'YW5vdGhlcg==' });
    expect(await sql`select from vault.secrets`).toHaveLength(1);
    // a secret from before Vault is read where it is, and moves to Vault when it changes
    expect(await secretOf(before)).toEqual({ key: 'c2VjcmV0' });
    await sql`select proxy_private.keep_webhook_secret(${before}, '{"key": "bmV3"}')`;
    expect(await kept(before)).toMatchObject({ secret: null });
    expect(await secretOf(before)).toEqual({ key: 'bmV3' });
    await sql`delete from proxy_private.proxy_webhooks where id in (${id}, ${before})`;
    expect(await sql`select from vault.secrets`).toHaveLength(0);
  });
});

describe('Realtime', () => {
  it('without Realtime, an alert is still raised', async () => {
    await raiseAlert('without Realtime');
    const [row] = await sql`select proxy_private.open_alert_channels() as opened`;
    expect(row?.opened).toBe(false);
  });

  it('with Realtime, the alert is broadcast once to its owner’s private channel', async () => {
    await superuser.unsafe(`
      create schema realtime;
      create table realtime.messages (topic text, extension text, payload jsonb, event text, private boolean);
      alter table realtime.messages enable row level security;
      alter table realtime.messages owner to postgres;
      create function realtime.topic() returns text language sql stable as
        'select nullif(current_setting(''realtime.topic'', true), '''')';
      create function realtime.send(payload jsonb, event text, topic text, private boolean default true)
      returns void language sql as
        'insert into realtime.messages values (topic, ''broadcast'', payload, event, private)';
      grant usage on schema realtime to postgres, authenticated;
      grant select on realtime.messages to authenticated;`);
    await raiseAlert('with Realtime');
    await raiseAlert('with Realtime');
    const messages = await sql`select topic, event, private, payload from realtime.messages`;
    expect(messages).toMatchObject([
      {
        topic: `proxy_alerts:${userId}`,
        event: 'proxy_alert',
        private: true,
        payload: { type: 'webhook.test', data: { a: 1 } },
      },
    ]);
  });

  it('the policy lets users join only their own channel', async () => {
    const [row] = await sql`select proxy_private.open_alert_channels() as opened`;
    expect(row?.opened).toBe(true);
    const canJoin = (user: string, topic: string) =>
      sql.begin(async (transaction) => {
        const claims = JSON.stringify({ sub: user, role: 'authenticated' });
        await transaction`select set_config('request.jwt.claims', ${claims}, true),
          set_config('realtime.topic', ${topic}, true), set_config('role', 'authenticated', true)`;
        return (await transaction`select from realtime.messages`).length > 0;
      });
    expect(await canJoin(userId, `proxy_alerts:${userId}`)).toBe(true);
    expect(await canJoin(randomUUID(), `proxy_alerts:${userId}`)).toBe(false);
    expect(await canJoin(userId, 'proxy_alerts:somebody')).toBe(false);
  });

  it('a failure of Realtime does not stop the alert from being raised', async () => {
    await superuser.unsafe(`
      create or replace function realtime.send(payload jsonb, event text, topic text, private boolean default true)
      returns void language plpgsql as 'begin raise exception ''away''; end'`);
    await raiseAlert('with a broken Realtime');
    const raised = await sql`
      select from proxy_private.proxy_alerts where cause = 'with a broken Realtime'`;
    expect(raised).toHaveLength(1);
  });
});

describe('pg_net', () => {
  beforeAll(() => sql`delete from proxy_private.proxy_webhooks`);
  const kick = async () => {
    const [row] = await sql<{ said: string }[]>`select proxy_private.kick_delivery() as said`;
    return row?.said;
  };

  it('is not called when nothing is due', async () => {
    expect(await kick()).toBe('Nothing is due.');
  });

  it('is not called for a webhook that its owner disabled', async () => {
    const id = await newWebhook();
    await raiseAlert('to a disabled webhook');
    expect(await kick()).toMatch(/^Not set up/);
    await sql`
      update proxy_private.proxy_webhooks set disabled_at = now(), disabled_reason = 'owner'
      where id = ${id}`;
    expect(await kick()).toBe('Nothing is due.');
    await sql`delete from proxy_private.proxy_webhooks where id = ${id}`;
  });

  it('calls the function with the key from Vault, once per hundred due deliveries', async () => {
    await newWebhook();
    await raiseAlert('to deliver');
    expect(await kick()).toMatch(/^Not set up/);
    await sql`
      update proxy_private.delivery_settings set function_url = 'https://x.supabase.co/functions/v1/deliver'`;
    await superuser.unsafe(`
      create schema net;
      create table net.requests (url text, headers jsonb);
      create function net.http_post(
        url text, body jsonb default '{}', params jsonb default '{}', headers jsonb default '{}',
        timeout_milliseconds integer default 5000
      ) returns bigint language sql as 'insert into net.requests values (url, headers) returning 1';
      grant usage on schema net to postgres;
      grant all on net.requests to postgres;`);
    expect(await kick()).toMatch(/^Vault has no secret/);
    await sql`select vault.create_secret('sb_secret_x', 'proxy_keys_deliver')`;
    expect(await kick()).toBe('Deliveries due: 1.');
    expect(await sql`select * from net.requests`).toEqual([
      {
        url: 'https://x.supabase.co/functions/v1/deliver',
        headers: { apikey: 'sb_secret_x', 'Content-Type': 'application/json' },
      },
    ]);
  });
});
