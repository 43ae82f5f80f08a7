-- Webhooks: where a user, or the operator for all users, receives alerts. What authenticates a
-- request (a signing secret, a routing key, or an address that is itself a secret) is stored in a
-- separate table.

create table proxy_private.proxy_webhooks (
  id uuid primary key default proxy_private.uuid_v7(),
  user_id uuid references auth.users (id) on delete cascade,
  kind text not null,
  label text,
  address text,
  types text[],
  created_at timestamptz not null default clock_timestamp(),
  last_delivered_at timestamptz,
  failures integer not null default 0,
  failing_since timestamptz,
  disabled_at timestamptz,
  disabled_reason text,
  constraint "a kind is a known one" check (
    kind in ('webhook', 'slack', 'discord', 'pagerduty', 'email')
  ),
  constraint "what is disabled has a reason" check (
    (disabled_at is null) = (disabled_reason is null)
    and disabled_reason in ('failing', 'gone', 'owner')
  ),
  constraint "what fails has failed since a time" check ((failures = 0) = (failing_since is null))
);
comment on table proxy_private.proxy_webhooks is
  'Where alerts are sent: those of one user, or those of all users to the operator. Never contains '
  'a secret.';
comment on column proxy_private.proxy_webhooks.user_id is
  'The user whose alerts are sent; null for the operator''s webhooks, which get the alerts of all '
  'users.';
comment on column proxy_private.proxy_webhooks.address is
  'For display: the URL of a generic webhook, only the host if the URL is a secret, or an e-mail '
  'address.';
comment on column proxy_private.proxy_webhooks.types is
  'The types of alerts to send; null for all.';
comment on column proxy_private.proxy_webhooks.failures is
  'Failed attempts since the last success.';
comment on column proxy_private.proxy_webhooks.disabled_reason is
  'failing: it failed for three days; gone: it answered 410; owner: its owner disabled it.';
create index proxy_webhooks_owner on proxy_private.proxy_webhooks (user_id);
alter table proxy_private.proxy_webhooks enable row level security;


create table proxy_private.proxy_webhook_secrets (
  webhook_id uuid primary key references proxy_private.proxy_webhooks (id) on delete cascade,
  secret jsonb,
  vault_id uuid,
  constraint "a secret is in one place" check ((secret is null) <> (vault_id is null))
);
comment on table proxy_private.proxy_webhook_secrets is
  'What only deliveries may read: {"url"} for kinds webhook, slack and discord; {"key"} for kinds '
  'webhook (the signing key: 32 bytes, base64) and pagerduty (the routing key). If the database '
  'has Vault, the secret is stored there, and this row refers to it.';
alter table proxy_private.proxy_webhook_secrets enable row level security;


-- Vault may be added or removed later, so each secret is read from where it was stored.
create function proxy_private.keep_webhook_secret(webhook_id uuid, secret jsonb) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  known_id uuid;
begin
  if to_regprocedure('vault.create_secret(text, text, text, uuid)') is null then
    insert into proxy_private.proxy_webhook_secrets as s (webhook_id, secret)
    values (keep_webhook_secret.webhook_id, keep_webhook_secret.secret)
    on conflict on constraint proxy_webhook_secrets_pkey do update
      set secret = excluded.secret, vault_id = null;
    return;
  end if;
  select s.vault_id into known_id
  from proxy_private.proxy_webhook_secrets as s where s.webhook_id = keep_webhook_secret.webhook_id;
  if known_id is not null then
    execute 'select vault.update_secret($1, $2)' using known_id, keep_webhook_secret.secret::text;
    return;
  end if;
  execute 'select vault.create_secret($1, $2, $3)' into known_id
  using keep_webhook_secret.secret::text, 'proxy_webhook:' || keep_webhook_secret.webhook_id,
    'A secret of a Proxy Keys webhook.';
  insert into proxy_private.proxy_webhook_secrets as s (webhook_id, vault_id)
  values (keep_webhook_secret.webhook_id, known_id)
  on conflict on constraint proxy_webhook_secrets_pkey do update
    set secret = null, vault_id = excluded.vault_id;
end
$$;
comment on function proxy_private.keep_webhook_secret is
  'Stores the secret of a webhook, in Vault if the database has it. Replaces the previous secret.';


create function proxy_private.webhook_secret(webhook_id uuid) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  kept proxy_private.proxy_webhook_secrets;
  decrypted text;
begin
  select * into kept
  from proxy_private.proxy_webhook_secrets as s where s.webhook_id = webhook_secret.webhook_id;
  if kept.vault_id is null then
    return kept.secret;
  end if;
  execute 'select d.decrypted_secret from vault.decrypted_secrets as d where d.id = $1'
  into decrypted using kept.vault_id;
  return decrypted::jsonb;
end
$$;
comment on function proxy_private.webhook_secret is 'The secret of a webhook, for deliveries only.';


-- SECURITY DEFINER: removing an account also deletes its webhooks, as Supabase Auth's role.
create function proxy_private.forget_webhook_secret() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if old.vault_id is not null and to_regclass('vault.secrets') is not null then
    execute 'delete from vault.secrets where id = $1' using old.vault_id;
  end if;
  return null;
end
$$;
comment on function proxy_private.forget_webhook_secret is
  'Trigger: deletes a webhook''s secret from Vault together with the webhook.';

create trigger forget_webhook_secret after delete on proxy_private.proxy_webhook_secrets
  for each row execute function proxy_private.forget_webhook_secret();


-- The alerts of an account describe what its keys did, so they are removed with it. SECURITY
-- DEFINER, as above.
create function proxy_private.forget_alerts() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from proxy_private.proxy_alerts as a where a.user_id = old.id;
  return null;
end
$$;
comment on function proxy_private.forget_alerts is
  'Trigger: deletes the alerts of an account that is removed.';

create trigger forget_alerts after delete on auth.users
  for each row execute function proxy_private.forget_alerts();


-- Default privileges may grant too much: revoke all.
revoke all on table
  proxy_private.proxy_webhooks, proxy_private.proxy_webhook_secrets
from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.keep_webhook_secret, proxy_private.webhook_secret, proxy_private.forget_webhook_secret,
  proxy_private.forget_alerts
from public, anon, authenticated, service_role;
