-- Keys: the owner of each key, what it may do, and its state. The hash of its secret is in a
-- separate table that callers cannot read.

create table proxy_private.proxy_keys (
  id uuid primary key default proxy_private.uuid_v7(),
  key_id text not null,
  user_id uuid references auth.users (id) on delete set null,
  label text not null,
  tier text not null references public.proxy_tiers (tier),
  live_mode boolean not null,
  limit_overrides jsonb not null default '{}',
  allowed_ips cidr[] not null default '{}',
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  rotated_at timestamptz,
  grace_ends_at timestamptz,
  suspended_at timestamptz,
  suspended_reason text,
  deleted_at timestamptz,
  owner_barred_until timestamptz,
  constraint "a key id is unique" unique (key_id),
  constraint "a key id has its form and shows its mode" check (
    key_id ~ (case when live_mode then '^avp_live_[0-9a-f]{12}$' else '^avp_test_[0-9a-f]{12}$' end)
  ),
  constraint "a label is clean text of 1 to 80 characters" check (
    label is not distinct from proxy_private.clean_label(label)
  ),
  constraint "a key without an owner is deleted" check (
    user_id is not null or deleted_at is not null
  ),
  constraint "overridden limits are known and in their ranges" check (
    limit_overrides = '{}' or proxy_private.wrong_limit(limit_overrides) is null
  ),
  constraint "at most 50 address ranges" check (cardinality(allowed_ips) <= 50),
  constraint "an address range is not null" check (array_position(allowed_ips, null) is null),
  constraint "a deleted key has no grace" check (deleted_at is null or grace_ends_at is null),
  constraint "a grace is at most 30 seconds" check (
    grace_ends_at is null or coalesce(grace_ends_at <= rotated_at + interval '30 seconds', false)
  ),
  constraint "a reason is of a suspension" check (
    suspended_reason is null or suspended_at is not null
  ),
  constraint "a reason is clean text of 1 to 500 characters" check (
    suspended_reason is not distinct from proxy_private.clean_reason(suspended_reason)
  ),
  -- times beyond this range could not be calculated with, or returned to callers
  constraint "times are of this century" check (
    least(created_at, rotated_at, grace_ends_at, suspended_at, deleted_at, expires_at)
      >= '2000-01-01 00:00Z'
    and greatest(created_at, rotated_at, grace_ends_at, suspended_at, deleted_at, expires_at)
      <= '2100-01-01 00:00Z'
  )
);
comment on table proxy_private.proxy_keys is
  'One row per proxy key. Rows are never removed: deletion sets a time, so that usage still refers '
  'to its key.';
comment on column proxy_private.proxy_keys.key_id is
  'The public name of the key. It never changes, and is safe to log.';
comment on column proxy_private.proxy_keys.user_id is
  'The owner; null once the owner''s account is removed, which also deletes the key.';
comment on column proxy_private.proxy_keys.live_mode is
  'True: usage is billed. False: usage is only metered.';
comment on column proxy_private.proxy_keys.limit_overrides is
  'Limits that an admin set in place of the tier''s, by the name of the tier''s column.';
comment on column proxy_private.proxy_keys.allowed_ips is
  'The client addresses that the gateway allows; empty means any.';
comment on column proxy_private.proxy_keys.expires_at is
  'When the key stops being active; null means never.';
comment on column proxy_private.proxy_keys.grace_ends_at is
  'Until when the previous secret still works; null or past means that it does not.';
comment on column proxy_private.proxy_keys.suspended_reason is
  'Why an admin suspended the key. The owner can read it.';

comment on column proxy_private.proxy_keys.owner_barred_until is
  'Until when the owner''s account is banned: null or past if it is not, 2100 if the ban is '
  'permanent. Maintained for undeleted keys only. It is stored here because gateways look up keys '
  'far more often than bans change.';

create index proxy_keys_owner_newest on proxy_private.proxy_keys (user_id, created_at desc, id desc);
-- for the admins' list of all users' keys
create index proxy_keys_newest on proxy_private.proxy_keys (created_at desc, id desc);
-- counts a user's keys of a tier at mint, lists undeleted keys, and finds a tier's keys when its
-- limits change
create index proxy_keys_undeleted on proxy_private.proxy_keys (tier, user_id) where deleted_at is null;

alter table proxy_private.proxy_keys enable row level security;
create policy "owners read their own keys" on proxy_private.proxy_keys
  for select to authenticated using ((select auth.uid()) = user_id);

create trigger keep_keys before delete or truncate on proxy_private.proxy_keys
  for each statement execute function proxy_private.refuse_change();


create table proxy_private.proxy_key_secrets (
  api_key_id uuid primary key references proxy_private.proxy_keys (id),
  secret_hash bytea not null,
  previous_hash bytea,
  constraint "a hash is a sha-256" check (octet_length(secret_hash) = 32),
  constraint "a previous hash is a sha-256" check (octet_length(previous_hash) = 32)
);
comment on table proxy_private.proxy_key_secrets is
  'The current secret of each key, as SHA-256 over the ASCII bytes of `keyId:secret`. 256 random '
  'bits need no slow hash, and hashing the pair binds a hash to its row.';
comment on column proxy_private.proxy_key_secrets.previous_hash is
  'The hash of the previous secret, if the last rotation gave a grace. That secret works until the '
  'key''s grace_ends_at.';
alter table proxy_private.proxy_key_secrets enable row level security;


create function proxy_private.secret_hash(key_id text, secret text) returns bytea
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return sha256(convert_to(secret_hash.key_id || ':' || secret_hash.secret, 'SQL_ASCII'));
end
$$;
comment on function proxy_private.secret_hash is 'SHA-256 over the ASCII bytes of `keyId:secret`.';


-- The one definition of what a key may do and whether it works.
create view proxy_private.key_states with (security_invoker = true) as
select
  k.*,
  coalesce((k.limit_overrides ->> 'bandwidth_limit_bytes')::bigint, t.bandwidth_limit_bytes)
    as bandwidth_limit_bytes,
  coalesce((k.limit_overrides ->> 'rate_limit')::integer, t.rate_limit) as rate_limit,
  coalesce((k.limit_overrides ->> 'tunnel_limit')::integer, t.tunnel_limit) as tunnel_limit,
  case when k.live_mode
    then coalesce((a.limit_overrides ->> 'account_limit_bytes')::bigint, t.account_limit_bytes)
    else coalesce((a.limit_overrides ->> 'test_limit_bytes')::bigint, t.test_limit_bytes)
  end as account_limit_bytes,
  k.deleted_at is null and k.suspended_at is null
    and (k.expires_at is null or k.expires_at > now())
    and (k.owner_barred_until is null or k.owner_barred_until <= now()) as active
from proxy_private.proxy_keys as k
join public.proxy_tiers as t on t.tier = k.tier
left join proxy_private.proxy_account_limits as a on a.user_id = k.user_id and a.tier = k.tier;
comment on view proxy_private.key_states is
  'Keys with their effective limits, including the limit that all keys of the same user, tier and '
  'mode share, and whether each key is active. A key is active if it is not deleted, suspended or '
  'expired, and its account is neither banned nor deleted.';


-- A path or an argument may name a key by its uuid or by its keyId.
create function proxy_private.resolve_key(reference text) returns uuid
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if pg_input_is_valid(resolve_key.reference, 'uuid') then
    return resolve_key.reference::uuid;
  end if;
  return (select k.id from proxy_private.proxy_keys as k where k.key_id = lower(resolve_key.reference));
end
$$;
comment on function proxy_private.resolve_key is
  'The id of the key, of any user, that a uuid or keyId names, in upper or lower case. Returns '
  'null for an unknown keyId, but does not check that a uuid belongs to a key.';


create function proxy_private.lock_key(reference text, owner_id uuid) returns proxy_private.proxy_keys
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  named_id uuid := proxy_private.resolve_key(lock_key.reference);
  key proxy_private.proxy_keys;
begin
  select * into key from proxy_private.proxy_keys as k
  where k.id = named_id and (lock_key.owner_id is null or k.user_id = lock_key.owner_id)
  for no key update;
  if not found then
    perform proxy_private.refuse('not_found');
  end if;
  return key;
end
$$;
comment on function proxy_private.lock_key is
  'The key named by uuid or keyId, locked until the transaction ends. With an owner_id, another '
  'user''s key is refused exactly like one that does not exist (not_found).';


-- Removing an account takes its keys out of service, but keeps their history.
create function proxy_private.delete_ownerless_key() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  new.deleted_at := coalesce(new.deleted_at, clock_timestamp());
  new.grace_ends_at := null;
  return new;
end
$$;
comment on function proxy_private.delete_ownerless_key is
  'Trigger: marks a key deleted when its owner''s account is removed.';

create trigger delete_ownerless_key before update of user_id on proxy_private.proxy_keys
  for each row when (new.user_id is null)
  execute function proxy_private.delete_ownerless_key();


-- Gateways cache a key for up to 30 s; this notifies them at commit that their copy is stale. It is
-- a trigger, so that no code that changes a key can skip it.
create function proxy_private.announce_key_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_notify('proxy_key_changed', new.key_id);
  return null;
end
$$;
comment on function proxy_private.announce_key_change is
  'Trigger: notifies channel proxy_key_changed with the keyId, at commit.';

create trigger announce_key_change after update on proxy_private.proxy_keys
  for each row
  when (
    (old.tier, old.limit_overrides, old.rotated_at, old.grace_ends_at, old.suspended_at,
      old.deleted_at, old.expires_at, old.allowed_ips, old.owner_barred_until)
    is distinct from
    (new.tier, new.limit_overrides, new.rotated_at, new.grace_ends_at, new.suspended_at,
      new.deleted_at, new.expires_at, new.allowed_ips, new.owner_barred_until)
  )
  execute function proxy_private.announce_key_change();


-- A tier's limits apply to its keys.
create function proxy_private.announce_tier_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_notify('proxy_key_changed', k.key_id)
  from proxy_private.proxy_keys as k
  where k.tier = new.tier and k.deleted_at is null;
  return null;
end
$$;
comment on function proxy_private.announce_tier_change is
  'Trigger: notifies channel proxy_key_changed for each undeleted key of a tier whose limits '
  'change.';

create trigger announce_tier_change
  after update of
    bandwidth_limit_bytes, rate_limit, tunnel_limit, account_limit_bytes, test_limit_bytes
  on public.proxy_tiers
  for each row execute function proxy_private.announce_tier_change();


-- An account's limits apply to its keys. SECURITY DEFINER: when an account is removed, this runs as
-- Supabase Auth's role, which may not read keys.
create function proxy_private.announce_account_change() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'UPDATE' and new = old then
    return null;
  end if;
  perform pg_notify('proxy_key_changed', k.key_id)
  from proxy_private.proxy_keys as k
  where (k.tier, k.user_id) in ((old.tier, old.user_id), (new.tier, new.user_id))
    and k.deleted_at is null;
  return null;
end
$$;
comment on function proxy_private.announce_account_change is
  'Trigger: notifies channel proxy_key_changed for each undeleted key of an account whose limits '
  'change.';

create trigger announce_account_change
  after insert or update or delete on proxy_private.proxy_account_limits
  for each row execute function proxy_private.announce_account_change();


-- Default privileges may grant too much: revoke all.
revoke all on table
  proxy_private.proxy_keys, proxy_private.proxy_key_secrets, proxy_private.key_states
from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.secret_hash, proxy_private.resolve_key, proxy_private.lock_key, proxy_private.delete_ownerless_key,
  proxy_private.announce_key_change, proxy_private.announce_tier_change, proxy_private.announce_account_change
from public, anon, authenticated, service_role;
