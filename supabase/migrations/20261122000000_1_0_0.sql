-- Version 1.0.0. This migration is released and never changes; supabase/schemas shows the current database.


-- 0100_foundation.sql

-- Foundation. Nothing is reachable unless a line in these files grants it. Each file ends with a
-- block that closes what the file created, by name, so the project can keep its own default
-- privileges.

do $$
begin
  if current_setting('server_version_num')::integer < 170000 then
    raise exception
      'Proxy Keys needs Postgres 17 or later, and this is Postgres %: upgrade the database first.',
      current_setting('server_version')
      using errcode = 'feature_not_supported';
  end if;
end
$$;

create extension if not exists pgcrypto with schema extensions;

create schema proxy_private;
comment on schema proxy_private is
  'Hashes, helpers and the definer functions that do the work. Not exposed by the REST API.';
-- the thin functions in `public` run as the caller and call into this schema
grant usage on schema proxy_private to authenticated;

create schema gateway;
comment on schema gateway is
  'The data plane''s functions, for role proxy_gateway only. Not exposed by the REST API.';

do $$
begin
  if not exists (select from pg_roles where rolname = 'proxy_gateway') then
    create role proxy_gateway with nologin noinherit;
  end if;
end
$$;
comment on role proxy_gateway is
  'The group role of the CONNECT gateways'' logins, which proxy_private.create_gateway_login '
  'creates.';
grant usage on schema gateway to proxy_gateway;


-- Time-ordered ids keep inserts at the end of an index and sort in order of creation. Like
-- everything that a change of a key calls, this is plpgsql: its plans are cached between calls,
-- whereas a sql function with a search_path is planned on every call.
create function proxy_private.uuid_v7() returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  -- a version 4 id with its first 48 bits replaced by the time; bits 52 and 53 turn the 4 into a 7
  return encode(
    set_bit(
      set_bit(
        overlay(
          uuid_send(gen_random_uuid())
          placing substring(
            int8send((extract(epoch from clock_timestamp()) * 1000)::bigint)
            from 3
          )
          from 1 for 6
        ),
        52, 1
      ),
      53, 1
    ),
    'hex'
  )::uuid;
end
$$;
comment on function proxy_private.uuid_v7 is
  'A version 7 UUID (RFC 9562): 48 bits of Unix time in milliseconds, then 74 random bits.';


-- Identifies the request behind a change, for the audit. The caller sets the header, so only a
-- well-formed id is kept.
create function proxy_private.request_id() returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  id text :=
    nullif(current_setting('request.headers', true), '')::jsonb ->> 'x-request-id';
begin
  -- a length bound in the pattern would be twenty times slower
  return case when id ~ '^[A-Za-z0-9_=-]+$' and char_length(id) <= 64 then id end;
end
$$;
comment on function proxy_private.request_id is
  'The request''s X-Request-Id, or null if it is missing or malformed.';


-- The cheapest call that only a working database can answer.
create function public.proxy_health() returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'ok'
$$;
comment on function public.proxy_health is
  'Returns `ok`, for health checks. Needs no signed-in user.';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on function proxy_private.uuid_v7, proxy_private.request_id, public.proxy_health
  from public, anon, authenticated, service_role;
grant execute on function public.proxy_health to anon, authenticated;


-- 0110_refusals.sql

-- Refusals: one table with every code that a caller can get, and its SQLSTATE. PostgREST answers a
-- SQLSTATE PTnnn with HTTP status nnn. `npm run types` generates the codes of the Edge Functions
-- and the table in docs/errors.md from it.

create table proxy_private.refusals (
  code text primary key,
  sql_state text not null,
  message text not null,
  occurs_when text not null,
  detail text not null default '',
  constraint "a code is snake case" check (code ~ '^[a-z]+(_[a-z]+)*$'),
  constraint "a refusal has an http status" check (sql_state ~ '^PT4[0-9]{2}$')
);
comment on table proxy_private.refusals is
  'Every refusal of this schema: its stable code (sent as the hint), its SQLSTATE, and its '
  'message.';
comment on column proxy_private.refusals.message is
  'For the caller: the problem''s title up to the colon, then what to do.';
comment on column proxy_private.refusals.occurs_when is
  'When the refusal occurs, for the documentation.';
comment on column proxy_private.refusals.detail is
  'What the error''s detail contains; empty if it has none.';
alter table proxy_private.refusals enable row level security;

insert into proxy_private.refusals (sql_state, code, message, occurs_when, detail) values
  (
    'PT400', 'invalid_request', 'The request is not valid.',
    'a field or parameter is missing, unknown, or breaks a rule', 'the argument'
  ),
  (
    'PT401', 'unauthorized', 'A valid access token is required: sign in with an active account.',
    'the access token is missing or not valid, or its account is banned or deleted', ''
  ),
  (
    'PT403', 'forbidden', 'Only an admin may do this.',
    'the token or the account does not have the admin role', ''
  ),
  (
    'PT403', 'second_factor_required',
    'Admins of this project need a second factor: sign in with one.',
    'the operator requires `aal2` of admins, and the token comes from a sign-in without a second '
      'factor',
    ''
  ),
  (
    'PT403', 'tier_not_granted',
    'The tier is not granted to you: ask an admin for it, or choose another.',
    'the tier is not self-serve, and is not granted to the user', ''
  ),
  (
    'PT403', 'append_only', 'These rows are append-only: they cannot be changed or removed.',
    'keys and audit rows cannot be removed; audit rows and grants cannot be changed', 'the table'
  ),
  (
    'PT404', 'not_found', 'Not found: you have no such key.',
    'the key does not exist, or is not yours',
    'for a change of several keys, which one: `ids.0` is the first'
  ),
  (
    'PT404', 'user_not_found',
    'No such user exists: an e-mail address must be confirmed to be found.',
    'an admin names a user who does not exist', ''
  ),
  (
    'PT409', 'key_deleted', 'The key is deleted: only an admin can reactivate it.',
    'a deleted key cannot be rotated, changed or suspended, or have its limits set; it cannot be '
      'reactivated if its account no longer exists',
    'for a change of several keys, which one: `ids.0` is the first'
  ),
  (
    'PT409', 'key_suspended', 'The key is suspended: ask an admin to reactivate it.',
    'a suspended key cannot be rotated', ''
  ),
  (
    'PT409', 'key_expired', 'The key has expired: set a new expiry first.',
    'an expired key cannot be rotated: set a new expiry first', ''
  ),
  (
    'PT409', 'key_limit_reached', 'The tier''s key limit is reached: delete a key first.',
    'the user has as many undeleted keys as the tier allows', ''
  ),
  (
    'PT409', 'already_done',
    'Already done: the secret cannot be shown again, so rotate the key to get a new one.',
    'the idempotency key was used for this mint or rotation: rotate the key to get a new secret',
    'the key''s id'
  ),
  (
    'PT422', 'idempotency_mismatch',
    'The idempotency key was already used for another request: choose a new one.',
    'the idempotency key was used for another request', ''
  ),
  (
    'PT429', 'rate_limited', 'Too many requests of this kind: try again in %s s.',
    'a [limit on writes](api.md#limits) is reached', 'seconds to wait'
  );


create table proxy_private.argument_rules (
  argument text primary key,
  rule text not null
);
comment on table proxy_private.argument_rules is
  'What each argument may be, as one sentence: the message of invalid_request for it. Each row is '
  'inserted in the file that enforces the rule.';
alter table proxy_private.argument_rules enable row level security;


-- SECURITY DEFINER, so that callers need no access to these tables.
create function proxy_private.refuse(code text, detail text default null) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  refusal proxy_private.refusals;
begin
  select * into strict refusal from proxy_private.refusals as r where r.code = refuse.code;
  if refuse.detail is null then
    raise exception using
      errcode = refusal.sql_state, message = refusal.message, hint = refusal.code;
  end if;
  if refuse.code = 'invalid_request' then
    refusal.message := coalesce(
      (select a.rule from proxy_private.argument_rules as a where a.argument = refuse.detail),
      refusal.message
    );
  end if;
  raise exception using
    errcode = refusal.sql_state, message = refusal.message, hint = refusal.code,
    detail = refuse.detail;
end
$$;
comment on function proxy_private.refuse is
  'Raises the refusal `code` with its SQLSTATE and message, and with the code as the hint. For '
  'invalid_request, `detail` is the name of the argument, and the argument''s rule is the message.';


-- Raises rate_limited with headers, which PostgREST accepts only from a PGRST exception.
create function proxy_private.refuse_until(retry_after_seconds integer, headers jsonb) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  refusal proxy_private.refusals;
begin
  select * into strict refusal from proxy_private.refusals as r where r.code = 'rate_limited';
  raise sqlstate 'PGRST' using
    message = json_build_object(
      'code', refusal.sql_state,
      'message', format(refusal.message, refuse_until.retry_after_seconds),
      'details', refuse_until.retry_after_seconds::text,
      'hint', refusal.code
    )::text,
    detail = json_build_object(
      'status', 429,
      'headers', refuse_until.headers
        || jsonb_build_object('Retry-After', refuse_until.retry_after_seconds::text)
    )::text,
    hint = refusal.code;
end
$$;
comment on function proxy_private.refuse_until is
  'Raises rate_limited: HTTP 429 with Retry-After and the given headers, and the seconds to wait '
  'as the detail. The SQLSTATE is PGRST in SQL and PT429 over the REST API.';


-- No argument may be larger than the largest body that the routes accept. The size is checked
-- before anything reads the value.
create function proxy_private.require_size(bytes bigint, name text) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if require_size.bytes > 16384 then
    perform proxy_private.refuse('invalid_request', require_size.name);
  end if;
end
$$;
comment on function proxy_private.require_size is
  'Refuses (invalid_request) the argument `name` if it has more than 16,384 bytes.';


-- Protects history: for tables whose rows no role may change or remove.
create function proxy_private.refuse_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform proxy_private.refuse('append_only', tg_table_name);
  return null;
end
$$;
comment on function proxy_private.refuse_change is
  'Trigger: refuses (append_only) the statement, even for table owners and definer functions.';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on table proxy_private.refusals, proxy_private.argument_rules
  from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.refuse, proxy_private.refuse_until, proxy_private.require_size, proxy_private.refuse_change
from public, anon, authenticated, service_role;
grant execute on function proxy_private.refuse, proxy_private.require_size to authenticated;


-- 0120_schema_version.sql

-- Schema version: gateways and Edge Functions check it, so that they do not run against a
-- schema that they do not know. A migration that changes what they rely on (the functions of schema
-- gateway, the channel proxy_key_changed, the RPCs) raises `version`. If earlier gateways or Edge
-- Functions would no longer work, it also raises `oldest_gateway_version` or
-- `oldest_functions_version`.

create table proxy_private.schema_version (
  -- one row
  id boolean primary key default true check (id),
  version integer not null check (version > 0),
  oldest_gateway_version integer not null check (oldest_gateway_version > 0),
  oldest_functions_version integer not null check (oldest_functions_version > 0)
);
comment on table proxy_private.schema_version is
  'One row: the version of what gateways and Edge Functions rely on, and the oldest version of '
  'each that still works with it.';
comment on column proxy_private.schema_version.version is
  'Each migration that changes what gateways or Edge Functions rely on raises it.';
comment on column proxy_private.schema_version.oldest_gateway_version is
  'Gateways with a lower version report not ready: they would misread the schema, or miss a part '
  'of it.';
comment on column proxy_private.schema_version.oldest_functions_version is
  'Edge Functions with a lower version answer 503: they would misread the schema, or miss a part '
  'of it.';
alter table proxy_private.schema_version enable row level security;
insert into proxy_private.schema_version (version, oldest_gateway_version, oldest_functions_version)
values (1, 1, 1);


create function proxy_private.keep_schema_version() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'The schema has exactly one version: update its row.'
    using errcode = 'check_violation';
end
$$;
comment on function proxy_private.keep_schema_version is
  'Trigger: refuses (23514) to delete the row of proxy_private.schema_version.';

create trigger keep_schema_version before delete or truncate on proxy_private.schema_version
for each statement execute function proxy_private.keep_schema_version();
comment on trigger keep_schema_version on proxy_private.schema_version is
  'Without the row, gateways report not ready.';


create type gateway.schema_version_row as (version integer, oldest_gateway_version integer);
comment on type gateway.schema_version_row is
  'The version of what gateways rely on, and the oldest gateway version that still works with it.';

-- SECURITY DEFINER: the gateway may not read tables.
create function gateway.schema_version() returns gateway.schema_version_row
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  answer gateway.schema_version_row;
begin
  select s.version, s.oldest_gateway_version into answer from proxy_private.schema_version as s;
  return answer;
end
$$;
comment on function gateway.schema_version is
  'The version of what gateways rely on, and the oldest gateway version that still works with it. '
  'Read-only.';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on table proxy_private.schema_version from public, anon, authenticated, service_role;
revoke all on function proxy_private.keep_schema_version, gateway.schema_version
from public, anon, authenticated, service_role;
grant execute on function gateway.schema_version to proxy_gateway;


-- 0150_callers.sql

-- Callers: the account's current state decides what a caller may do, even if a token that is still
-- valid claims more.

create view proxy_private.active_accounts with (security_invoker = true) as
select u.id, u.raw_app_meta_data ->> 'role' as role
from auth.users as u
where u.deleted_at is null and (u.banned_until is null or u.banned_until <= now());
comment on view proxy_private.active_accounts is
  'The Supabase Auth accounts that are neither banned nor deleted, with their role (from '
  'app_metadata).';


-- The caller is the token's subject, never the database role. PostgREST accepts a token for 30 s
-- after it expires, and the routes do not: this check makes both refuse it.
create function proxy_private.token_subject() returns uuid
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  claims jsonb := auth.jwt();
  subject text := claims ->> 'sub';
begin
  if subject is null
    or not pg_input_is_valid(subject, 'uuid')
    or (claims ->> 'exp')::numeric <= extract(epoch from clock_timestamp())
  then
    perform proxy_private.refuse('unauthorized');
  end if;
  return subject::uuid;
end
$$;
comment on function proxy_private.token_subject is
  'The id of the user whose token this request carries. Refuses (unauthorized) a missing or '
  'expired token.';


-- SECURITY DEFINER, so that callers need no access to the accounts.
create function proxy_private.require_user() returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  caller_id uuid := proxy_private.token_subject();
begin
  perform from proxy_private.active_accounts as a where a.id = caller_id;
  if not found then
    perform proxy_private.refuse('unauthorized');
  end if;
  return caller_id;
end
$$;
comment on function proxy_private.require_user is
  'The id of the user whose token this request carries. Refuses (unauthorized) a missing or '
  'expired token, and the token of a banned or deleted account.';


-- A ban or removal of the account waits for this lock, or this waits for it and then finds no
-- active account. The lock is taken before all others, so that the two cannot deadlock.
create function proxy_private.require_writer() returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  caller_id uuid := proxy_private.token_subject();
begin
  perform from proxy_private.active_accounts as a where a.id = caller_id for share;
  if not found then
    perform proxy_private.refuse('unauthorized');
  end if;
  return caller_id;
end
$$;
comment on function proxy_private.require_writer is
  'Like proxy_private.require_user, for writes: also blocks a ban or deletion of the caller''s '
  'account until the transaction ends.';


create table proxy_private.admin_settings (
  -- one row
  id boolean primary key default true check (id),
  second_factor_required boolean not null default false
);
comment on table proxy_private.admin_settings is 'One row: what the operator requires of admins.';
comment on column proxy_private.admin_settings.second_factor_required is
  'Whether an admin''s token must come from a sign-in with a second factor (aal2).';
alter table proxy_private.admin_settings enable row level security;
insert into proxy_private.admin_settings default values;


-- Both the token and the current account must have the admin role. Only the secret key can set
-- app_metadata.
create function proxy_private.require_admin_role(account_role text) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if require_admin_role.account_role is distinct from 'admin'
    or (auth.jwt() -> 'app_metadata' ->> 'role') is distinct from 'admin'
  then
    perform proxy_private.refuse('forbidden');
  end if;
  if (auth.jwt() ->> 'aal') is distinct from 'aal2'
    and (select s.second_factor_required from proxy_private.admin_settings as s)
  then
    perform proxy_private.refuse('second_factor_required');
  end if;
end
$$;
comment on function proxy_private.require_admin_role is
  'Refuses (forbidden) a caller whose account or token lacks the role `admin`. Refuses '
  '(second_factor_required) a sign-in without a second factor if the operator requires one.';


create function proxy_private.require_admin() returns uuid
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  admin_id uuid := proxy_private.token_subject();
  account_role text;
begin
  select a.role into account_role from proxy_private.active_accounts as a where a.id = admin_id;
  if not found then
    perform proxy_private.refuse('unauthorized');
  end if;
  perform proxy_private.require_admin_role(account_role);
  return admin_id;
end
$$;
comment on function proxy_private.require_admin is
  'The id of the admin whose token this request carries. Refuses every other caller (unauthorized, '
  'forbidden, second_factor_required).';


create function proxy_private.require_admin_writer() returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  admin_id uuid := proxy_private.token_subject();
  account_role text;
begin
  select a.role into account_role from proxy_private.active_accounts as a where a.id = admin_id for share;
  if not found then
    perform proxy_private.refuse('unauthorized');
  end if;
  perform proxy_private.require_admin_role(account_role);
  return admin_id;
end
$$;
comment on function proxy_private.require_admin_writer is
  'Like proxy_private.require_admin, for writes: also blocks a ban or deletion of the admin''s '
  'account until the transaction ends.';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on table proxy_private.active_accounts, proxy_private.admin_settings
from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.token_subject, proxy_private.require_user, proxy_private.require_writer,
  proxy_private.require_admin_role, proxy_private.require_admin,
  proxy_private.require_admin_writer
from public, anon, authenticated, service_role;
grant execute on function proxy_private.require_user to authenticated;


-- 0200_tiers.sql

-- Tiers: what a key may use. They are rows, not code, so a new tier is an insert.

-- The one definition of valid limits, for tiers, keys and accounts.
create function proxy_private.wrong_limit(
  limits jsonb,
  known text[] default array['bandwidth_limit_bytes', 'rate_limit', 'tunnel_limit']
) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if jsonb_typeof(wrong_limit.limits) is distinct from 'object' then
    return 'limits';
  end if;
  return (
    select l.key
    from jsonb_each(wrong_limit.limits) as l
    where case
      when l.key <> all (wrong_limit.known) then true
      when jsonb_typeof(l.value) = 'null' then false
      when jsonb_typeof(l.value) <> 'number' or l.value #>> '{}' !~ '^\d{1,16}$' then true
      -- the largest integer that a JSON number holds exactly
      when right(l.key, 6) = '_bytes' then (l.value #>> '{}')::bigint > 9007199254740991
      else (l.value #>> '{}')::bigint not between 1 and 1000000
    end
    order by l.key
    limit 1
  );
end
$$;
comment on function proxy_private.wrong_limit is
  'The name of the first invalid limit in a JSON object of limits, or null if all are valid; '
  '`limits` if the value is not an object. A limit is invalid if its name is not in `known` (by '
  'default the limits of a key), or if its value is neither null nor in range: 0 to 2^53 - 1 for '
  'bytes, 1 to 1,000,000 for others.';


create table public.proxy_tiers (
  tier text primary key,
  bandwidth_limit_bytes bigint not null,
  rate_limit integer not null,
  tunnel_limit integer not null,
  account_limit_bytes bigint not null,
  test_limit_bytes bigint not null,
  key_limit integer not null default 100,
  self_serve boolean not null,
  constraint "a tier's name is snake case" check (tier ~ '^[a-z][a-z0-9_]{0,30}$'),
  constraint "limits are in their ranges" check (
    proxy_private.wrong_limit(
      jsonb_build_object(
        'bandwidth_limit_bytes', bandwidth_limit_bytes,
        'rate_limit', rate_limit,
        'tunnel_limit', tunnel_limit,
        'account_limit_bytes', account_limit_bytes,
        'test_limit_bytes', test_limit_bytes
      ),
      array[
        'bandwidth_limit_bytes', 'rate_limit', 'tunnel_limit', 'account_limit_bytes',
        'test_limit_bytes'
      ]
    ) is null
  ),
  constraint "a key limit is positive" check (key_limit > 0)
);
comment on table public.proxy_tiers is 'The tiers that a key can belong to, with their limits.';
comment on column public.proxy_tiers.bandwidth_limit_bytes is
  'Bytes in and out per key and calendar month (UTC).';
comment on column public.proxy_tiers.rate_limit is 'CONNECTs per second per key.';
comment on column public.proxy_tiers.tunnel_limit is
  'Tunnels that a key may have open at once on one gateway.';
comment on column public.proxy_tiers.account_limit_bytes is
  'Bytes in and out per user and calendar month (UTC), over all live keys of the tier, including '
  'deleted ones.';
comment on column public.proxy_tiers.test_limit_bytes is
  'Bytes in and out per user and calendar month (UTC), over all test keys of the tier, including '
  'deleted ones.';
comment on column public.proxy_tiers.key_limit is 'Undeleted keys per user.';
comment on column public.proxy_tiers.self_serve is
  'Whether any user may mint keys of the tier. If not, the user needs a row in proxy_tier_grants.';

alter table public.proxy_tiers enable row level security;
create policy "signed-in users read the tiers" on public.proxy_tiers
  for select to authenticated using (true);

insert into public.proxy_tiers (
  tier, bandwidth_limit_bytes, rate_limit, tunnel_limit, account_limit_bytes, test_limit_bytes,
  self_serve
) values
  ('developer', 5000000000, 10, 100, 25000000000, 100000000, true),
  ('team', 50000000000, 50, 1000, 500000000000, 1000000000, true),
  ('enterprise', 1000000000000, 200, 5000, 20000000000000, 1000000000, false);


create table proxy_private.proxy_tier_grants (
  id uuid primary key default proxy_private.uuid_v7(),
  user_id uuid not null references auth.users (id) on delete cascade,
  tier text not null references public.proxy_tiers (tier),
  granted_at timestamptz not null default clock_timestamp(),
  granted_by uuid,
  reason text,
  constraint "a tier is granted to a user once" unique (user_id, tier),
  constraint "a grant is of this century" check (
    granted_at >= '2000-01-01 00:00Z' and granted_at <= '2100-01-01 00:00Z'
  )
);
comment on table proxy_private.proxy_tier_grants is
  'Which users may mint keys of a tier that is not self-serve.';
comment on column proxy_private.proxy_tier_grants.granted_by is
  'The admin whose token granted it; null for a grant made in SQL without a token.';
create index proxy_tier_grants_tier on proxy_private.proxy_tier_grants (tier);

alter table proxy_private.proxy_tier_grants enable row level security;
create policy "users read their own grants" on proxy_private.proxy_tier_grants
  for select to authenticated using ((select auth.uid()) = user_id);


create table proxy_private.proxy_account_limits (
  user_id uuid not null references auth.users (id) on delete cascade,
  tier text not null references public.proxy_tiers (tier),
  limit_overrides jsonb not null,
  primary key (user_id, tier),
  constraint "overridden account limits are known and in their ranges" check (
    proxy_private.wrong_limit(limit_overrides, array['account_limit_bytes', 'test_limit_bytes']) is null
  )
);
comment on table proxy_private.proxy_account_limits is
  'Limits that an admin set over all keys of a user and tier, in place of the tier''s.';
comment on column proxy_private.proxy_account_limits.limit_overrides is
  'The limits by the name of the tier''s column.';
create index proxy_account_limits_tier on proxy_private.proxy_account_limits (tier);
alter table proxy_private.proxy_account_limits enable row level security;


insert into proxy_private.argument_rules (argument, rule) values
  ('limits', 'An object of the limits to change.'),
  ('bandwidth_limit_bytes', 'A whole number of bytes from 0 to 9007199254740991, or null.'),
  ('account_limit_bytes', 'A whole number of bytes from 0 to 9007199254740991, or null.'),
  ('test_limit_bytes', 'A whole number of bytes from 0 to 9007199254740991, or null.'),
  ('rate_limit', 'A whole number of CONNECTs per second from 1 to 1000000, or null.'),
  ('tunnel_limit', 'A whole number of open tunnels from 1 to 1000000, or null.');


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on table
  public.proxy_tiers, proxy_private.proxy_tier_grants, proxy_private.proxy_account_limits
from public, anon, authenticated, service_role;
revoke all on function proxy_private.wrong_limit from public, anon, authenticated, service_role;
grant select on table public.proxy_tiers to authenticated;


-- 0250_write_limits.sql

-- Limits on writes: without them, one user could grow the append-only tables without bound, and
-- monopolize the database.

create table proxy_private.write_limits (
  name text primary key,
  action text not null,
  allowed integer not null,
  seconds integer not null,
  constraint "an action has one limit for each span" unique (action, seconds),
  constraint "an action is a known one" check (
    action in ('mint', 'rotate', 'change', 'administer')
  ),
  -- a policy's name in the RateLimit header
  constraint "a limit's name is snake case" check (name ~ '^[a-z]+(_[a-z]+)*$'),
  constraint "a limit is positive" check (allowed > 0),
  constraint "a span is at most a day" check (seconds between 1 and 86400)
);
comment on table proxy_private.write_limits is
  'How many writes of each kind a user may make within a number of seconds; operators may change '
  'the rows. `change` covers updates and deletions of a user''s own keys, `administer` all writes '
  'by admins. Spans of up to an hour are exact; longer ones are counted in whole hours, and may '
  'refuse a write too early.';
comment on column proxy_private.write_limits.name is 'The policy''s name in the RateLimit headers.';
alter table proxy_private.write_limits enable row level security;

insert into proxy_private.write_limits (name, action, allowed, seconds) values
  ('rotate', 'rotate', 5, 60),
  ('mint', 'mint', 60, 60),
  ('mint_daily', 'mint', 1000, 86400),
  ('change', 'change', 120, 60),
  ('change_daily', 'change', 5000, 86400),
  ('administer', 'administer', 600, 60),
  ('administer_daily', 'administer', 20000, 86400);


create table proxy_private.write_windows (
  user_id uuid not null references auth.users (id) on delete cascade,
  action text not null,
  recent timestamptz[] not null default '{}',
  hour integer not null default 0,
  hourly integer[] not null default '{}',
  primary key (user_id, action)
) with (fillfactor = 70);
comment on table proxy_private.write_windows is
  'A user''s recent writes, one row per kind of write: at most four rows per user, of about 1 kB '
  'each. Each row is also the lock that serializes one user''s writes of that kind.';
comment on column proxy_private.write_windows.recent is
  'The times of the writes within the longest exact span, newest last.';
comment on column proxy_private.write_windows.hour is
  'The hour of the first element of `hourly`, in hours since 1970.';
comment on column proxy_private.write_windows.hourly is
  'The number of writes in that hour and in each of the 24 hours before it, newest first.';
alter table proxy_private.write_windows enable row level security;


create function proxy_private.lock_writes(
  user_id uuid, action text, out recent timestamptz[], out hour integer, out hourly integer[]
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  loop
    select w.recent, w.hour, w.hourly into recent, hour, hourly
    from proxy_private.write_windows as w
    where w.user_id = lock_writes.user_id and w.action = lock_writes.action
    for no key update;
    exit when found;
    insert into proxy_private.write_windows (user_id, action)
    values (lock_writes.user_id, lock_writes.action)
    on conflict on constraint write_windows_pkey do nothing;
  end loop;
end
$$;
comment on function proxy_private.lock_writes is
  'The user''s recent writes of this kind. Blocks the user''s other writes of this kind until the '
  'transaction ends.';


-- Only completed writes count: a refusal later in the transaction rolls the count back. The row is
-- locked first, so the clock is read in the order of the writes.
create function proxy_private.claim_write(
  user_id uuid, action text, out writes_left integer, out reset_seconds integer
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  longest_exact constant integer := 3600;
  written record := proxy_private.lock_writes(claim_write.user_id, claim_write.action);
  before constant integer := cardinality(written.recent);
  -- never earlier than the last write: the search below needs a sorted list
  moment constant timestamptz :=
    greatest(clock_timestamp(), written.recent[before]);
  -- a double: extract returns numeric, which is several times slower
  now_at constant double precision := date_part('epoch', moment);
  this_hour constant integer := floor(now_at / 3600);
  counts integer[] := written.hourly;
  policy text;
  allowed integer;
  span integer;
  -- how many logged writes are older than the span; after the loop, than the longest exact span
  gone integer;
  hours integer;
  used integer;
  -- seconds until the oldest counted write leaves the span; over the limit, until enough writes
  -- have left it
  reset integer;
  longest_wait integer := 0;
  policies text := '';
  states text := '';
begin
  if this_hour > written.hour then
    counts := array_fill(0, array[least(this_hour - written.hour, 25)]) || counts;
    counts := counts[:25];
  end if;
  counts[1] := counts[1] + 1;

  for policy, allowed, span in
    select l.name, l.allowed, l.seconds
    from proxy_private.write_limits as l
    where l.action = claim_write.action
    order by l.seconds
  loop
    if span <= longest_exact then
      gone := width_bucket(moment - make_interval(secs => span), written.recent);
      used := before - gone + 1;
      reset := span + ceil(date_part('epoch', coalesce(written.recent[gone + 1], moment)) - now_at);
    else
      -- whole hours, the oldest of which starts up to an hour before the span
      hours := (span + 3599) / 3600;
      used := 0;
      for place in 1 .. least(hours + 1, cardinality(counts)) loop
        continue when counts[place] = 0;
        used := used + counts[place];
        reset := (hours + 2 - place) * 3600;
      end loop;
      reset := reset - floor(now_at - this_hour * 3600.0::double precision);
    end if;
    if used > allowed then
      if span <= longest_exact then
        reset := span + ceil(date_part('epoch', written.recent[before - allowed + 1]) - now_at);
      end if;
      reset := greatest(reset, 1);
      longest_wait := greatest(longest_wait, reset);
    end if;
    policies := policies || ', "' || policy || '";q=' || allowed || ';w=' || span;
    states := states || ', "' || policy || '";r=' || greatest(allowed - used, 0) || ';t=' || reset;
    writes_left := coalesce(writes_left, allowed - used);
    reset_seconds := coalesce(reset_seconds, reset);
  end loop;
  policies := substring(policies from 3);
  states := substring(states from 3);

  if longest_wait > 0 then
    perform proxy_private.refuse_until(
      longest_wait,
      jsonb_build_object('RateLimit-Policy', policies, 'RateLimit', states)
    );
  end if;
  update proxy_private.write_windows as w
  set recent = written.recent[coalesce(gone, before) + 1:] || moment,
    hour = greatest(w.hour, this_hour), hourly = counts
  where w.user_id = claim_write.user_id and w.action = claim_write.action;
  -- an operator may delete all limits of a kind
  if policies <> '' then
    -- PostgREST adds these headers to its answer
    perform set_config(
      'response.headers',
      json_build_array(
        json_build_object('RateLimit-Policy', policies),
        json_build_object('RateLimit', states)
      )::text,
      true
    );
  end if;
end
$$;
comment on function proxy_private.claim_write is
  'Counts one write of the user and sets the response''s RateLimit headers '
  '(draft-ietf-httpapi-ratelimit-headers-10), or refuses it (rate_limited, with the seconds to '
  'wait). Returns how many writes the shortest limit still allows, and the seconds until that '
  'number grows.';


-- Default privileges may grant too much: revoke all.
revoke all on table
  proxy_private.write_limits, proxy_private.write_windows
from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.lock_writes, proxy_private.claim_write
from public, anon, authenticated, service_role;


-- 0270_texts.sql

-- Texts that people write for people: labels and reasons. The characters are listed explicitly,
-- because the meaning of \s depends on the database's locale. All functions are strict: a key's
-- checks run on every change of it, and most keys have no reason.
create function proxy_private.clean_text(value text, most integer) returns text
language plpgsql immutable strict
set search_path = pg_catalog, pg_temp
as $$
declare
  -- of any script
  spaces constant text :=
    E' \t\n\u000b\f\r\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009'
      || E'\u200a\u2028\u2029\u202f\u205f\u3000\ufeff';
  -- invisible characters: joiners, fillers, variation selectors, tags, an empty Braille pattern
  invisible constant text := '\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f'
    '\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufff9-\ufffb\uffa0'
    '\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff';
  clean text;
begin
  -- check the size first: the largest body that the routes accept
  if octet_length(clean_text.value) > 16384 then
    return null;
  end if;
  clean := btrim(clean_text.value, spaces);
  if char_length(clean) not between 1 and clean_text.most
    -- control characters, and those that change the direction of the text around them
    or clean ~ '[\u0001-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]'
    or clean !~ ('[^' || spaces || invisible || ']')
  then
    return null;
  end if;
  return clean;
end
$$;
comment on function proxy_private.clean_text is
  'The text without spaces, of any script, at its ends. Null if the result does not have 1 to '
  '`most` characters, contains a control or bidirectional control character, or has no visible '
  'character.';


create function proxy_private.clean_label(value text) returns text
language plpgsql immutable strict
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.clean_text(clean_label.value, 80);
end
$$;
comment on function proxy_private.clean_label is
  'The label of a key as clean text of 1 to 80 characters; null if it is not valid.';

create function proxy_private.clean_reason(value text) returns text
language plpgsql immutable strict
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.clean_text(clean_reason.value, 500);
end
$$;
comment on function proxy_private.clean_reason is
  'An admin''s reason as clean text of 1 to 500 characters; null if it is not valid.';


insert into proxy_private.argument_rules (argument, rule) values
  (
    'label',
    'A label has 1 to 80 characters, not counting spaces at its ends; at least one is visible, '
      'and none controls text or its direction.'
  ),
  (
    'reason',
    'A reason has 1 to 500 characters, not counting spaces at its ends; at least one is visible, '
      'and none controls text or its direction.'
  );


-- Default privileges may grant too much: revoke all.
revoke all on function proxy_private.clean_text, proxy_private.clean_label, proxy_private.clean_reason
  from public, anon, authenticated, service_role;


-- 0300_keys.sql

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


-- 0350_barred_owners.sql

-- Barred owners: while an account is banned or deleted, its keys are out of service.

create function proxy_private.barred_until(banned_until timestamptz, deleted_at timestamptz)
returns timestamptz
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  -- clamped to this century, like all times here
  return case
    when barred_until.deleted_at is not null then timestamptz '2100-01-01 00:00Z'
    when barred_until.banned_until is not null then least(
      greatest(barred_until.banned_until, timestamptz '2000-01-01 00:00Z'),
      timestamptz '2100-01-01 00:00Z'
    )
  end;
end
$$;
comment on function proxy_private.barred_until is
  'Until when a Supabase Auth account with this banned_until and deleted_at is barred: 2100 if '
  'permanently, null if it is not barred.';


-- The lock orders a mint and a ban: either the ban waits and then finds the new key, or the mint
-- waits and then finds the ban.
create function proxy_private.note_owner_state() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  select
    case when u.banned_until is not null or u.deleted_at is not null
      then proxy_private.barred_until(u.banned_until, u.deleted_at)
    end
  into new.owner_barred_until
  from auth.users as u where u.id = new.user_id
  for share;
  return new;
end
$$;
comment on function proxy_private.note_owner_state is
  'Trigger: sets owner_barred_until on a key that is minted, or reactivated after its deletion.';

create trigger note_owner_state before insert on proxy_private.proxy_keys
  for each row execute function proxy_private.note_owner_state();
create trigger note_owner_state_again before update of deleted_at on proxy_private.proxy_keys
  for each row when (old.deleted_at is not null and new.deleted_at is null)
  execute function proxy_private.note_owner_state();


-- SECURITY DEFINER: Supabase Auth's role may not write keys.
create function proxy_private.bar_keys() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update proxy_private.proxy_keys as k
  set owner_barred_until = proxy_private.barred_until(new.banned_until, new.deleted_at)
  where k.user_id = new.id
    and k.deleted_at is null
    and k.owner_barred_until is distinct from
      proxy_private.barred_until(new.banned_until, new.deleted_at);
  return null;
end
$$;
comment on function proxy_private.bar_keys is
  'Trigger: takes an account''s keys out of service while the account is banned or deleted, and '
  'restores them afterwards.';

create trigger bar_keys after update of banned_until, deleted_at on auth.users
  for each row
  when ((old.banned_until, old.deleted_at) is distinct from (new.banned_until, new.deleted_at))
  execute function proxy_private.bar_keys();


-- Default privileges may grant too much: revoke all.
revoke all on function
  proxy_private.barred_until, proxy_private.note_owner_state, proxy_private.bar_keys
from public, anon, authenticated, service_role;


-- 0400_audit.sql

-- Audit: who did what to which key, when, why, and in which request. Triggers write it, so that no
-- code that changes a key, a grant or an account's limits can skip it. Rows are never changed or
-- removed, and never contain a secret or a hash.

create table proxy_private.proxy_key_audit (
  id uuid primary key default proxy_private.uuid_v7(),
  api_key_id uuid references proxy_private.proxy_keys (id),
  tier text,
  user_id uuid,
  actor_id uuid,
  action text not null,
  changes jsonb,
  reason text,
  request_id text,
  occurred_at timestamptz not null default clock_timestamp(),
  constraint "an action is a known one" check (
    action in (
      'minted', 'updated', 'rotated', 'deleted', 'suspended', 'reactivated', 'limits_changed',
      'tier_granted', 'tier_revoked', 'account_limits_changed'
    )
  ),
  constraint "an action is on a key or on a user's tier" check (
    case when action in ('tier_granted', 'tier_revoked', 'account_limits_changed')
      then api_key_id is null and tier is not null
      else api_key_id is not null and tier is null
    end
  )
);
comment on table proxy_private.proxy_key_audit is
  'One row per change of a key''s state, or of a user''s grants or account limits, written in the '
  'same transaction as the change.';
comment on column proxy_private.proxy_key_audit.tier is
  'The tier that was granted or revoked, or whose account limits were changed.';
comment on column proxy_private.proxy_key_audit.user_id is
  'The owner of the key at that time, or the user of the grant or account. This user may read the '
  'row.';
comment on column proxy_private.proxy_key_audit.actor_id is
  'The user whose token made the change; null for a change made in SQL without a token.';
comment on column proxy_private.proxy_key_audit.changes is
  'The new values, by column, of an update or a change of limits.';
comment on column proxy_private.proxy_key_audit.reason is
  'The reason that the admin gave for the change.';
comment on column proxy_private.proxy_key_audit.request_id is
  'The X-Request-Id of the request, if well-formed.';
create index proxy_key_audit_key
  on proxy_private.proxy_key_audit (api_key_id, occurred_at desc, id desc);
create index proxy_key_audit_owner
  on proxy_private.proxy_key_audit (user_id, occurred_at desc, id desc);

alter table proxy_private.proxy_key_audit enable row level security;
create policy "owners read the audit of their own keys" on proxy_private.proxy_key_audit
  for select to authenticated using ((select auth.uid()) = user_id);

create trigger keep_audit before update or delete or truncate on proxy_private.proxy_key_audit
  for each statement execute function proxy_private.refuse_change();


-- A trigger sees rows, not why they change: this stores the reason for the statement that follows.
create function proxy_private.give_reason(reason text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  perform set_config('proxy_keys.reason', coalesce(give_reason.reason, ''), true);
end
$$;
comment on function proxy_private.give_reason is
  'Stores the reason for the next change in this transaction, for the audit; null clears it.';


-- Derives the actions from the columns that changed; any column that is not named here counts as an
-- update. SECURITY DEFINER: when an account is removed, this runs as Supabase Auth's role, which
-- may not write the audit.
create function proxy_private.audit_key_change() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  -- columns that have their own action, or that follow from another change
  known constant text[] := array[
    'rotated_at', 'grace_ends_at', 'deleted_at', 'suspended_at', 'suspended_reason', 'user_id',
    'owner_barred_until', 'tier', 'limit_overrides'
  ];
  subject text := auth.jwt() ->> 'sub';
  actor uuid;
  before jsonb;
  updated jsonb;
  actions text[] := '{}';
  action text;
begin
  -- not inside the insert below: planning it could already cast the text to a uuid
  if pg_input_is_valid(subject, 'uuid') then
    actor := subject::uuid;
  end if;
  if tg_op = 'INSERT' then
    actions := array['minted'];
  else
    before := to_jsonb(old) - known;
    updated := to_jsonb(new) - known;
    if updated = before then
      updated := null;
    else
      select jsonb_object_agg(c.key, c.value) into updated
      from jsonb_each(updated) as c where c.value <> before -> c.key;
    end if;
    actions := array_remove(
      array[
        case when updated is not null then 'updated' end,
        case when new.rotated_at is distinct from old.rotated_at then 'rotated' end,
        case when new.deleted_at is not null and old.deleted_at is null then 'deleted' end,
        case when new.suspended_at is not null and old.suspended_at is null then 'suspended' end,
        case when (old.deleted_at is not null and new.deleted_at is null)
          or (old.suspended_at is not null and new.suspended_at is null) then 'reactivated' end,
        case when (new.tier, new.limit_overrides) is distinct from (old.tier, old.limit_overrides)
          then 'limits_changed' end
      ],
      null
    );
  end if;
  foreach action in array actions loop
    insert into proxy_private.proxy_key_audit (
      api_key_id, user_id, actor_id, action, changes, reason, request_id
    )
    values (
      new.id,
      -- if the account is just being removed, only the old row has the owner
      coalesce(new.user_id, old.user_id),
      actor,
      action,
      case action
        when 'updated' then updated
        when 'limits_changed' then jsonb_build_object(
          'tier', new.tier, 'limit_overrides', new.limit_overrides
        )
      end,
      -- only admins give reasons
      case when action in ('suspended', 'reactivated', 'limits_changed')
        then nullif(current_setting('proxy_keys.reason', true), '')
      end,
      proxy_private.request_id()
    );
  end loop;
  return null;
end
$$;
comment on function proxy_private.audit_key_change is
  'Trigger: writes one audit row for each action in an insert or update of a key.';

create trigger audit_key_change after insert or update on proxy_private.proxy_keys
  for each row execute function proxy_private.audit_key_change();


-- SECURITY DEFINER, for the same reason.
create function proxy_private.audit_grant_change() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  subject text := auth.jwt() ->> 'sub';
  actor uuid;
  changed proxy_private.proxy_tier_grants := case when tg_op = 'INSERT' then new else old end;
begin
  -- as above
  if pg_input_is_valid(subject, 'uuid') then
    actor := subject::uuid;
  end if;
  insert into proxy_private.proxy_key_audit (tier, user_id, actor_id, action, reason, request_id)
  values (
    changed.tier,
    changed.user_id,
    actor,
    case when tg_op = 'INSERT' then 'tier_granted' else 'tier_revoked' end,
    nullif(current_setting('proxy_keys.reason', true), ''),
    proxy_private.request_id()
  );
  return null;
end
$$;
comment on function proxy_private.audit_grant_change is
  'Trigger: writes one audit row for each tier that is granted or revoked.';

create trigger audit_grant_change after insert or delete on proxy_private.proxy_tier_grants
  for each row execute function proxy_private.audit_grant_change();

-- SECURITY DEFINER, for the same reason.
create function proxy_private.audit_account_change() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  subject text := auth.jwt() ->> 'sub';
  actor uuid;
  changed proxy_private.proxy_account_limits := case when tg_op = 'DELETE' then old else new end;
begin
  if tg_op = 'UPDATE' and new.limit_overrides = old.limit_overrides then
    return null;
  end if;
  -- as above
  if pg_input_is_valid(subject, 'uuid') then
    actor := subject::uuid;
  end if;
  insert into proxy_private.proxy_key_audit (
    tier, user_id, actor_id, action, changes, reason, request_id
  )
  values (
    changed.tier,
    changed.user_id,
    actor,
    'account_limits_changed',
    jsonb_build_object(
      'limit_overrides', case when tg_op = 'DELETE' then '{}' else changed.limit_overrides end
    ),
    nullif(current_setting('proxy_keys.reason', true), ''),
    proxy_private.request_id()
  );
  return null;
end
$$;
comment on function proxy_private.audit_account_change is
  'Trigger: writes one audit row for each change of an account''s limits.';

create trigger audit_account_change after insert or update or delete on proxy_private.proxy_account_limits
  for each row execute function proxy_private.audit_account_change();

create trigger keep_grants before update or truncate on proxy_private.proxy_tier_grants
  for each statement execute function proxy_private.refuse_change();


-- Default privileges may grant too much: revoke all.
revoke all on table proxy_private.proxy_key_audit from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.give_reason, proxy_private.audit_key_change, proxy_private.audit_grant_change,
  proxy_private.audit_account_change
from public, anon, authenticated, service_role;


-- 0410_alerts.sql

-- Alerts: what owners should know before their customers notice. The transaction that causes an
-- alert writes it, once; webhooks, the list and Realtime all show the same rows.

create function proxy_private.alert_types() returns text[]
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return array[
    'key.minted', 'key.rotated', 'key.deleted', 'key.suspended', 'key.reactivated',
    'key.limits_changed', 'key.quota', 'key.expiring', 'key.unusual_usage',
    'account.quota', 'account.limits_changed', 'tier.granted', 'tier.revoked',
    'webhook.disabled', 'webhook.test'
  ];
end
$$;
comment on function proxy_private.alert_types is 'Every type of alert.';


create table proxy_private.proxy_alerts (
  id uuid primary key default proxy_private.uuid_v7(),
  user_id uuid not null,
  api_key_id uuid references proxy_private.proxy_keys (id),
  type text not null,
  cause text not null,
  occurred_at timestamptz not null default clock_timestamp(),
  data jsonb not null default '{}',
  constraint "an alert is raised once for each cause" unique (user_id, cause),
  constraint "a type is a known one" check (
    type = any (proxy_private.alert_types())
  )
);
comment on table proxy_private.proxy_alerts is
  'One row per alert, written by the transaction that causes it and kept for 90 days. Removing an '
  'account removes its alerts.';
comment on column proxy_private.proxy_alerts.cause is
  'Identifies the cause, so that it raises an alert only once: an audit row, or a limit with its '
  'threshold and month.';
comment on column proxy_private.proxy_alerts.data is
  'The payload, in camelCase, as webhooks send it. It never contains a secret, or text of another '
  'user except an admin''s reason.';
create index proxy_alerts_owner on proxy_private.proxy_alerts (user_id, occurred_at desc, id desc);
create index proxy_alerts_key on proxy_private.proxy_alerts (api_key_id, occurred_at desc, id desc);
create index proxy_alerts_age on proxy_private.proxy_alerts (occurred_at);

alter table proxy_private.proxy_alerts enable row level security;
create policy "owners read their own alerts" on proxy_private.proxy_alerts
  for select to authenticated using ((select auth.uid()) = user_id);


create type proxy_private.new_alert as (
  user_id uuid, api_key_id uuid, type text, cause text, occurred_at timestamptz, data jsonb
);
comment on type proxy_private.new_alert is
  'An alert to raise, unless its cause has raised one before.';


-- How an alert describes a key. The label is the owner's own text, so the operator's webhooks omit
-- it.
create function proxy_private.describe_key(id uuid, key_id text, label text) returns jsonb
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return jsonb_build_object(
    'apiKeyId', describe_key.id, 'keyId', describe_key.key_id, 'label', describe_key.label
  );
end
$$;
comment on function proxy_private.describe_key is
  'The fields that describe a key in each alert about it.';


create function proxy_private.json_time(moment timestamptz) returns text
language plpgsql immutable strict
set search_path = pg_catalog, pg_temp
as $$
begin
  return to_char(json_time.moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
end
$$;
comment on function proxy_private.json_time is 'A time as RFC 3339 in UTC, with milliseconds.';


-- Rows are inserted in one order, so that transactions that raise the same alerts cannot deadlock.
create function proxy_private.raise_alerts(alerts proxy_private.new_alert[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  made proxy_private.proxy_alerts[];
begin
  with inserted as (
    insert into proxy_private.proxy_alerts (user_id, api_key_id, type, cause, occurred_at, data)
    select a.user_id, a.api_key_id, a.type, a.cause, coalesce(a.occurred_at, clock_timestamp()), a.data
    from unnest(raise_alerts.alerts) as a
    -- an account that is just being removed gets no more alerts
    where exists (select from auth.users as u where u.id = a.user_id)
    order by a.user_id, a.cause
    on conflict on constraint "an alert is raised once for each cause" do nothing
    returning *
  )
  select array_agg(i::proxy_private.proxy_alerts) into made from inserted as i;
  if made is null then
    return;
  end if;
  perform proxy_private.queue_deliveries(made);
  perform proxy_private.broadcast_alerts(made);
end
$$;
comment on function proxy_private.raise_alerts is
  'Inserts the alerts whose cause is new, queues them for the webhooks that subscribe to them, and '
  'broadcasts them to their owners.';


-- An audited change is an alert too. SECURITY DEFINER: several roles write the audit.
create function proxy_private.alert_of_audit() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  types constant jsonb := '{
    "minted": "key.minted", "rotated": "key.rotated", "deleted": "key.deleted",
    "suspended": "key.suspended", "reactivated": "key.reactivated",
    "limits_changed": "key.limits_changed", "account_limits_changed": "account.limits_changed",
    "tier_granted": "tier.granted", "tier_revoked": "tier.revoked"
  }';
  key proxy_private.key_states;
  data jsonb := '{}';
begin
  -- owners need no alerts of their own updates
  if not types ? new.action or new.user_id is null then
    return null;
  end if;
  if new.api_key_id is null then
    data := jsonb_build_object('tier', new.tier);
  else
    select * into key from proxy_private.key_states as k where k.id = new.api_key_id;
    data := proxy_private.describe_key(key.id, key.key_id, key.label);
    if new.action = 'limits_changed' then
      data := data || jsonb_build_object(
        'tier', key.tier, 'bandwidthLimitBytes', key.bandwidth_limit_bytes,
        'rateLimit', key.rate_limit, 'tunnelLimit', key.tunnel_limit
      );
    end if;
  end if;
  if new.reason is not null then
    data := data || jsonb_build_object('reason', new.reason);
  end if;
  perform proxy_private.raise_alerts(array[(
    new.user_id, new.api_key_id, types ->> new.action, 'audit:' || new.id, new.occurred_at, data
  )::proxy_private.new_alert]);
  return null;
end
$$;
comment on function proxy_private.alert_of_audit is
  'Trigger: raises an alert for each audited change except updates by the owner.';

create trigger alert_of_audit after insert on proxy_private.proxy_key_audit
  for each row execute function proxy_private.alert_of_audit();


-- Default privileges may grant too much: revoke all.
revoke all on table proxy_private.proxy_alerts from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.alert_types, proxy_private.describe_key, proxy_private.json_time, proxy_private.raise_alerts, proxy_private.alert_of_audit
from public, anon, authenticated, service_role;


-- 0420_webhooks.sql

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


-- 0430_deliveries.sql

-- Deliveries: one row per alert and subscribed webhook. The transaction that raises an alert queues
-- them, so none is lost; the Edge Function `deliver` claims them, sends them, and reports.

create table proxy_private.delivery_settings (
  -- one row
  id boolean primary key default true check (id),
  allow_local_webhooks boolean not null default false,
  function_url text
);
comment on table proxy_private.delivery_settings is 'One row: how this database delivers alerts.';
comment on column proxy_private.delivery_settings.allow_local_webhooks is
  'Whether webhooks may use http:// and addresses of this machine. For local stacks only.';
comment on column proxy_private.delivery_settings.function_url is
  'The URL at which pg_net calls the Edge Function that delivers: '
  'https://<ref>.supabase.co/functions/v1/deliver. The function''s key is in Vault.';
alter table proxy_private.delivery_settings enable row level security;
insert into proxy_private.delivery_settings default values;


create table proxy_private.proxy_deliveries (
  id uuid primary key default proxy_private.uuid_v7(),
  webhook_id uuid not null references proxy_private.proxy_webhooks (id) on delete cascade,
  alert_id uuid not null references proxy_private.proxy_alerts (id) on delete cascade,
  api_key_id uuid,
  state text not null default 'pending',
  attempts integer not null default 0,
  next_attempt_at timestamptz default clock_timestamp(),
  claim uuid,
  claimed_until timestamptz,
  constraint "an alert is delivered to a webhook once" unique (webhook_id, alert_id),
  constraint "a state is a known one" check (state in ('pending', 'delivered', 'failed')),
  constraint "what is pending has a next attempt" check (
    (state = 'pending') = (next_attempt_at is not null)
  ),
  constraint "a claim ends" check ((claim is null) = (claimed_until is null))
) with (fillfactor = 70);
comment on table proxy_private.proxy_deliveries is
  'One row per alert and subscribed webhook: pending until an attempt succeeds (delivered) or the '
  'last attempt fails (failed).';
comment on column proxy_private.proxy_deliveries.api_key_id is
  'The key of the alert. Alerts of one key are first attempted in order.';
comment on column proxy_private.proxy_deliveries.claim is
  'The worker with this claim attempts the delivery until claimed_until. A report with any other '
  'claim is too late.';
create index proxy_deliveries_pending
  on proxy_private.proxy_deliveries (webhook_id, next_attempt_at, id) where state = 'pending';
create index proxy_deliveries_alert on proxy_private.proxy_deliveries (alert_id);
alter table proxy_private.proxy_deliveries enable row level security;


create table proxy_private.proxy_delivery_attempts (
  delivery_id uuid not null references proxy_private.proxy_deliveries (id) on delete cascade,
  number integer not null,
  started_at timestamptz not null,
  duration_ms integer not null,
  outcome text not null,
  status smallint,
  answer text,
  primary key (delivery_id, number),
  constraint "an answer is its first 500 bytes" check (octet_length(answer) <= 500),
  constraint "an outcome is a code" check (
    outcome ~ '^[a-z]+(_[a-z]+)*$' and octet_length(outcome) <= 64
  )
);
comment on table proxy_private.proxy_delivery_attempts is
  'One row per attempt to deliver: its start, duration and outcome, the HTTP status, and the first '
  '500 bytes of the answer.';
comment on column proxy_private.proxy_delivery_attempts.outcome is
  'delivered, or the reason for the failure: refused_status, redirected, timed_out, not_resolved, '
  'target_forbidden, not_connected, tls_failed, broke_off, not_configured.';
alter table proxy_private.proxy_delivery_attempts enable row level security;


-- A webhook that is just being deleted is skipped: waiting for it could deadlock.
create function proxy_private.queue_deliveries(alerts proxy_private.proxy_alerts[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  -- per webhook: limits what its owner can make grow
  most_pending constant integer := 10000;
begin
  insert into proxy_private.proxy_deliveries (webhook_id, alert_id, api_key_id)
  select w.id, a.id, a.api_key_id
  from unnest(queue_deliveries.alerts) as a
  cross join lateral (
    select h.id
    from proxy_private.proxy_webhooks as h
    where (h.user_id = a.user_id or h.user_id is null)
      and h.disabled_at is null
      and (h.types is null or a.type = any (h.types))
      and (
        select count(*)
        from (
          select from proxy_private.proxy_deliveries as d
          where d.webhook_id = h.id and d.state = 'pending'
          limit most_pending
        ) as p
      ) < most_pending
    order by h.id
    for key share of h skip locked
  ) as w
  order by a.id, w.id;
end
$$;
comment on function proxy_private.queue_deliveries is
  'Queues alerts for the webhooks of their users and of the operator that subscribe to them. A '
  'webhook with 10,000 pending deliveries gets no more.';


-- Default privileges may grant too much: revoke all.
revoke all on table
  proxy_private.delivery_settings, proxy_private.proxy_deliveries, proxy_private.proxy_delivery_attempts
from public, anon, authenticated, service_role;
revoke all on function proxy_private.queue_deliveries from public, anon, authenticated, service_role;


-- 0440_broadcasting.sql

-- Broadcasting: if the database has Realtime, alerts are sent to the owner's private channel, so
-- that a page need not poll. An error here must never fail the transaction that raises an alert.

create function proxy_private.broadcast_alerts(alerts proxy_private.proxy_alerts[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if to_regprocedure('realtime.send(jsonb, text, text, boolean)') is null then
    return;
  end if;
  execute
    'select realtime.send(
       jsonb_build_object(
         ''id'', a.id, ''type'', a.type, ''occurredAt'', proxy_private.json_time(a.occurred_at), ''data'', a.data
       ),
       ''proxy_alert'', ''proxy_alerts:'' || a.user_id, true
     )
     from unnest($1) as a'
  using broadcast_alerts.alerts;
exception when others then
  raise warning 'Alerts are not broadcast: %', sqlstate;
end
$$;
comment on function proxy_private.broadcast_alerts is
  'Sends each alert as event proxy_alert to the private Realtime channel proxy_alerts:<user id>, '
  'if the database has Realtime. A failure raises only a warning.';


-- Without a policy, no user may join a private channel.
create function proxy_private.open_alert_channels() returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if to_regclass('realtime.messages') is null or to_regprocedure('realtime.topic()') is null then
    return false;
  end if;
  execute
    'drop policy if exists "users join the channel of their own proxy alerts" on realtime.messages';
  execute
    'create policy "users join the channel of their own proxy alerts" on realtime.messages
       for select to authenticated
       using (
         extension = ''broadcast''
         and (select realtime.topic()) = ''proxy_alerts:'' || (select auth.uid())
       )';
  return true;
exception when insufficient_privilege then
  raise notice
    'Alerts are not broadcast to users: this role may not create policies on realtime.messages.';
  return false;
end
$$;
comment on function proxy_private.open_alert_channels is
  'Allows each user to join the private Realtime channel of their own alerts, if the database has '
  'Realtime. Returns whether it did; a failure raises only a notice.';

select proxy_private.open_alert_channels();


-- Default privileges may grant too much: revoke all.
revoke all on function proxy_private.broadcast_alerts, proxy_private.open_alert_channels
from public, anon, authenticated, service_role;


-- 0500_usage.sql

-- Usage: each exchange is an event. All sums are read from rollups of the events, which the next
-- files define.

-- The widest columns come first, so that none needs padding.
create table proxy_private.proxy_usage_events (
  api_key_id uuid not null references proxy_private.proxy_keys (id),
  event_id uuid not null,
  occurred_at timestamptz not null,
  bytes_sent bigint not null,
  bytes_received bigint not null,
  duration_ms integer not null,
  count integer not null default 1,
  status_code smallint not null,
  site_length smallint,
  target_host text not null,
  method text not null,
  served_by_node_id text not null,
  code text,
  -- finds repeated reports, and serves the pages of a key's events
  primary key (api_key_id, occurred_at, event_id),
  constraint "bytes are not negative" check (bytes_sent >= 0 and bytes_received >= 0),
  constraint "a duration is not negative" check (duration_ms >= 0),
  constraint "a status has three digits" check (status_code between 100 and 999),
  constraint "a site is the end of its host" check (
    site_length between 1 and char_length(target_host)
  ),
  constraint "a code is snake case of 1 to 64 characters" check (
    code ~ '^[a-z][a-z0-9_]*$' and octet_length(code) <= 64
  ),
  constraint "a count is 0 to 1,000,000" check (count between 0 and 1000000),
  constraint "what is counted together has a code and no bytes" check (
    count <= 1 or (code is not null and bytes_sent = 0 and bytes_received = 0)
  )
) partition by range (occurred_at);
comment on table proxy_private.proxy_usage_events is
  'One row per request and hour (UTC), or per group of refusals, as the gateway reports them; each '
  'report of an open tunnel adds to its row. Partitioned by day (UTC), so that old events are '
  'removed by dropping a partition.';
comment on column proxy_private.proxy_usage_events.event_id is
  'Identifies the request: all rows of a tunnel that lasts for hours share it.';
comment on column proxy_private.proxy_usage_events.occurred_at is
  'When the request started; for a tunnel that continues from an earlier hour, the start of this '
  'hour.';
comment on column proxy_private.proxy_usage_events.count is
  'How many requests this row counts: 1 by default, 0 for a tunnel that continues from an earlier '
  'hour, or the number of refusals of one key, code and minute.';
comment on column proxy_private.proxy_usage_events.site_length is
  'How many characters at the end of target_host form its site, the registered domain; null for a '
  'host that has none, such as an address.';
comment on column proxy_private.proxy_usage_events.code is
  'Why the gateway refused the request, or what failed, as in its answer; null if the request was '
  'served.';

alter table proxy_private.proxy_usage_events enable row level security;

-- The one definition of which events do not count as use of a key. Strict, so that an event without
-- a code, as most are, costs no call: the result is then null, which is not a refusal either.
create function proxy_private.is_refusal(code text, bytes bigint) returns boolean
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return is_refusal.bytes = 0 and is_refusal.code not in (
    'target_unreachable', 'target_timeout', 'target_response_invalid', 'client_closed_request'
  );
end
$$;
comment on function proxy_private.is_refusal is
  'Whether an event with this code and these bytes (in and out together) is a refusal: the gateway '
  'attempted nothing for the client, so only the rollups by outcome count it. An event that moved '
  'bytes, or has the code of a failed attempt, is not a refusal. Null without a code.';

create view proxy_private.counted_usage_events with (security_invoker = true) as
select * from proxy_private.proxy_usage_events as e
where proxy_private.is_refusal(e.code, e.bytes_sent + e.bytes_received) is not true;
comment on view proxy_private.counted_usage_events is
  'All events except refusals: the basis of all rollups except those by outcome.';

-- catches events whose day has no partition, so that none is lost
create table proxy_private.proxy_usage_events_default
  partition of proxy_private.proxy_usage_events default;
alter table proxy_private.proxy_usage_events_default enable row level security;


-- Looks for an attached partition with the day's name: a table that an operator has detached does
-- not count.
create function proxy_private.usage_partition(day date) returns regclass
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select i.inhrelid::regclass
    from pg_class as c
    join pg_inherits as i on i.inhrelid = c.oid
    where c.relnamespace = 'proxy_private'::regnamespace
      and c.relname = 'proxy_usage_events_' || to_char(usage_partition.day, 'YYYY_MM_DD')
      and i.inhparent = 'proxy_private.proxy_usage_events'::regclass
  );
end
$$;
comment on function proxy_private.usage_partition is
  'The partition of proxy_usage_events for this day, or null if none exists.';

create function proxy_private.partitioned_usage_days() returns setof date
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select to_date(right(c.relname, 10), 'YYYY_MM_DD') as day
  from pg_inherits as i
  join pg_class as c on c.oid = i.inhrelid
  where i.inhparent = 'proxy_private.proxy_usage_events'::regclass
    and c.relname ~ '^proxy_usage_events_\d{4}_\d{2}_\d{2}$'
  order by 1;
end
$$;
comment on function proxy_private.partitioned_usage_days is
  'The days that have a partition, in order.';


-- Postgres refuses a new partition for rows that the default partition already holds. So each day
-- is created as a separate table, takes its rows from the default partition, and is attached, in
-- one transaction. Recording waits meanwhile: an event on its way into the default partition would
-- be refused.
create function proxy_private.make_usage_partitions(first_day date, last_day date) returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  day date;
  partition_name text;
  begins text;
  ends text;
  made integer := 0;
begin
  for day in
    select d::date
    from generate_series(
      make_usage_partitions.first_day::timestamp, make_usage_partitions.last_day::timestamp,
      interval '1 day'
    ) as d
  loop
    continue when proxy_private.usage_partition(day) is not null;
    lock table only proxy_private.proxy_usage_events in share row exclusive mode;
    lock table proxy_private.proxy_usage_events_default in access exclusive mode;
    -- another session may have created it while this one waited
    continue when proxy_private.usage_partition(day) is not null;

    partition_name := 'proxy_usage_events_' || to_char(day, 'YYYY_MM_DD');
    begins := day::text || ' 00:00:00+00';
    ends := (day + 1)::text || ' 00:00:00+00';
    execute format(
      'create table proxy_private.%I (
         like proxy_private.proxy_usage_events including defaults including constraints including indexes
       )',
      partition_name
    );
    execute format('alter table proxy_private.%I enable row level security', partition_name);
    execute format(
      'revoke all on table proxy_private.%I from public, anon, authenticated, service_role',
      partition_name
    );
    execute format(
      'comment on table proxy_private.%I is %L', partition_name, 'Usage events of ' || day || ' (UTC).'
    );
    execute format(
      'with moved as (
         delete from proxy_private.proxy_usage_events_default as d
         where d.occurred_at >= %L and d.occurred_at < %L
         returning d.*
       )
       insert into proxy_private.%I select * from moved',
      begins, ends, partition_name
    );
    execute format(
      'alter table proxy_private.proxy_usage_events attach partition proxy_private.%I
         for values from (%L) to (%L)',
      partition_name, begins, ends
    );
    made := made + 1;
  end loop;
  return made;
end
$$;
comment on table proxy_private.proxy_usage_events_default is
  'Usage events whose day has no partition. Maintenance empties it each night.';
comment on function proxy_private.make_usage_partitions is
  'Creates the missing daily partitions of proxy_usage_events from first_day to last_day '
  '(included), and moves the events that the default partition has of these days into them. '
  'Returns how many partitions it created. Fails (55P03) if recording does not pause within 2 s.';

select proxy_private.make_usage_partitions(
  (now() at time zone 'UTC')::date - 1, (now() at time zone 'UTC')::date + 40
);


create type proxy_private.raised_usage as (
  api_key_id uuid,
  occurred_at timestamptz,
  used_until timestamptz,
  counts boolean,
  requests bigint,
  bytes_sent bigint,
  bytes_received bigint,
  target_host text,
  site_length smallint,
  code text,
  count bigint,
  code_before text,
  count_before bigint,
  sent_before bigint,
  received_before bigint
);
comment on type proxy_private.raised_usage is
  'By how much a report raised a row of proxy_usage_events (requests, bytes_sent and '
  'bytes_received), and so by how much to raise the rollups; counts is false for refusals, which '
  'do not count as use of the key. code and count are the row''s new values. code_before, '
  'count_before, sent_before and received_before are its old values: null and 0 for a new row.';


-- Default privileges may grant too much: revoke all.
revoke all on table
  proxy_private.proxy_usage_events, proxy_private.counted_usage_events, proxy_private.proxy_usage_events_default
from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.is_refusal, proxy_private.usage_partition, proxy_private.partitioned_usage_days,
  proxy_private.make_usage_partitions
from public, anon, authenticated, service_role;


-- 0505_usage_age.sql

-- The age of usage: how many days events are kept, and so how old an accepted event may be. As long
-- as an event is accepted, it may be reported again, and its row must still exist.

create table proxy_private.maintenance_settings (
  id boolean primary key default true,
  keep_days integer not null default 90,
  keep_targets_days integer not null default 90,
  require_archive boolean not null default false,
  constraint "there is one row" check (id),
  constraint "events are kept for 3 to 36,500 days" check (keep_days between 3 and 36500),
  constraint "targets are kept for 3 to 36,500 days" check (
    keep_targets_days between 3 and 36500
  )
);
comment on table proxy_private.maintenance_settings is
  'One row of settings that the operator may change, such as keep_days. Maintenance locks the row, '
  'so that concurrent runs wait for each other.';
comment on column proxy_private.maintenance_settings.keep_days is
  'How many whole days (UTC) of events are kept in addition to the current day.';
comment on column proxy_private.maintenance_settings.keep_targets_days is
  'How many whole days (UTC) of rollups by target and outcome are kept in addition to the current '
  'day.';
comment on column proxy_private.maintenance_settings.require_archive is
  'Whether a day of events is kept until it is archived, according to '
  'proxy_private.archived_usage_days.';
alter table proxy_private.maintenance_settings enable row level security;
insert into proxy_private.maintenance_settings default values;


create table proxy_private.dropped_usage_days (
  day date primary key,
  dropped_at timestamptz not null default clock_timestamp(),
  events bigint not null,
  bytes bigint not null
);
comment on table proxy_private.dropped_usage_days is
  'Days whose events retention has dropped: their rollups stay as they are, as they can no longer '
  'be recounted. To restore a day, put back all of its events, then delete its row.';
comment on column proxy_private.dropped_usage_days.bytes is
  'Metered bytes in and out, according to the rollups.';
alter table proxy_private.dropped_usage_days enable row level security;


create function proxy_private.oldest_usage_day() returns date
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return greatest(
    (now() at time zone 'UTC')::date - (select s.keep_days from proxy_private.maintenance_settings as s),
    (select max(d.day) + 1 from proxy_private.dropped_usage_days as d)
  );
end
$$;
comment on function proxy_private.oldest_usage_day is
  'The oldest day (UTC) whose events are accepted. It is within keep_days, and after every dropped '
  'day even if keep_days was raised since.';


-- Default privileges may grant too much: revoke all.
revoke all on table
  proxy_private.maintenance_settings, proxy_private.dropped_usage_days
from public, anon, authenticated, service_role;
revoke all on function proxy_private.oldest_usage_day from public, anon, authenticated, service_role;


-- 0508_quota_alerts.sql

-- Quota alerts: at percentages of a limit that the owner may set, once per month, threshold and
-- limit, so that a raised limit can alert again.

create table proxy_private.proxy_alert_thresholds (
  id uuid primary key default proxy_private.uuid_v7(),
  user_id uuid not null references auth.users (id) on delete cascade,
  api_key_id uuid references proxy_private.proxy_keys (id),
  percents smallint[] not null,
  least smallint generated always as (percents[1]) stored,
  constraint "thresholds are set once for each key" unique nulls not distinct (user_id, api_key_id),
  constraint "thresholds are up to five, from 10 to 100" check (
    cardinality(percents) <= 5 and 10 <= all (percents) and 100 >= all (percents)
  )
);
comment on table proxy_private.proxy_alert_thresholds is
  'The percentages of a quota at which an owner is alerted: for one key, or without api_key_id for '
  'the account and for all keys without a row. Without any row they are 80, 95 and 100. An empty '
  'list disables the alerts.';
comment on column proxy_private.proxy_alert_thresholds.percents is
  'The percentages, in ascending order.';
comment on column proxy_private.proxy_alert_thresholds.least is 'The lowest percentage.';
create index proxy_alert_thresholds_least on proxy_private.proxy_alert_thresholds (least);
create index proxy_alert_thresholds_key on proxy_private.proxy_alert_thresholds (api_key_id);
alter table proxy_private.proxy_alert_thresholds enable row level security;


create type proxy_private.raised_quota as (
  user_id uuid,
  api_key_id uuid,
  subject jsonb,
  limit_bytes bigint,
  used_before bigint,
  used_bytes bigint
);
comment on type proxy_private.raised_quota is
  'Usage of a quota of this month, before and after a change. subject describes the key or account '
  'in the alert. Without api_key_id, the quota is that of an account''s tier and mode.';


create function proxy_private.least_threshold() returns smallint
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return least(
    80::smallint,
    (select t.least from proxy_private.proxy_alert_thresholds as t order by t.least limit 1)
  );
end
$$;
comment on function proxy_private.least_threshold is
  'The lowest percentage of a quota at which any owner is alerted: usage below it needs no check.';


create function proxy_private.thresholds_of(user_id uuid, api_key_id uuid) returns smallint[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce(
    (
      select t.percents from proxy_private.proxy_alert_thresholds as t
      where t.user_id = thresholds_of.user_id and t.api_key_id = thresholds_of.api_key_id
    ),
    (
      select t.percents from proxy_private.proxy_alert_thresholds as t
      where t.user_id = thresholds_of.user_id and t.api_key_id is null
    ),
    '{80,95,100}'
  );
end
$$;
comment on function proxy_private.thresholds_of is
  'The thresholds of a key, or of the account if api_key_id is null: its own, else the owner''s, '
  'else 80, 95 and 100.';


-- If one change crosses several thresholds, the alert for the highest one is enough.
create function proxy_private.alert_quotas(quotas proxy_private.raised_quota[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  period constant text := to_char(now(), 'YYYY-MM');
  resets_at constant text := proxy_private.json_time(date_trunc('month', now()) + interval '1 month');
  alerts proxy_private.new_alert[];
begin
  select array_agg(
    (
      q.user_id,
      q.api_key_id,
      case when q.api_key_id is null then 'account.quota' else 'key.quota' end,
      format(
        'quota:%s:%s:%s:%s',
        coalesce(q.api_key_id::text, (q.subject ->> 'tier') || ':' || (q.subject ->> 'liveMode')),
        period, t.percent, q.limit_bytes
      ),
      null,
      q.subject || jsonb_build_object(
        'threshold', t.percent, 'limitBytes', q.limit_bytes, 'usedBytes', q.used_bytes,
        'period', period, 'resetsAt', resets_at
      )
    )::proxy_private.new_alert
  ) into alerts
  from unnest(alert_quotas.quotas) as q
  cross join lateral (
    select max(p) as percent
    from unnest(proxy_private.thresholds_of(q.user_id, q.api_key_id)) as p
    -- 2^53 times 100 fits in a bigint
    where q.used_before * 100 < q.limit_bytes * p and q.used_bytes * 100 >= q.limit_bytes * p
  ) as t
  where q.user_id is not null and t.percent is not null;
  if alerts is not null then
    perform proxy_private.raise_alerts(alerts);
  end if;
end
$$;
comment on function proxy_private.alert_quotas is
  'Raises an alert for each quota that crossed a threshold; if it crossed several, for the '
  'highest.';


-- A changed limit or threshold may already be below the current usage.
create function proxy_private.alert_key_quotas(keys uuid[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  perform proxy_private.alert_quotas(array(
    select (
      k.user_id, k.id, proxy_private.describe_key(k.id, k.key_id, k.label), k.bandwidth_limit_bytes, 0,
      m.bytes_sent + m.bytes_received
    )::proxy_private.raised_quota
    from proxy_private.key_states as k
    join proxy_private.proxy_usage_monthly as m
      on m.api_key_id = k.id and m.month = date_trunc('month', now())::date
    where k.id = any (alert_key_quotas.keys) and k.deleted_at is null
      and k.bandwidth_limit_bytes > 0
  ));
end
$$;
comment on function proxy_private.alert_key_quotas is
  'Raises an alert for each of these keys that is now past a threshold of its limit.';


create function proxy_private.alert_account_quotas(user_id uuid) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  perform proxy_private.alert_quotas(array(
    select (
      m.user_id, null, jsonb_build_object('tier', m.tier, 'liveMode', m.live_mode),
      case when m.live_mode
        then coalesce((o.limit_overrides ->> 'account_limit_bytes')::bigint, t.account_limit_bytes)
        else coalesce((o.limit_overrides ->> 'test_limit_bytes')::bigint, t.test_limit_bytes)
      end,
      0, m.bytes_sent + m.bytes_received
    )::proxy_private.raised_quota
    from proxy_private.proxy_account_monthly as m
    join public.proxy_tiers as t on t.tier = m.tier
    left join proxy_private.proxy_account_limits as o on o.user_id = m.user_id and o.tier = m.tier
    where m.user_id = alert_account_quotas.user_id
      and m.month = date_trunc('month', now())::date
  ));
end
$$;
comment on function proxy_private.alert_account_quotas is
  'Raises an alert for each tier and mode of a user''s account that is now past a threshold of its '
  'quota.';


create function proxy_private.alert_of_changed_limit() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.api_key_id is not null then
    perform proxy_private.alert_key_quotas(array[new.api_key_id]);
  else
    perform proxy_private.alert_account_quotas(new.user_id);
  end if;
  return null;
end
$$;
comment on function proxy_private.alert_of_changed_limit is
  'Trigger: alerts the owner if usage is already past a threshold of a changed limit.';

-- the name sorts after alert_of_audit, so that the alert of the change itself comes first
create trigger alert_of_changed_limit after insert on proxy_private.proxy_key_audit
  for each row when (new.action in ('limits_changed', 'account_limits_changed'))
  execute function proxy_private.alert_of_changed_limit();


-- Default privileges may grant too much: revoke all.
revoke all on table proxy_private.proxy_alert_thresholds from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.least_threshold, proxy_private.thresholds_of, proxy_private.alert_quotas, proxy_private.alert_key_quotas,
  proxy_private.alert_account_quotas, proxy_private.alert_of_changed_limit
from public, anon, authenticated, service_role;


-- 0510_key_rollups.sql

-- Rollups by key: the usage of a key per hour and per month. Reading a month takes one index lookup
-- per key, regardless of the number of events.

create table proxy_private.proxy_usage_hourly (
  api_key_id uuid not null references proxy_private.proxy_keys (id),
  hour timestamptz not null,
  user_id uuid,
  requests bigint not null,
  bytes_sent bigint not null,
  bytes_received bigint not null,
  primary key (api_key_id, hour)
) with (fillfactor = 70);
comment on table proxy_private.proxy_usage_hourly is
  'Usage per key and hour (UTC). Every event except a refusal adds to it.';

alter table proxy_private.proxy_usage_hourly enable row level security;
create policy "owners read the hourly usage of their own keys" on proxy_private.proxy_usage_hourly
  for select to authenticated using ((select auth.uid()) = user_id);


create table proxy_private.proxy_usage_monthly (
  api_key_id uuid not null references proxy_private.proxy_keys (id),
  month date not null,
  user_id uuid,
  requests bigint not null,
  bytes_sent bigint not null,
  bytes_received bigint not null,
  last_used_at timestamptz not null,
  primary key (api_key_id, month),
  constraint "a month is named by its first day" check (extract(day from month) = 1)
) with (fillfactor = 70);
comment on table proxy_private.proxy_usage_monthly is
  'Usage per key and calendar month (UTC), which quotas and lists read. Every event except a '
  'refusal adds to it.';
comment on column proxy_private.proxy_usage_monthly.last_used_at is
  'When the newest of these events ended, as last reported. A refused CONNECT does not count as '
  'use of the key.';

alter table proxy_private.proxy_usage_monthly enable row level security;
create policy "owners read the monthly usage of their own keys" on proxy_private.proxy_usage_monthly
  for select to authenticated using ((select auth.uid()) = user_id);


-- finds the lowest override; there are few
create index proxy_keys_bandwidth_override
  on proxy_private.proxy_keys (((limit_overrides ->> 'bandwidth_limit_bytes')::bigint))
  where limit_overrides ->> 'bandwidth_limit_bytes' is not null;

-- Locks the monthly rows first, each table in order: everything that raises or repairs rollups
-- locks rows in the same order. Postgres runs the last of several writing CTEs first.
create function proxy_private.raise_key_rollups(raised proxy_private.raised_usage[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  this_month constant date := date_trunc('month', now())::date;
  -- a cap that no honest gateway reaches, so that no later sum overflows
  most_bytes constant bigint := 9007199254740991;
  least_limit constant bigint := least(
    (select min(t.bandwidth_limit_bytes) from public.proxy_tiers as t),
    (
      select min((k.limit_overrides ->> 'bandwidth_limit_bytes')::bigint)
      from proxy_private.proxy_keys as k
      where k.limit_overrides ->> 'bandwidth_limit_bytes' is not null
    )
  );
  -- no quota's threshold is below this, so there is nothing to do
  least_bytes constant bigint := least_limit / 100 * proxy_private.least_threshold();
  crossing_keys text[];
  quotas proxy_private.raised_quota[];
begin
  with hours as materialized (
    select
      r.api_key_id, date_trunc('hour', r.occurred_at) as hour,
      sum(r.requests) as requests,
      least(sum(r.bytes_sent), most_bytes) as bytes_sent,
      least(sum(r.bytes_received), most_bytes) as bytes_received,
      max(r.used_until) as last_used_at
    from unnest(raised) as r
    where r.counts
    group by 1, 2
  ),
  months as materialized (
    select
      h.api_key_id, date_trunc('month', h.hour)::date as month,
      sum(h.requests) as requests, least(sum(h.bytes_sent), most_bytes) as bytes_sent,
      least(sum(h.bytes_received), most_bytes) as bytes_received,
      max(h.last_used_at) as last_used_at
    from hours as h
    group by 1, 2
  ),
  hourly as (
    insert into proxy_private.proxy_usage_hourly as h (
      api_key_id, hour, user_id, requests, bytes_sent, bytes_received
    )
    select r.api_key_id, r.hour, k.user_id, r.requests, r.bytes_sent, r.bytes_received
    from hours as r
    join proxy_private.proxy_keys as k on k.id = r.api_key_id
    order by r.api_key_id, r.hour
    on conflict (api_key_id, hour) do update set
      requests = h.requests + excluded.requests,
      bytes_sent = least(h.bytes_sent + excluded.bytes_sent, most_bytes),
      bytes_received = least(h.bytes_received + excluded.bytes_received, most_bytes)
  ),
  monthly as (
    insert into proxy_private.proxy_usage_monthly as m (
      api_key_id, month, user_id, requests, bytes_sent, bytes_received, last_used_at
    )
    select
      r.api_key_id, r.month, k.user_id, r.requests, r.bytes_sent, r.bytes_received,
      r.last_used_at
    from months as r
    join proxy_private.proxy_keys as k on k.id = r.api_key_id
    order by r.api_key_id, r.month
    on conflict (api_key_id, month) do update set
      requests = m.requests + excluded.requests,
      bytes_sent = least(m.bytes_sent + excluded.bytes_sent, most_bytes),
      bytes_received = least(m.bytes_received + excluded.bytes_received, most_bytes),
      last_used_at = greatest(m.last_used_at, excluded.last_used_at)
    returning m.api_key_id, m.month, m.bytes_sent + m.bytes_received as total
  ),
  -- Only keys past the lowest of all thresholds are checked: usually none. A full join is hashed or
  -- merged; for other joins, the planner expects one row and would choose a nested loop.
  risen as materialized (
    select m.api_key_id, m.total, m.total - r.bytes_sent - r.bytes_received as total_before
    from (
      select * from monthly as m where m.month = this_month and m.total >= least_bytes
    ) as m
    full join (select * from months as r where r.month = this_month) as r
      on r.api_key_id = m.api_key_id
  ),
  nearing as (
    select
      k.key_id, k.deleted_at,
      (
        k.user_id, k.id, proxy_private.describe_key(k.id, k.key_id, k.label), k.bandwidth_limit_bytes,
        r.total_before, r.total
      )::proxy_private.raised_quota as quota
    from risen as r
    join proxy_private.key_states as k on k.id = r.api_key_id
    -- in most cases, usage stays within the same percent, and crosses no threshold
    where r.total_before < k.bandwidth_limit_bytes
      and r.total * 100 / nullif(k.bandwidth_limit_bytes, 0)
        > r.total_before::bigint * 100 / nullif(k.bandwidth_limit_bytes, 0)
  )
  select
    array_agg(n.key_id) filter (where (n.quota).used_bytes >= (n.quota).limit_bytes),
    array_agg(n.quota) filter (where n.deleted_at is null)
  into crossing_keys, quotas
  from nearing as n;
  perform pg_notify('proxy_key_changed', k) from unnest(crossing_keys) as k;
  if quotas is not null then
    perform proxy_private.alert_quotas(quotas);
  end if;
end
$$;
comment on function proxy_private.raise_key_rollups is
  'Raises the rollups by key. Notifies channel proxy_key_changed of each key whose bytes of this '
  'month now reach its limit, so that no gateway keeps using its cached figure. Alerts the owner '
  'of each key that crosses a threshold.';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on table
  proxy_private.proxy_usage_hourly, proxy_private.proxy_usage_monthly
from public, anon, authenticated, service_role;
revoke all on function proxy_private.raise_key_rollups from public, anon, authenticated, service_role;
grant select on table proxy_private.proxy_usage_hourly, proxy_private.proxy_usage_monthly to authenticated;


-- 0520_account_rollups.sql

-- Rollups by account: the usage of all keys of a user, including deleted ones. Account quotas use
-- them, and reading them takes the same time regardless of the number of keys. A removed account
-- keeps its rows, as its keys do; usage that is reported later for its keys adds to none.

create table proxy_private.proxy_account_monthly (
  user_id uuid not null,
  month date not null,
  tier text not null,
  live_mode boolean not null,
  requests bigint not null,
  bytes_sent bigint not null,
  bytes_received bigint not null,
  primary key (user_id, month, tier, live_mode),
  constraint "a month is named by its first day" check (extract(day from month) = 1)
) with (fillfactor = 70);
comment on table proxy_private.proxy_account_monthly is
  'Usage of all live or test keys of a user and tier per calendar month (UTC), which account '
  'quotas and sums over all keys read. Every event except a refusal adds to it.';

alter table proxy_private.proxy_account_monthly enable row level security;
create policy "users read the monthly usage of their own account" on proxy_private.proxy_account_monthly
  for select to authenticated using ((select auth.uid()) = user_id);


create table proxy_private.proxy_account_hourly (
  user_id uuid not null,
  hour timestamptz not null,
  live_mode boolean not null,
  requests bigint not null,
  bytes_sent bigint not null,
  bytes_received bigint not null,
  primary key (user_id, hour, live_mode)
) with (fillfactor = 70);
comment on table proxy_private.proxy_account_hourly is
  'Usage of all live or test keys of a user per hour (UTC). Every event except a refusal adds to '
  'it.';

alter table proxy_private.proxy_account_hourly enable row level security;
create policy "users read the hourly usage of their own account" on proxy_private.proxy_account_hourly
  for select to authenticated using ((select auth.uid()) = user_id);


-- over all tiers and modes: sorting all users by usage needs one figure per user
create table proxy_private.proxy_user_monthly (
  user_id uuid not null,
  month date not null,
  bytes bigint not null,
  primary key (user_id, month),
  constraint "a month is named by its first day" check (extract(day from month) = 1)
) with (fillfactor = 70);
comment on table proxy_private.proxy_user_monthly is
  'Bytes in and out of all keys of a user per calendar month (UTC), by which admins sort users. '
  'Every event except a refusal adds to it.';
create index proxy_user_monthly_most on proxy_private.proxy_user_monthly (month, bytes desc, user_id desc);

alter table proxy_private.proxy_user_monthly enable row level security;


-- find the lowest overrides, as for keys
create index proxy_account_limits_live
  on proxy_private.proxy_account_limits (((limit_overrides ->> 'account_limit_bytes')::bigint))
  where limit_overrides ->> 'account_limit_bytes' is not null;
create index proxy_account_limits_test
  on proxy_private.proxy_account_limits (((limit_overrides ->> 'test_limit_bytes')::bigint))
  where limit_overrides ->> 'test_limit_bytes' is not null;

-- Locks the monthly rows first, each table in order, after the rollups by key: everything that
-- raises or repairs rollups locks rows in the same order. Postgres runs the last of several writing
-- CTEs first.
create function proxy_private.raise_account_rollups(raised proxy_private.raised_usage[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  this_month constant date := date_trunc('month', now())::date;
  -- a cap that no honest gateway reaches, so that no later sum overflows
  most_bytes constant bigint := 9007199254740991;
  least_live_limit constant bigint := least(
    (select min(t.account_limit_bytes) from public.proxy_tiers as t),
    (
      select min((o.limit_overrides ->> 'account_limit_bytes')::bigint)
      from proxy_private.proxy_account_limits as o
      where o.limit_overrides ->> 'account_limit_bytes' is not null
    )
  );
  least_test_limit constant bigint := least(
    (select min(t.test_limit_bytes) from public.proxy_tiers as t),
    (
      select min((o.limit_overrides ->> 'test_limit_bytes')::bigint)
      from proxy_private.proxy_account_limits as o
      where o.limit_overrides ->> 'test_limit_bytes' is not null
    )
  );
  -- no quota's threshold is below these, so there is nothing to do
  least_live_bytes constant bigint := least_live_limit / 100 * proxy_private.least_threshold();
  least_test_bytes constant bigint := least_test_limit / 100 * proxy_private.least_threshold();
  crossing_keys text[];
  quotas proxy_private.raised_quota[];
begin
  with by_key as materialized (
    select
      r.api_key_id, date_trunc('hour', r.occurred_at) as hour, sum(r.requests) as requests,
      sum(r.bytes_sent) as bytes_sent, sum(r.bytes_received) as bytes_received
    from unnest(raised) as r
    where r.counts
    group by 1, 2
  ),
  by_tier as materialized (
    select
      k.user_id, k.tier, k.live_mode, u.hour, sum(u.requests) as requests,
      sum(u.bytes_sent) as bytes_sent, sum(u.bytes_received) as bytes_received
    from by_key as u
    join proxy_private.proxy_keys as k on k.id = u.api_key_id
    where k.user_id is not null
    group by 1, 2, 3, 4
  ),
  months as materialized (
    select
      u.user_id, date_trunc('month', u.hour)::date as month, u.tier, u.live_mode,
      sum(u.requests) as requests, least(sum(u.bytes_sent), most_bytes) as bytes_sent,
      least(sum(u.bytes_received), most_bytes) as bytes_received
    from by_tier as u
    group by 1, 2, 3, 4
  ),
  users as (
    insert into proxy_private.proxy_user_monthly as s (user_id, month, bytes)
    select m.user_id, m.month, least(sum(m.bytes_sent + m.bytes_received), most_bytes)
    from months as m
    group by 1, 2
    order by 1, 2
    on conflict (user_id, month) do update set bytes = least(s.bytes + excluded.bytes, most_bytes)
  ),
  hourly as (
    insert into proxy_private.proxy_account_hourly as h (
      user_id, hour, live_mode, requests, bytes_sent, bytes_received
    )
    select
      u.user_id, u.hour, u.live_mode, sum(u.requests), least(sum(u.bytes_sent), most_bytes),
      least(sum(u.bytes_received), most_bytes)
    from by_tier as u
    group by 1, 2, 3
    order by 1, 2, 3
    on conflict (user_id, hour, live_mode) do update set
      requests = h.requests + excluded.requests,
      bytes_sent = least(h.bytes_sent + excluded.bytes_sent, most_bytes),
      bytes_received = least(h.bytes_received + excluded.bytes_received, most_bytes)
  ),
  monthly as (
    insert into proxy_private.proxy_account_monthly as m (
      user_id, month, tier, live_mode, requests, bytes_sent, bytes_received
    )
    select r.* from months as r
    order by r.user_id, r.month, r.tier, r.live_mode
    on conflict (user_id, month, tier, live_mode) do update set
      requests = m.requests + excluded.requests,
      bytes_sent = least(m.bytes_sent + excluded.bytes_sent, most_bytes),
      bytes_received = least(m.bytes_received + excluded.bytes_received, most_bytes)
    returning
      m.user_id, m.month, m.tier, m.live_mode, m.bytes_sent + m.bytes_received as total
  ),
  -- Only accounts past the lowest of all thresholds are checked: usually none. A union instead of a
  -- join: for a join, the planner expects few rows and would choose a nested loop.
  risen as materialized (
    select
      a.user_id, a.tier, a.live_mode, sum(a.total) as total,
      sum(a.total) - sum(a.raised) as total_before
    from (
      select m.user_id, m.month, m.tier, m.live_mode, m.total, 0 as raised from monthly as m
      union all
      select r.user_id, r.month, r.tier, r.live_mode, 0, r.bytes_sent + r.bytes_received
      from months as r
    ) as a
    where a.month = this_month
    group by 1, 2, 3
    having sum(a.total) >= case when a.live_mode then least_live_bytes else least_test_bytes end
  ),
  nearing as materialized (
    select
      r.user_id, r.tier, r.live_mode,
      (
        r.user_id, null, jsonb_build_object('tier', r.tier, 'liveMode', r.live_mode),
        l.account_limit_bytes, r.total_before, r.total
      )::proxy_private.raised_quota as quota
    from risen as r
    -- all these keys share one limit
    cross join lateral (
      select k.account_limit_bytes
      from proxy_private.key_states as k
      where k.tier = r.tier and k.user_id = r.user_id and k.live_mode = r.live_mode
        and k.deleted_at is null
      limit 1
    ) as l
    -- in most cases, usage stays within the same percent, and crosses no threshold
    where r.total_before < l.account_limit_bytes
      and div(r.total * 100, nullif(l.account_limit_bytes, 0))
        > div(r.total_before * 100, nullif(l.account_limit_bytes, 0))
  )
  select
    (
      select array_agg(k.key_id)
      from nearing as n
      join proxy_private.proxy_keys as k
        on k.user_id = n.user_id and k.tier = n.tier and k.live_mode = n.live_mode
      where (n.quota).used_bytes >= (n.quota).limit_bytes and k.deleted_at is null
    ),
    (select array_agg(n.quota) from nearing as n)
  into crossing_keys, quotas;
  perform pg_notify('proxy_key_changed', k) from unnest(crossing_keys) as k;
  if quotas is not null then
    perform proxy_private.alert_quotas(quotas);
  end if;
end
$$;
comment on function proxy_private.raise_account_rollups is
  'Raises the rollups by account. Notifies channel proxy_key_changed of each undeleted key of a '
  'user, tier and mode whose bytes of this month now reach their shared limit. Alerts each user '
  'who crosses a threshold.';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on table
  proxy_private.proxy_account_monthly, proxy_private.proxy_account_hourly, proxy_private.proxy_user_monthly
from public, anon, authenticated, service_role;
revoke all on function proxy_private.raise_account_rollups from public, anon, authenticated, service_role;
grant select on table proxy_private.proxy_account_monthly, proxy_private.proxy_account_hourly to authenticated;


-- 0530_target_rollups.sql

-- Rollups by target: the usage per host and day, of each key and of all keys of a user. The number
-- of rows, and so the cost of reading them, is bounded regardless of how many hosts a key connects
-- to.

create table proxy_private.proxy_usage_targets (
  subject uuid not null,
  day date not null,
  kind smallint not null,
  site_length smallint,
  requests bigint not null,
  errors bigint not null,
  bytes_sent bigint not null,
  bytes_received bigint not null,
  billed_bytes bigint not null,
  name text collate "C" not null,
  primary key (subject, day, kind, name),
  constraint "a kind is a host, a site or other" check (kind between 0 and 2),
  constraint "what is other has no name" check ((kind = 2) = (name = '')),
  constraint "a site is the end of its name" check (site_length between 1 and char_length(name))
) with (fillfactor = 80);
comment on table proxy_private.proxy_usage_targets is
  'Usage per target and day (UTC), for each key and for all keys of a user: at most 1,000 hosts, '
  'then 1,000 sites, then one row for all others. Every event except a refusal adds to it.';
comment on column proxy_private.proxy_usage_targets.subject is
  'The id of a key or of a user. Both are random, so they do not collide.';
comment on column proxy_private.proxy_usage_targets.kind is
  '0: a host. 1: a site, for its hosts that came after 1,000 hosts had a row. 2: other, for later '
  'hosts that have no site or came after 1,000 sites had a row.';
comment on column proxy_private.proxy_usage_targets.name is
  'The host or site in lower case; empty for other.';
comment on column proxy_private.proxy_usage_targets.site_length is
  'How many characters at the end of the name form its site; null for a host that has none.';
comment on column proxy_private.proxy_usage_targets.errors is
  'How many of the requests failed: no connection to the target, or no valid answer from it.';
comment on column proxy_private.proxy_usage_targets.billed_bytes is
  'The part of the bytes sent and received that live keys moved.';
-- finds old rows; days arrive in order, so the index is tiny
create index proxy_usage_targets_day on proxy_private.proxy_usage_targets using brin (day);

create table proxy_private.proxy_usage_target_days (
  subject uuid not null,
  day date not null,
  hosts integer not null default 0,
  sites integer not null default 0,
  primary key (subject, day),
  constraint "hosts are bounded" check (hosts between 0 and 1000),
  constraint "sites are bounded" check (sites between 0 and 1000)
) with (fillfactor = 70);
comment on table proxy_private.proxy_usage_target_days is
  'How many hosts and sites have a row in proxy_usage_targets. Locked while a host or site gets a '
  'row, so that the limits are exact. Rows are removed only with their whole day, so a host keeps '
  'counting where it was first placed.';
create index proxy_usage_target_days_day on proxy_private.proxy_usage_target_days using brin (day);

alter table proxy_private.proxy_usage_targets enable row level security;
alter table proxy_private.proxy_usage_target_days enable row level security;


-- SECURITY DEFINER: callers may not read the settings.
create function proxy_private.first_kept_target_day() returns date
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  return now()::date - (select s.keep_targets_days from proxy_private.maintenance_settings as s);
end
$$;
comment on function proxy_private.first_kept_target_day is
  'The first day (UTC) whose rollups by target and outcome are kept.';

create function proxy_private.is_target_error(code text) returns boolean
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return is_target_error.code in (
    'target_unreachable', 'target_timeout', 'target_response_invalid'
  );
end
$$;
comment on function proxy_private.is_target_error is
  'Whether an event with this code is an attempt that failed at its target. Null without a code.';


create type proxy_private.target_use as (
  subject uuid,
  day date,
  kind smallint,
  host text,
  site_length smallint,
  requests bigint,
  errors bigint,
  bytes_sent bigint,
  bytes_received bigint,
  billed_bytes bigint
);
comment on type proxy_private.target_use is
  'By how much to raise the usage of a host by a key or user on a day. kind: where it counts; null '
  'if a new row may be needed.';

create type proxy_private.target_day as (subject uuid, day date);
comment on type proxy_private.target_day is
  'Identifies a row of proxy_private.proxy_usage_target_days.';

-- Two statements: the second sees what was committed before the first got its locks.
create function proxy_private.place_targets(uses proxy_private.target_use[]) returns proxy_private.target_use[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  most constant integer := 1000;
  new_days proxy_private.target_day[];
  placed proxy_private.target_use[];
begin
  -- a new day has no rows yet, so its hosts are counted at once
  with inserted as (
    insert into proxy_private.proxy_usage_target_days as d (subject, day, hosts)
    select u.subject, u.day, least(count(distinct u.host), most)
    from unnest(uses) as u
    group by u.subject, u.day
    order by u.subject, u.day
    -- locks the row without writing it
    on conflict (subject, day) do update set hosts = d.hosts where false
    returning d.subject, d.day
  )
  select array_agg((i.subject, i.day)::proxy_private.target_day) into new_days from inserted as i;

  with known as materialized (
    select
      u.*, right(u.host, u.site_length) as site, d.hosts, d.sites,
      -- hashed, where a join could become a nested loop
      (u.subject, u.day) in (select b.subject, b.day from unnest(new_days) as b) as begins
    from unnest(uses) as u
    join proxy_private.proxy_usage_target_days as d on d.subject = u.subject and d.day = u.day
  ),
  sought as materialized (
    select
      k.subject, k.day, k.host, k.site_length, k.site, k.requests, k.errors, k.bytes_sent,
      k.bytes_received, k.billed_bytes, k.sites,
      case when k.begins then 0 else k.hosts end as hosts,
      k.begins or not exists (
        select from proxy_private.proxy_usage_targets as t
        where t.subject = k.subject and t.day = k.day and t.kind = 0 and t.name = k.host
        -- forces one lookup per host instead of a join
        offset 0
      ) as is_new_host
    from known as k
  ),
  hosts as materialized (
    select
      s.*,
      not s.is_new_host or s.hosts + dense_rank() over (
        partition by s.subject, s.day, s.is_new_host order by s.host collate "C"
      ) <= most as has_row
    from sought as s
  ),
  sites as materialized (
    select
      h.*,
      not h.has_row and h.site is not null and not exists (
        select from proxy_private.proxy_usage_targets as t
        where t.subject = h.subject and t.day = h.day and t.kind = 1 and t.name = h.site
        offset 0
      ) as is_new_site
    from hosts as h
  ),
  decided as materialized (
    select
      s.*,
      case
        when s.has_row then 0
        when s.site is null then 2
        when not s.is_new_site then 1
        when s.sites + dense_rank() over (
          partition by s.subject, s.day, s.is_new_site order by s.site collate "C"
        ) <= most then 1
        else 2
      end as place
    from sites as s
  ),
  counted as (
    update proxy_private.proxy_usage_target_days as d
    set hosts = n.hosts, sites = n.sites
    from (
      select
        c.subject, c.day,
        c.hosts + count(distinct c.host) filter (where c.is_new_host and c.place = 0) as hosts,
        c.sites + count(distinct c.site) filter (where c.is_new_site and c.place = 1) as sites
      from decided as c
      group by c.subject, c.day, c.hosts, c.sites
    ) as n
    where d.subject = n.subject and d.day = n.day and (d.hosts, d.sites) <> (n.hosts, n.sites)
  )
  select array_agg(
    (
      c.subject, c.day, c.place, c.host, c.site_length, c.requests, c.errors, c.bytes_sent,
      c.bytes_received, c.billed_bytes
    )::proxy_private.target_use
  )
  into placed
  from decided as c;
  return placed;
end
$$;
comment on function proxy_private.place_targets is
  'Decides where each use counts: as its host, as its site, or as other. Locks the day''s counts '
  'of the key or user, and raises them by the rows that are to be created.';

create function proxy_private.add_target_uses(uses proxy_private.target_use[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
-- use the indexes, even in a plan that was made while the tables were empty
set enable_seqscan = off
as $$
declare
  most_bytes constant bigint := 9007199254740991;
  unplaced constant proxy_private.target_use[] := array(select u from unnest(uses) as u where u.kind is null);
begin
  if cardinality(unplaced) > 0 then
    uses := array(select u from unnest(uses) as u where u.kind is not null)
      || proxy_private.place_targets(unplaced);
  end if;
  insert into proxy_private.proxy_usage_targets as t (
    subject, day, kind, name, site_length, requests, errors, bytes_sent, bytes_received, billed_bytes
  )
  select
    u.subject, u.day, u.kind, u.name, max(u.site_length), sum(u.requests), sum(u.errors),
    least(sum(u.bytes_sent), most_bytes), least(sum(u.bytes_received), most_bytes),
    least(sum(u.billed_bytes), most_bytes)
  from (
    select
      a.subject, a.day, a.kind, a.requests, a.errors, a.bytes_sent, a.bytes_received,
      a.billed_bytes,
      case a.kind when 0 then a.host when 1 then right(a.host, a.site_length) else '' end
        collate "C" as name,
      case when a.kind < 2 then a.site_length end as site_length
    from unnest(uses) as a
  ) as u
  group by u.subject, u.day, u.kind, u.name
  order by u.subject, u.day, u.kind, u.name
  on conflict (subject, day, kind, name) do update set
    requests = greatest(t.requests + excluded.requests, 0),
    errors = greatest(t.errors + excluded.errors, 0),
    bytes_sent = greatest(least(t.bytes_sent + excluded.bytes_sent, most_bytes), 0),
    bytes_received = greatest(least(t.bytes_received + excluded.bytes_received, most_bytes), 0),
    billed_bytes = greatest(least(t.billed_bytes + excluded.billed_bytes, most_bytes), 0);
end
$$;
comment on function proxy_private.add_target_uses is
  'Raises the rollups by target: first the counts of hosts and sites, if one is new, then the '
  'targets, each in order.';

create function proxy_private.raise_target_rollups(raised proxy_private.raised_usage[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- use the indexes, even in a plan that was made while the tables were empty
set enable_seqscan = off
as $$
declare
  most constant integer := 1000;
  most_bytes constant bigint := 9007199254740991;
  first_at constant timestamptz := proxy_private.first_kept_target_day();
  used proxy_private.target_use[];
begin
  with by_key as materialized (
    select
      r.api_key_id, r.occurred_at::date as day,
      -- lowercases ASCII only, which is all that a connected host contains: lowercasing other
      -- letters could change the length
      lower(r.target_host collate "C") as host, r.site_length,
      sum(r.requests) as requests,
      sum(
        case when r.code is null and r.code_before is null then 0 else
          case when proxy_private.is_target_error(r.code) then r.count else 0 end
          - case when proxy_private.is_target_error(r.code_before) then r.count_before else 0 end
        end
      ) as errors,
      least(sum(r.bytes_sent), most_bytes) as bytes_sent,
      least(sum(r.bytes_received), most_bytes) as bytes_received
    from unnest(raised) as r
    where r.counts and r.occurred_at >= first_at
    group by 1, 2, 3, 4
  ),
  owned as materialized (
    select
      b.*, k.user_id,
      case when k.live_mode then b.bytes_sent + b.bytes_received else 0 end as billed_bytes
    from by_key as b
    join proxy_private.proxy_keys as k on k.id = b.api_key_id
  ),
  by_subject as materialized (
    select
      o.api_key_id as subject, o.day, o.host, o.site_length, o.requests, o.errors, o.bytes_sent,
      o.bytes_received, o.billed_bytes
    from owned as o
    union all
    select
      o.user_id, o.day, o.host, o.site_length, sum(o.requests), sum(o.errors),
      least(sum(o.bytes_sent), most_bytes), least(sum(o.bytes_received), most_bytes),
      least(sum(o.billed_bytes), most_bytes)
    from owned as o
    where o.user_id is not null
    group by o.user_id, o.day, o.host, o.site_length
  )
  select array_agg(
    (
      s.subject, s.day,
      case
        when exists (
          select from proxy_private.proxy_usage_targets as t
          where t.subject = s.subject and t.day = s.day and t.kind = 0 and t.name = s.host
          offset 0
        ) then 0
        -- a full day stays full, so nothing needs a lock
        else (
          select
            case
              when d.hosts < most then null
              when s.site_length is null then 2
              when exists (
                select from proxy_private.proxy_usage_targets as t
                where t.subject = s.subject and t.day = s.day and t.kind = 1
                  and t.name = right(s.host, s.site_length)
                offset 0
              ) then 1
              when d.sites = most then 2
            end
          from proxy_private.proxy_usage_target_days as d
          where d.subject = s.subject and d.day = s.day
        )
      end,
      s.host, s.site_length, s.requests, s.errors, s.bytes_sent, s.bytes_received, s.billed_bytes
    )::proxy_private.target_use
  )
  into used
  from by_subject as s
  where (s.requests, s.errors, s.bytes_sent, s.bytes_received) <> (0, 0, 0, 0);

  if used is not null then
    perform proxy_private.add_target_uses(used);
  end if;
end
$$;
comment on function proxy_private.raise_target_rollups is
  'Raises the rollups by target for each key and its user, on the days that are kept.';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on table
  proxy_private.proxy_usage_targets, proxy_private.proxy_usage_target_days
from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.first_kept_target_day, proxy_private.is_target_error, proxy_private.place_targets,
  proxy_private.add_target_uses, proxy_private.raise_target_rollups
from public, anon, authenticated, service_role;
-- readers need the first day that is kept
grant execute on function proxy_private.first_kept_target_day to authenticated;


-- 0540_outcome_rollups.sql

-- Rollups by outcome: how requests ended in each hour, including refusals, for each key and for all
-- keys of a user.

create table proxy_private.outcomes (
  outcome text primary key,
  kind text not null,
  how_to_fix text,
  constraint "an outcome is snake case" check (outcome ~ '^[a-z]+(_[a-z]+)*$'),
  constraint "an outcome is served, refused or failed" check (kind in ('ok', 'refused', 'failed')),
  constraint "what was not served can be fixed" check ((kind = 'ok') = (how_to_fix is null))
);
comment on table proxy_private.outcomes is
  'Every possible outcome of a request with a key in service: ok, the code of a refusal or '
  'failure, or other for a code that is not listed.';
comment on column proxy_private.outcomes.how_to_fix is 'What the developer can do about it.';
alter table proxy_private.outcomes enable row level security;

insert into proxy_private.outcomes (kind, outcome, how_to_fix) values
  ('ok', 'ok', null),
  (
    'failed', 'target_unreachable',
    'Check that the host exists and accepts connections on this port. If it does, it may block the '
      'addresses of the gateway.'
  ),
  (
    'failed', 'target_timeout',
    'The target did not accept a connection within 15 seconds: try again later, and less often.'
  ),
  (
    'failed', 'target_response_invalid',
    'The target did not answer with valid HTTP: check the port, and use CONNECT if it speaks TLS.'
  ),
  (
    'failed', 'client_closed_request',
    'Your client closed the connection before the gateway answered: set its timeout to more than '
      '15 seconds.'
  ),
  (
    'refused', 'malformed_request',
    'Send CONNECT host:port or an absolute http:// URL, with a valid host name or address.'
  ),
  (
    'refused', 'quota_exceeded',
    'The bandwidth of this key is used up: wait for the next month, use another key of your '
      'account, or ask the operator for more.'
  ),
  (
    'refused', 'account_quota_exceeded',
    'The bandwidth of all your keys of this tier is used up: wait for the next month, or ask the '
      'operator for more.'
  ),
  ('refused', 'port_forbidden', 'Connect to port 80, 443, 8080 or 8443.'),
  (
    'refused', 'target_forbidden',
    'Connect to a public address: private, loopback and link-local addresses are always refused.'
  ),
  (
    'refused', 'address_forbidden',
    'Connect from an address that the key allows, or add yours to its allowed ranges.'
  ),
  (
    'refused', 'rate_limited',
    'Start fewer requests per second, wait for the time in Retry-After, or use a tier with a '
      'higher rate limit.'
  ),
  (
    'refused', 'tunnel_limit_reached',
    'Close tunnels that you no longer use, and reuse open ones.'
  ),
  ('refused', 'internal', 'Try again. If it happens again, send the request id to the operator.'),
  ('refused', 'unavailable', 'Wait for the time in Retry-After, then try again.'),
  ('refused', 'other', 'Look at the code in the events.');


create table proxy_private.proxy_usage_outcomes (
  subject uuid not null,
  hour timestamptz not null,
  requests bigint not null,
  bytes_sent bigint not null,
  bytes_received bigint not null,
  billed_bytes bigint not null,
  outcome text collate "C" not null,
  primary key (subject, hour, outcome)
) with (fillfactor = 70);
comment on table proxy_private.proxy_usage_outcomes is
  'Requests per hour (UTC) and outcome, for each key and for all keys of a user. Every event adds '
  'to it: refusals count as requests here.';
comment on column proxy_private.proxy_usage_outcomes.subject is
  'The id of a key or of a user. Both are random, so they do not collide.';
comment on column proxy_private.proxy_usage_outcomes.billed_bytes is
  'The part of the bytes sent and received that live keys moved.';
comment on column proxy_private.proxy_usage_outcomes.outcome is 'A row of proxy_private.outcomes.';
alter table proxy_private.proxy_usage_outcomes enable row level security;
-- finds old rows; hours arrive in order, so the index is tiny
create index proxy_usage_outcomes_hour on proxy_private.proxy_usage_outcomes using brin (hour);


create function proxy_private.outcome_of(code text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return case
    when outcome_of.code is null then 'ok'
    when exists (
      select from proxy_private.outcomes as o where o.outcome = outcome_of.code and o.kind <> 'ok'
    ) then outcome_of.code
    else 'other'
  end;
end
$$;
comment on function proxy_private.outcome_of is
  'The outcome of an event with this code. An unknown code becomes other, so that the number of '
  'rows stays bounded.';

create function proxy_private.raise_outcome_rollups(raised proxy_private.raised_usage[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  most_bytes constant bigint := 9007199254740991;
  first_at constant timestamptz := proxy_private.first_kept_target_day();
begin
  with by_code as materialized (
    select
      c.api_key_id, date_trunc('hour', c.occurred_at) as hour, c.code,
      sum(c.requests) as requests, sum(c.bytes_sent) as bytes_sent,
      sum(c.bytes_received) as bytes_received
    from (
      -- if the row's code changed, everything moves to the new code, else only the difference
      -- counts
      select
        r.api_key_id, r.occurred_at, r.code,
        r.count - case when m.moved then 0 else r.count_before end as requests,
        r.bytes_sent + case when m.moved then r.sent_before else 0 end as bytes_sent,
        r.bytes_received + case when m.moved then r.received_before else 0 end as bytes_received
      from unnest(raised) as r
      cross join lateral (select r.code is distinct from r.code_before as moved) as m
      union all
      select
        r.api_key_id, r.occurred_at, r.code_before,
        -r.count_before, -r.sent_before, -r.received_before
      from unnest(raised) as r
      where r.code is distinct from r.code_before
        and (r.count_before, r.sent_before, r.received_before) <> (0, 0, 0)
    ) as c
    where c.occurred_at >= first_at
    group by 1, 2, 3
  ),
  by_key as materialized (
    select
      b.api_key_id, b.hour,
      case when b.code is null then 'ok' else proxy_private.outcome_of(b.code) end collate "C" as outcome,
      least(sum(b.requests), most_bytes) as requests,
      least(sum(b.bytes_sent), most_bytes) as bytes_sent,
      least(sum(b.bytes_received), most_bytes) as bytes_received
    from by_code as b
    where (b.requests, b.bytes_sent, b.bytes_received) <> (0, 0, 0)
    group by 1, 2, 3
  ),
  owned as materialized (
    select
      b.*, k.user_id,
      case when k.live_mode then least(b.bytes_sent + b.bytes_received, most_bytes) else 0 end
        as billed_bytes
    from by_key as b
    join proxy_private.proxy_keys as k on k.id = b.api_key_id
  )
  insert into proxy_private.proxy_usage_outcomes as o (
    subject, hour, outcome, requests, bytes_sent, bytes_received, billed_bytes
  )
  select s.* from (
    select
      w.api_key_id, w.hour, w.outcome, w.requests, w.bytes_sent, w.bytes_received, w.billed_bytes
    from owned as w
    union all
    select
      w.user_id, w.hour, w.outcome, sum(w.requests), least(sum(w.bytes_sent), most_bytes),
      least(sum(w.bytes_received), most_bytes), least(sum(w.billed_bytes), most_bytes)
    from owned as w
    where w.user_id is not null
    group by 1, 2, 3
  ) as s (subject, hour, outcome, requests, bytes_sent, bytes_received, billed_bytes)
  order by s.subject, s.hour, s.outcome
  on conflict (subject, hour, outcome) do update set
    requests = greatest(o.requests + excluded.requests, 0),
    bytes_sent = greatest(least(o.bytes_sent + excluded.bytes_sent, most_bytes), 0),
    bytes_received = greatest(least(o.bytes_received + excluded.bytes_received, most_bytes), 0),
    billed_bytes = greatest(least(o.billed_bytes + excluded.billed_bytes, most_bytes), 0);
end
$$;
comment on function proxy_private.raise_outcome_rollups is
  'Raises the rollups by outcome for each key and its user, in the hours that are kept. If the '
  'code of a row has changed, its usage moves to the new outcome.';


-- Default privileges may grant too much: revoke all.
revoke all on table
  proxy_private.outcomes, proxy_private.proxy_usage_outcomes
from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.outcome_of, proxy_private.raise_outcome_rollups
from public, anon, authenticated, service_role;


-- 0550_paging.sql

-- Paging: how lists are split into pages, and how arguments that name a position or a time are
-- read.

create type public.proxy_page as (items json, next_cursor text);
comment on type public.proxy_page is
  'A page of a list, and the cursor of the next page; null on the last page.';


-- A cursor is the position of a page's last row, not an offset, so rows that are inserted meanwhile
-- shift nothing. 24 bytes are 32 characters of base64url, without padding.
create function proxy_private.encode_place(rank bigint, id uuid) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return translate(
    encode(int8send(encode_place.rank) || uuid_send(encode_place.id), 'base64'), '+/', '-_'
  );
end
$$;
comment on function proxy_private.encode_place is
  'The opaque cursor of a position in a list that is sorted by a number and an id: 8 bytes of the '
  'number and 16 of the id, in base64url.';

create function proxy_private.decode_place(cursor text, most bigint, out rank bigint, out id uuid)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  bytes bytea;
begin
  if octet_length(decode_place.cursor) <> 32 or decode_place.cursor !~ '^[A-Za-z0-9_-]+$' then
    perform proxy_private.refuse('invalid_request', 'cursor');
  end if;
  bytes := decode(translate(decode_place.cursor, '-_', '+/'), 'base64');
  rank := ('x' || encode(substring(bytes from 1 for 8), 'hex'))::bit(64)::bigint;
  if rank not between 0 and decode_place.most then
    perform proxy_private.refuse('invalid_request', 'cursor');
  end if;
  id := encode(substring(bytes from 9 for 16), 'hex')::uuid;
end
$$;
comment on function proxy_private.decode_place is
  'The position that a cursor encodes; null for null. Refuses (invalid_request) anything that '
  'encode_place cannot return for a number from 0 to `most`.';


-- Times until 2100 leave bits free. One of them marks a list that continues with deleted keys only.
create function proxy_private.encode_cursor(
  moment timestamptz, id uuid, only_deleted boolean default false
) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.encode_place(
    (extract(epoch from encode_cursor.moment) * 1000000)::bigint
      | case when encode_cursor.only_deleted then 1::bigint << 60 else 0 end,
    encode_cursor.id
  );
end
$$;
comment on function proxy_private.encode_cursor is
  'The opaque cursor of a position in a list that is sorted by a time, in microseconds since 1970, '
  'and an id. only_deleted: the list continues with deleted keys only.';


create function proxy_private.decode_cursor(
  cursor text,
  of_keys boolean default false,
  out moment timestamptz,
  out id uuid,
  out only_deleted boolean
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  deleted_mark constant bigint := 1::bigint << 60;
  -- the year 2100: a forged cursor must not exceed the range of a time
  most_microseconds constant bigint := 4102444800000000;
  place record;
begin
  only_deleted := false;
  if decode_cursor.cursor is null then
    moment := 'infinity';
    id := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    return;
  end if;
  place := proxy_private.decode_place(
    decode_cursor.cursor,
    case when decode_cursor.of_keys then deleted_mark else 0 end + most_microseconds
  );
  if place.rank >= deleted_mark then
    only_deleted := true;
    place.rank := place.rank - deleted_mark;
  end if;
  if place.rank > most_microseconds then
    perform proxy_private.refuse('invalid_request', 'cursor');
  end if;
  moment := timestamptz 'epoch' + place.rank * interval '1 microsecond';
  id := place.id;
end
$$;
comment on function proxy_private.decode_cursor is
  'The position that a cursor encodes; for null, the one before the first row. only_deleted can be '
  'true only for a list of_keys. Refuses (invalid_request) anything that encode_cursor cannot '
  'return.';


create function proxy_private.make_page(items jsonb, most integer, moment text, id text)
returns public.proxy_page
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  last_item jsonb := make_page.items -> (make_page.most - 1);
begin
  if jsonb_array_length(make_page.items) > make_page.most then
    return (
      (make_page.items - make_page.most)::json,
      proxy_private.encode_cursor(
        (last_item ->> make_page.moment)::timestamptz, (last_item ->> make_page.id)::uuid
      )
    )::public.proxy_page;
  end if;
  return (coalesce(make_page.items, '[]')::json, null)::public.proxy_page;
end
$$;
comment on function proxy_private.make_page is
  'A page of `most` items, or of all items for null. One more item in `items` shows that another '
  'page follows. `moment` and `id` name the fields that the list is sorted by.';


create function proxy_private.require_limit("limit" integer) returns integer
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if require_limit."limit" not between 1 and 200 then
    perform proxy_private.refuse('invalid_request', 'limit');
  end if;
  return require_limit."limit";
end
$$;
comment on function proxy_private.require_limit is
  'The number of rows of a page, or null for all. Refuses (invalid_request) a number outside 1 to '
  '200.';


create function proxy_private.require_tier(tier text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if require_tier.tier is not null and not exists (
    select from public.proxy_tiers as t where t.tier = require_tier.tier
  ) then
    perform proxy_private.refuse('invalid_request', 'tier');
  end if;
  return require_tier.tier;
end
$$;
comment on function proxy_private.require_tier is
  'The tier, or null. Refuses (invalid_request) a tier that does not exist.';


-- Requires a full RFC 3339 time: Postgres would also accept 'tomorrow', and a time without its zone
-- is ambiguous.
create function proxy_private.require_time(value text, name text) returns timestamptz
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  moment timestamptz;
begin
  if require_time.value is null then
    return null;
  end if;
  -- check the size first
  if octet_length(require_time.value) > 40 then
    perform proxy_private.refuse('invalid_request', require_time.name);
  end if;
  if require_time.value
      !~ '^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d{2}:\d{2})$'
    or not pg_input_is_valid(require_time.value, 'timestamptz')
  then
    perform proxy_private.refuse('invalid_request', require_time.name);
  end if;
  moment := require_time.value::timestamptz;
  if moment not between timestamptz '2000-01-01 00:00Z' and timestamptz '2100-01-01 00:00Z' then
    perform proxy_private.refuse('invalid_request', require_time.name);
  end if;
  return moment;
end
$$;
comment on function proxy_private.require_time is
  'The RFC 3339 time in the argument `name`, or null. Refuses (invalid_request) any other text, '
  'and a time outside this century.';


create function proxy_private.require_period(period text) returns date
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  this_month date := date_trunc('month', now() at time zone 'UTC')::date;
  month date;
begin
  if require_period.period is null then
    return this_month;
  end if;
  if octet_length(require_period.period) <> 7 then
    perform proxy_private.refuse('invalid_request', 'period');
  end if;
  if require_period.period !~ '^\d{4}-(0[1-9]|1[0-2])$' or require_period.period < '0001' then
    perform proxy_private.refuse('invalid_request', 'period');
  end if;
  month := (require_period.period || '-01')::date;
  if month > this_month or month < this_month - interval '13 months' then
    perform proxy_private.refuse('invalid_request', 'period');
  end if;
  return month;
end
$$;
comment on function proxy_private.require_period is
  'The first day of a month given as YYYY-MM, or of this month for null. Refuses (invalid_request) '
  'any other text, a future month, and a month more than 13 months back.';


create function proxy_private.key_state_names() returns text[]
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return array['active', 'quota_used_up', 'suspended', 'expired', 'owner_barred', 'deleted'];
end
$$;
comment on function proxy_private.key_state_names is
  'Every state of a key, as in proxy_private.key_summaries.';

create type proxy_private.key_filter as (
  active boolean, tier text, live_mode boolean, label text, search text, states text[]
);
comment on type proxy_private.key_filter is
  'Which keys to list; a null field matches any key. `label` is what the label must contain, '
  '`search` what the label or keyId must contain, both in lower case.';

create function proxy_private.read_key_filter(
  active boolean, tier text, live_mode boolean, label text, state text default null,
  search text default null
) returns proxy_private.key_filter
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  states constant text[] := proxy_private.key_state_names();
begin
  perform proxy_private.require_size(octet_length(read_key_filter.label), 'label');
  perform proxy_private.require_size(octet_length(read_key_filter.search), 'search');
  if read_key_filter.state <> all (states || 'undeleted'::text) then
    perform proxy_private.refuse('invalid_request', 'state');
  end if;
  return (
    read_key_filter.active, proxy_private.require_tier(read_key_filter.tier), read_key_filter.live_mode,
    lower(read_key_filter.label), lower(read_key_filter.search),
    case when read_key_filter.state = 'undeleted' then array_remove(states, 'deleted')
      when read_key_filter.state is not null then array[read_key_filter.state] end
  )::proxy_private.key_filter;
end
$$;
comment on function proxy_private.read_key_filter is
  'The filter that these arguments describe. Refuses (invalid_request) an unknown tier or state, '
  'and a label or search of more than 16,384 bytes.';


-- Takes columns, not the row: a scan can then skip a key before it looks up the key's usage, which
-- only the state needs.
create function proxy_private.fits_filter(
  active boolean, tier text, live_mode boolean, label text, key_id text, filter proxy_private.key_filter
) returns boolean
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (filter.active is null or fits_filter.active = filter.active)
    and (filter.tier is null or fits_filter.tier = filter.tier)
    and (filter.live_mode is null or fits_filter.live_mode = filter.live_mode)
    and (filter.label is null or strpos(lower(fits_filter.label), filter.label) > 0)
    and (
      filter.search is null or strpos(lower(fits_filter.label), filter.search) > 0
      or strpos(fits_filter.key_id, filter.search) > 0
    );
end
$$;
comment on function proxy_private.fits_filter is
  'Whether a key with these columns matches the filter, apart from its state.';


-- SECURITY DEFINER: callers may not read tables.
create function proxy_private.find_own_key(reference text, out id uuid, out live_mode boolean)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_user();
  named_id uuid := proxy_private.resolve_key(find_own_key.reference);
begin
  select k.id, k.live_mode into id, live_mode
  from proxy_private.proxy_keys as k where k.id = named_id and k.user_id = owner_id;
  if not found then
    perform proxy_private.refuse('not_found');
  end if;
end
$$;
comment on function proxy_private.find_own_key is
  'The id and mode of the caller''s key that a uuid or keyId names. Refuses (not_found) any other '
  'key, including those of other users.';


-- SECURITY DEFINER: callers may not read accounts.
create function proxy_private.require_reader(as_admin boolean) returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return case when require_reader.as_admin then proxy_private.require_admin() else proxy_private.require_user() end;
end
$$;
comment on function proxy_private.require_reader is
  'The caller''s id. Refuses a caller who is not a user (unauthorized) or, with as_admin, not an '
  'admin (forbidden).';


-- SECURITY DEFINER: callers may not read tables.
create function proxy_private.find_read_key(
  reference text, as_admin boolean, out id uuid, out live_mode boolean
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  named_id uuid;
begin
  if as_admin is not true then
    select k.id, k.live_mode into id, live_mode
    from proxy_private.find_own_key(find_read_key.reference) as k;
    return;
  end if;
  perform proxy_private.require_admin();
  named_id := proxy_private.resolve_key(find_read_key.reference);
  select k.id, k.live_mode into id, live_mode from proxy_private.proxy_keys as k where k.id = named_id;
  if not found then
    perform proxy_private.refuse('not_found');
  end if;
end
$$;
comment on function proxy_private.find_read_key is
  'Like proxy_private.find_own_key; with as_admin, finds the key of any user, for admins only.';


insert into proxy_private.argument_rules (argument, rule) values
  ('as_admin', 'Valid only for a single key: name the key.'),
  ('cursor', 'Not a valid cursor: start without one.'),
  ('limit', 'A whole number from 1 to 200.'),
  ('tier', 'No such tier exists.'),
  (
    'state',
    'One of active, quota_used_up, suspended, expired, owner_barred and deleted, or undeleted for '
      'all except deleted.'
  ),
  ('period', 'A month as YYYY-MM: this month or up to 13 back, without `from` and `to`.');


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on function
  proxy_private.encode_place, proxy_private.decode_place, proxy_private.encode_cursor, proxy_private.decode_cursor,
  proxy_private.make_page, proxy_private.require_limit,
  proxy_private.require_tier, proxy_private.require_time, proxy_private.require_period,
  proxy_private.key_state_names, proxy_private.read_key_filter, proxy_private.fits_filter, proxy_private.find_own_key,
  proxy_private.require_reader, proxy_private.find_read_key
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.encode_place, proxy_private.decode_place, proxy_private.encode_cursor, proxy_private.decode_cursor,
  proxy_private.make_page, proxy_private.require_limit,
  proxy_private.require_tier, proxy_private.require_time, proxy_private.require_period, proxy_private.find_own_key,
  proxy_private.require_reader, proxy_private.find_read_key
to authenticated;


-- 0600_reading.sql

-- Reading: keys, as the dashboard and the API show them.

create view proxy_private.key_summaries with (security_invoker = true) as
select
  k.id,
  k.key_id,
  k.user_id,
  k.label,
  k.tier,
  k.live_mode,
  u.used_bytes as bandwidth_used_this_period_bytes,
  k.bandwidth_limit_bytes,
  k.rate_limit,
  k.tunnel_limit,
  k.limit_overrides,
  k.active,
  k.allowed_ips::text[] as allowed_ips,
  m.last_used_at,
  k.created_at,
  k.rotated_at,
  case when k.grace_ends_at > now() then k.grace_ends_at end as grace_ends_at,
  k.expires_at,
  k.suspended_at,
  k.suspended_reason,
  k.deleted_at,
  s.state,
  case when s.state = 'quota_used_up'
    then case when u.used_bytes >= k.bandwidth_limit_bytes then 'key' else 'account' end
  end as quota_used_up_by
from proxy_private.key_states as k
-- the newest month serves both columns: this period's bytes if it is this month, and the last use
left join lateral (
  select u.month, u.bytes_sent, u.bytes_received, u.last_used_at
  from proxy_private.proxy_usage_monthly as u
  where u.api_key_id = k.id and u.month <= date_trunc('month', now() at time zone 'UTC')::date
  order by u.month desc
  limit 1
) as m on true
cross join lateral (
  select
    case when m.month = date_trunc('month', now() at time zone 'UTC')::date
      -- the largest integer that a JSON number holds exactly
      then least(m.bytes_sent + m.bytes_received, 9007199254740991)
      else 0
    end as used_bytes
) as u
-- in the order of the gateway's own checks; proxy_private.key_state_names() lists all states
cross join lateral (
  select
    case
      when k.deleted_at is not null then 'deleted'
      when k.suspended_at is not null then 'suspended'
      when k.expires_at <= now() then 'expired'
      when not k.active then 'owner_barred'
      when u.used_bytes >= k.bandwidth_limit_bytes then 'quota_used_up'
      when coalesce(
        (
          select a.bytes_sent + a.bytes_received
          from proxy_private.proxy_account_monthly as a
          where a.user_id = k.user_id and a.month = date_trunc('month', now() at time zone 'UTC')::date
            and a.tier = k.tier and a.live_mode = k.live_mode
        ),
        0
      ) >= k.account_limit_bytes then 'quota_used_up'
      else 'active'
    end as state
  -- computed once for the two columns that use it
  offset 0
) as s;
comment on view proxy_private.key_summaries is
  'All users'' keys with their limits, state and usage in the current calendar month (UTC), '
  'without secrets or hashes. state: how the gateway treats the key now. quota_used_up_by: `key` '
  'if the key''s own quota is used up, `account` if it is the quota that all keys of its user, '
  'tier and mode share.';


-- Default privileges may grant too much: revoke all.
revoke all on table proxy_private.key_summaries from public, anon, authenticated, service_role;


-- 0602_sorting_keys.sql

-- Sorting keys: how a list may be sorted, and the positions in it that cursors encode.

-- Sorts numbers by their value ("crawler 9" before "crawler 10"), regardless of case.
create collation proxy_private.by_label (provider = icu, locale = 'und-u-kn-true');
comment on collation proxy_private.by_label is 'The order of labels in a sorted list.';


create type proxy_private.key_order as (sorted_by text, descending boolean);
comment on type proxy_private.key_order is 'What keys are sorted by.';

create function proxy_private.read_key_order(sort text) returns proxy_private.key_order
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  wanted proxy_private.key_order;
begin
  wanted.sorted_by := coalesce(ltrim(left(read_key_order.sort, 1), '-') || substr(read_key_order.sort, 2), 'created_at');
  wanted.descending := coalesce(starts_with(read_key_order.sort, '-'), true);
  if wanted.sorted_by not in ('created_at', 'label', 'last_used_at', 'used') then
    perform proxy_private.refuse('invalid_request', 'sort');
  end if;
  return wanted;
end
$$;
comment on function proxy_private.read_key_order is
  'The order that the argument `sort` names, newest first for null. Refuses (invalid_request) any '
  'other value.';


create type proxy_private.key_place as (rank bigint, name text, id uuid);
comment on type proxy_private.key_place is
  'The position of a key in a sorted list. Depending on the sort, either rank or name is the same '
  'for all keys. A key that was never used comes before all that were.';

create function proxy_private.place_of(sorted_by text, key proxy_private.key_summaries) returns proxy_private.key_place
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    case place_of.sorted_by
      when 'created_at' then (extract(epoch from key.created_at) * 1000000)::bigint
      when 'last_used_at' then coalesce((extract(epoch from key.last_used_at) * 1000000)::bigint, -1)
      when 'used' then key.bandwidth_used_this_period_bytes
      else 0
    end,
    case when place_of.sorted_by = 'label' then key.label else '' end,
    key.id
  )::proxy_private.key_place;
end
$$;
comment on function proxy_private.place_of is
  'The position of a key in a list that is sorted by `sorted_by`.';


create function proxy_private.encode_key_cursor(key_order proxy_private.key_order, place proxy_private.key_place) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return rtrim(
    translate(
      encode(
        convert_to(
          json_build_array(
            key_order.sorted_by, key_order.descending, place.rank::text, place.name, place.id
          )::text,
          'UTF8'
        ),
        'base64'
      ),
      E'+/\n', '-_'
    ),
    '='
  );
end
$$;
comment on function proxy_private.encode_key_cursor is
  'The opaque cursor of a position in a list of this order: JSON in base64url.';

create function proxy_private.decode_key_cursor(key_order proxy_private.key_order, cursor text) returns proxy_private.key_place
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  named jsonb;
  place proxy_private.key_place;
begin
  if octet_length(decode_key_cursor.cursor) > 1000
    or decode_key_cursor.cursor !~ '^[A-Za-z0-9_-]+$'
  then
    perform proxy_private.refuse('invalid_request', 'cursor');
  end if;
  begin
    named := convert_from(
      decode(
        rpad(
          translate(decode_key_cursor.cursor, '-_', '+/'),
          (octet_length(decode_key_cursor.cursor) + 3) / 4 * 4, '='
        ),
        'base64'
      ),
      'UTF8'
    );
    place := (named ->> 2, named ->> 3, named ->> 4)::proxy_private.key_place;
  exception when data_exception then
    place := null;
  end;
  if (named ->> 0, named ->> 1) is distinct from (key_order.sorted_by, key_order.descending::text)
    or place.rank between -1 and 9007199254740991 is not true or place.name is null or place.id is null
  then
    perform proxy_private.refuse('invalid_request', 'cursor');
  end if;
  return place;
end
$$;
comment on function proxy_private.decode_key_cursor is
  'The position that a cursor of this order encodes. Refuses (invalid_request) a cursor of another '
  'order, and anything that encode_key_cursor cannot return.';


create function proxy_private.sort_keys(
  keys proxy_private.key_summaries[],
  key_order proxy_private.key_order,
  after proxy_private.key_place,
  most integer
) returns proxy_private.key_summaries[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return array(
    with placed as materialized (
      select k::proxy_private.key_summaries as key, proxy_private.place_of(key_order.sorted_by, k) as place
      from unnest(sort_keys.keys) as k
    ),
    -- descending is the same order, numbered from its end
    numbered as (
      select
        p.*,
        row_number() over (
          order by (p.place).rank, (p.place).name collate proxy_private.by_label, (p.place).id
        ) * case when key_order.descending then -1 else 1 end as number
      from placed as p
      where after is null or case when key_order.descending
        then ((p.place).rank, (p.place).name collate proxy_private.by_label, (p.place).id)
          < (after.rank, after.name collate proxy_private.by_label, after.id)
        else ((p.place).rank, (p.place).name collate proxy_private.by_label, (p.place).id)
          > (after.rank, after.name collate proxy_private.by_label, after.id)
      end
    )
    select n.key from numbered as n order by n.number limit most
  );
end
$$;
comment on function proxy_private.sort_keys is
  'The first `most` of these keys (all for null) in an order, starting after a position.';


-- Default privileges may grant too much: revoke all.
revoke all on function
  proxy_private.read_key_order, proxy_private.place_of, proxy_private.encode_key_cursor, proxy_private.decode_key_cursor,
  proxy_private.sort_keys
from public, anon, authenticated, service_role;


-- 0604_selecting_keys.sql

-- Selecting keys: the queries behind lists of keys.

-- One query per case, with the index that suits it and a cached plan: planning takes longer than
-- reading a page.
create function proxy_private.newest_keys(
  one_key uuid,
  owner_id uuid,
  only_deleted boolean,
  filter proxy_private.key_filter,
  moment timestamptz,
  id uuid,
  most integer
) returns proxy_private.key_summaries[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
-- reads in index order: the planner expects few keys per owner, and would sort them all
set enable_sort = off
as $$
begin
  if one_key is not null then
    return array(
      select s from proxy_private.key_summaries as s
      where s.id = one_key
        and (newest_keys.owner_id is null or s.user_id = newest_keys.owner_id)
        and (s.created_at, s.id) < (newest_keys.moment, newest_keys.id)
        and (
          filter is null
          or proxy_private.fits_filter(s.active, s.tier, s.live_mode, s.label, s.key_id, filter)
        )
    );
  end if;
  if owner_id is not null then
    return array(
      select s from proxy_private.key_summaries as s
      where s.user_id = newest_keys.owner_id
        and (not only_deleted or s.deleted_at is not null)
        and (s.created_at, s.id) < (newest_keys.moment, newest_keys.id)
        and (
          filter is null
          or proxy_private.fits_filter(s.active, s.tier, s.live_mode, s.label, s.key_id, filter)
        )
      order by s.created_at desc, s.id desc
      limit most
    );
  end if;
  return array(
    select s from proxy_private.key_summaries as s
    where (s.created_at, s.id) < (newest_keys.moment, newest_keys.id)
      and (
        filter is null
        or proxy_private.fits_filter(s.active, s.tier, s.live_mode, s.label, s.key_id, filter)
      )
    order by s.created_at desc, s.id desc
    limit most
  );
end
$$;
comment on function proxy_private.newest_keys is
  'Up to `most` keys that match the filter apart from their state, newest first, starting after a '
  'position. Reads one key, the keys of an owner (or only the deleted ones), or those of all '
  'users.';


create function proxy_private.oldest_keys(
  owner_id uuid,
  only_deleted boolean,
  filter proxy_private.key_filter,
  after proxy_private.key_place,
  most integer
) returns proxy_private.key_summaries[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_sort = off
as $$
declare
  after_at constant timestamptz :=
    coalesce(timestamptz 'epoch' + after.rank * interval '1 microsecond', '-infinity');
  after_id constant uuid := coalesce(after.id, '00000000-0000-0000-0000-000000000000');
begin
  return array(
    select s from proxy_private.key_summaries as s
    where s.user_id = oldest_keys.owner_id
      and (not only_deleted or s.deleted_at is not null)
      and (s.created_at, s.id) > (after_at, after_id)
      and proxy_private.fits_filter(s.active, s.tier, s.live_mode, s.label, s.key_id, filter)
    order by s.created_at, s.id
    limit most
  );
end
$$;
comment on function proxy_private.oldest_keys is
  'Like newest_keys, but oldest first, and only for an owner.';


-- A tier allows a hundred undeleted keys, so any order and any filter by state is computed over all
-- of them.
create function proxy_private.undeleted_keys(
  owner_id uuid, filter proxy_private.key_filter, moment timestamptz, id uuid
) returns proxy_private.key_summaries[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
  return array(
    select u.key
    from public.proxy_tiers as t
    -- one lookup per tier: the index of undeleted keys starts with the tier
    cross join lateral (
      select s as key
      from proxy_private.key_summaries as s
      where s.user_id = undeleted_keys.owner_id
        and s.deleted_at is null
        and s.tier = t.tier
        and (
          filter is null
          or proxy_private.fits_filter(s.active, s.tier, s.live_mode, s.label, s.key_id, filter)
        )
        and (filter.states is null or s.state = any (filter.states))
      offset 0
    ) as u
    where ((u.key).created_at, (u.key).id) < (undeleted_keys.moment, undeleted_keys.id)
  );
end
$$;
comment on function proxy_private.undeleted_keys is
  'The owner''s undeleted keys that match the filter and were created before a position, in no '
  'particular order.';


-- Default privileges may grant too much: revoke all.
revoke all on function
  proxy_private.newest_keys, proxy_private.oldest_keys, proxy_private.undeleted_keys
from public, anon, authenticated, service_role;


-- 0606_listing_keys.sql

-- Listing keys: a user's keys in pages, filtered and sorted, as the dashboard and the API show
-- them.

-- An index provides the order by age. A list in any other order, or of any state except deleted, is
-- computed from the undeleted keys, of which a tier allows a hundred, and the newest deleted ones,
-- up to 2,000 in all.
create function proxy_private.sorted_keys(
  owner_id uuid, filter proxy_private.key_filter, key_order proxy_private.key_order, after proxy_private.key_place, most integer
) returns proxy_private.key_summaries[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  last_id constant uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  keys proxy_private.key_summaries[] := '{}';
begin
  if filter.states is distinct from array['deleted'] then
    keys := proxy_private.undeleted_keys(sorted_keys.owner_id, filter, 'infinity', last_id);
  end if;
  if filter.states is null or filter.states = array['deleted'] then
    keys := keys || proxy_private.newest_keys(
      null, sorted_keys.owner_id, true, filter, 'infinity', last_id,
      greatest(2000 - cardinality(keys), 0)
    );
  end if;
  return proxy_private.sort_keys(keys, sorted_keys.key_order, sorted_keys.after, sorted_keys.most);
end
$$;
comment on function proxy_private.sorted_keys is
  'The first `most` (all for null) of an owner''s keys that match the filter, starting after a '
  'position.';


-- Without a limit, returns all undeleted keys, and deleted ones up to 2,000 in all; the cursor
-- leads to the rest. SECURITY DEFINER: callers may not read tables. Each query therefore checks the
-- owner.
create function proxy_private.page_of_keys(
  "limit" integer,
  cursor text,
  active boolean,
  tier text,
  live_mode boolean,
  label text,
  state text default null,
  search text default null,
  sort text default null,
  out keys proxy_private.key_summaries[],
  out next_cursor text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id constant uuid := proxy_private.require_user();
  key_order constant proxy_private.key_order := proxy_private.read_key_order(page_of_keys.sort);
  newest_first constant boolean := key_order.sorted_by = 'created_at' and key_order.descending;
  place record := proxy_private.decode_cursor(case when newest_first then page_of_keys.cursor end, true);
  after proxy_private.key_place;
  most integer;
  filter proxy_private.key_filter;
  only_deleted boolean;
  undeleted proxy_private.key_summaries[] := '{}';
  last_key proxy_private.key_summaries;
begin
  if not newest_first and page_of_keys.cursor is not null then
    after := proxy_private.decode_key_cursor(key_order, page_of_keys.cursor);
  end if;
  most := proxy_private.require_limit(page_of_keys."limit");
  filter := proxy_private.read_key_filter(
    page_of_keys.active, page_of_keys.tier, page_of_keys.live_mode, page_of_keys.label,
    page_of_keys.state, page_of_keys.search
  );
  only_deleted := coalesce(filter.states = array['deleted'], false);

  -- each query reads one more key, which shows whether another page follows
  if key_order.sorted_by <> 'created_at' or (filter.states is not null and not only_deleted) then
    if newest_first and page_of_keys.cursor is not null then
      after := ((extract(epoch from place.moment) * 1000000)::bigint, '', place.id);
    end if;
    keys := proxy_private.sorted_keys(owner_id, filter, key_order, after, most + 1);
  elsif newest_first then
    if most is null then
      if not place.only_deleted and not only_deleted then
        undeleted := proxy_private.undeleted_keys(owner_id, filter, place.moment, place.id);
      end if;
      -- at least one deleted key, so that the cursor always advances
      most := greatest(2000 - cardinality(undeleted), 1);
      place.only_deleted := true;
    end if;
    keys := proxy_private.newest_keys(
      null, owner_id, only_deleted or place.only_deleted, filter, place.moment, place.id, most + 1
    );
  else
    most := coalesce(most, 2000);
    keys := proxy_private.oldest_keys(owner_id, only_deleted, filter, after, most + 1);
  end if;

  if cardinality(keys) > most then
    keys := keys[:most];
    last_key := keys[most];
    next_cursor := case when newest_first
      then proxy_private.encode_cursor(last_key.created_at, last_key.id, place.only_deleted)
      else proxy_private.encode_key_cursor(key_order, proxy_private.place_of(key_order.sorted_by, last_key))
    end;
  end if;
  if cardinality(undeleted) > 0 then
    keys := array(
      select s from unnest(undeleted || keys) as s order by s.created_at desc, s.id desc
    );
  end if;
end
$$;
comment on function proxy_private.page_of_keys is
  'The caller''s keys from a cursor on, filtered and sorted (newest first for null), and the '
  'cursor of the next page. Without a limit, returns all undeleted keys, and deleted ones up to '
  '2,000 in all. Refusals: unauthorized, invalid_request (detail: the argument).';


-- SECURITY DEFINER with a fixed row estimate: a planned count reveals nothing about the tables, and
-- the REST API finds no relation to embed.
create function proxy_private.own_key_summaries() returns setof proxy_private.key_summaries
language plpgsql stable security definer rows 100
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select k.*
  from proxy_private.page_of_keys(null, null, null, null, null, null) as p, unnest(p.keys) as k;
end
$$;
comment on function proxy_private.own_key_summaries is
  'The keys that public.list_proxy_keys returns without arguments. Refusals: unauthorized.';

create view public.proxy_key_summaries with (security_invoker = true) as
select * from proxy_private.own_key_summaries();
comment on view public.proxy_key_summaries is
  'The caller''s keys with their limits, state and usage in the current calendar month (UTC), as '
  'list_proxy_keys returns them without arguments. Never contains a secret or hash.';

-- Without this trigger, Postgres refuses a write as impossible (55000, an internal error over
-- HTTP); with it, the write is refused as not allowed.
create trigger keep_summaries instead of insert or update or delete on public.proxy_key_summaries
  for each row execute function proxy_private.refuse_change();


-- The REST API silently cuts a table or view at `max_rows`, but not a single json value.
create function public.list_proxy_keys(
  "limit" integer default null,
  cursor text default null,
  active boolean default null,
  tier text default null,
  live_mode boolean default null,
  label text default null,
  state text default null,
  search text default null,
  sort text default null
) returns public.proxy_page
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  page record := proxy_private.page_of_keys(
    list_proxy_keys."limit", list_proxy_keys.cursor, list_proxy_keys.active,
    list_proxy_keys.tier, list_proxy_keys.live_mode, list_proxy_keys.label, list_proxy_keys.state,
    list_proxy_keys.search, list_proxy_keys.sort
  );
begin
  return (to_json(page.keys), page.next_cursor)::public.proxy_page;
end
$$;
comment on function public.list_proxy_keys is
  'The caller''s keys as in proxy_key_summaries: a page of `limit` (1 to 200) from `cursor` on, or '
  'without a limit all undeleted keys, and deleted ones up to 2,000 in all. Filters: active, tier, '
  'live_mode, label (a part of the label, in any case), search (a part of the label or keyId) and '
  'state (undeleted: all except deleted); sort: created_at, label, last_used_at or used (this '
  'month''s bytes), with a leading minus for descending, by default -created_at. Refusals: '
  'unauthorized, invalid_request (detail: the argument).';


-- SECURITY DEFINER: callers may not read tables.
create function proxy_private.own_key_summary(reference text) returns proxy_private.key_summaries
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  found_id uuid := (proxy_private.find_own_key(own_key_summary.reference)).id;
  summary proxy_private.key_summaries;
begin
  select * into summary from proxy_private.key_summaries as s where s.id = found_id;
  return summary;
end
$$;
comment on function proxy_private.own_key_summary is 'Does the work of public.get_proxy_key.';

create function public.get_proxy_key(id text) returns public.proxy_key_summaries
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.own_key_summary(get_proxy_key.id);
end
$$;
comment on function public.get_proxy_key is
  'The caller''s key with this uuid or keyId, even if deleted. Refusals: unauthorized, not_found.';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on table public.proxy_key_summaries from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.sorted_keys, proxy_private.page_of_keys, proxy_private.own_key_summaries, public.list_proxy_keys,
  proxy_private.own_key_summary, public.get_proxy_key
from public, anon, authenticated, service_role;
grant select on table public.proxy_key_summaries to authenticated;
grant execute on function
  proxy_private.page_of_keys, proxy_private.own_key_summaries, public.list_proxy_keys,
  proxy_private.own_key_summary, public.get_proxy_key
to authenticated;


-- 0608_keys_at_a_glance.sql

-- Keys at a glance: how many are in each state, and which of them need attention.

create type public.proxy_key_attention as (has_keys boolean, states json, reasons json, keys json);
comment on type public.proxy_key_attention is
  'A summary of a user''s undeleted keys. states: [{state, keys}], how many keys are in each '
  'state; reasons: [{reason, keys}], why keys need attention, the most pressing reason first, and '
  'how many keys it concerns; keys: the most pressing of these keys, as proxy_key_summaries with '
  'the reason. has_keys: whether the user has any keys, including deleted ones.';

create type proxy_private.pressing_key as (reason text, rank integer, place double precision);
comment on type proxy_private.pressing_key is
  'Why a key needs attention. The most pressing keys have the smallest rank and, within a rank, '
  'the smallest place.';

create function proxy_private.pressing(key proxy_private.key_summaries) returns proxy_private.pressing_key
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  week constant interval := interval '7 days';
  used constant double precision := key.bandwidth_used_this_period_bytes;
begin
  return case
    when key.state = 'quota_used_up' then (key.state, 1, -used)::proxy_private.pressing_key
    when key.state in ('suspended', 'expired') then (
      key.state,
      case when coalesce(key.suspended_at, key.expires_at) >= now() - week then 2 else 5 end,
      -extract(epoch from coalesce(key.suspended_at, key.expires_at))
    )::proxy_private.pressing_key
    when key.state <> 'active' then null
    when used >= 0.8 * key.bandwidth_limit_bytes then
      ('quota_nearly_used_up', 3, -used / key.bandwidth_limit_bytes)::proxy_private.pressing_key
    when key.expires_at <= now() + week then
      ('expires_soon', 4, extract(epoch from key.expires_at))::proxy_private.pressing_key
  end;
end
$$;
comment on function proxy_private.pressing is
  'Why a key needs attention, or null if it does not. Keys that stopped working this month or week '
  'come first, then keys that soon will, then keys that stopped earlier.';


-- SECURITY DEFINER: callers may not read tables.
create function proxy_private.own_key_attention(most integer) returns public.proxy_key_attention
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id constant uuid := proxy_private.require_user();
  most_keys constant integer := proxy_private.require_limit(coalesce(own_key_attention.most, 5));
  undeleted constant proxy_private.key_summaries[] := proxy_private.undeleted_keys(
    owner_id, null, 'infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff'
  );
  answer public.proxy_key_attention;
begin
  answer.has_keys := cardinality(undeleted) > 0
    or exists (select from proxy_private.proxy_keys as k where k.user_id = owner_id);
  select json_agg(json_build_object('state', s.state, 'keys', s.keys) order by s.place) into answer.states
  from (
    select n.state, n.place, count(k.id) as keys
    from unnest(proxy_private.key_state_names()) with ordinality as n (state, place)
    left join unnest(undeleted) as k on k.state = n.state
    where n.state not in ('owner_barred', 'deleted')
    group by n.state, n.place
  ) as s;
  with found as materialized (
    select k::proxy_private.key_summaries as key, p.reason, p.rank, p.place
    from unnest(undeleted) as k
    cross join lateral proxy_private.pressing(k) as p
    where p.reason is not null
  ),
  first as (
    select f.* from found as f order by f.rank, f.place, (f.key).id limit most_keys
  )
  select
    (
      select coalesce(
        json_agg(json_build_object('reason', r.reason, 'keys', r.keys) order by r.rank, r.reason), '[]'
      )
      from (select f.reason, min(f.rank) as rank, count(*) as keys from found as f group by 1) as r
    ),
    (
      select coalesce(json_agg(e order by e.rank, e.place, e.id), '[]')
      from (select (f.key).*, f.reason, f.rank, f.place from first as f) as e
    )
  into answer.reasons, answer.keys;
  return answer;
end
$$;
comment on function proxy_private.own_key_attention is
  'Does the work of public.proxy_key_attention.';

create function public.proxy_key_attention("limit" integer default 5)
returns public.proxy_key_attention
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.own_key_attention(proxy_key_attention."limit");
end
$$;
comment on function public.proxy_key_attention is
  'The caller''s keys at a glance: how many are in each state, how many need attention and why, '
  'and the most pressing of these, up to `limit` (1 to 200, default 5). Refusals: unauthorized, '
  'invalid_request (detail: limit).';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on function
  proxy_private.pressing, proxy_private.own_key_attention, public.proxy_key_attention
from public, anon, authenticated, service_role;
grant execute on function proxy_private.own_key_attention, public.proxy_key_attention to authenticated;


-- 0610_reading_usage.sql

-- Reading usage: a user's usage in a month, by key, and over time. All of it comes from the
-- rollups, so its cost does not depend on the number of events. Sums over all keys come from the
-- rollups by account, so their cost does not depend on the number of keys.

create type public.proxy_usage_totals as (
  period text,
  total_bandwidth_bytes bigint,
  total_requests bigint,
  active_keys integer,
  tier_breakdown jsonb
);
comment on type public.proxy_usage_totals is
  'What a user''s keys used in a calendar month (UTC), and how many are active now.';

-- SECURITY DEFINER: callers may not read keys.
create function proxy_private.count_active_keys() returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_user();
begin
  return (
    select coalesce(jsonb_object_agg(t.tier, a.keys) filter (where a.keys > 0), '{}')
    from public.proxy_tiers as t
    -- uses the index of undeleted keys, whose number the tier limits
    cross join lateral (
      select count(*) as keys
      from proxy_private.key_states as k
      where k.tier = t.tier and k.user_id = owner_id and k.deleted_at is null and k.active
    ) as a
  );
end
$$;
comment on function proxy_private.count_active_keys is
  'How many of the caller''s keys are active now, by tier. Refusals: unauthorized.';

create function public.proxy_usage_summary(period text default null)
returns public.proxy_usage_totals
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  wanted_month date;
  totals public.proxy_usage_totals;
begin
  perform proxy_private.require_user();
  wanted_month := proxy_private.require_period(proxy_usage_summary.period);
  totals.period := to_char(wanted_month, 'YYYY-MM');
  select
    -- the largest integer that a JSON number holds exactly
    least(coalesce(sum(u.bytes_sent + u.bytes_received), 0), 9007199254740991),
    coalesce(sum(u.requests), 0)
  into totals.total_bandwidth_bytes, totals.total_requests
  from proxy_private.proxy_account_monthly as u
  where u.month = wanted_month;
  totals.tier_breakdown := proxy_private.count_active_keys();
  select coalesce(sum(a.value::integer), 0) into totals.active_keys
  from jsonb_each_text(totals.tier_breakdown) as a;
  return totals;
end
$$;
comment on function public.proxy_usage_summary is
  'The usage of all of the caller''s keys, including deleted ones, in a calendar month (UTC; '
  'YYYY-MM, default this month, up to 13 back): bytes in and out, and requests. Also the number of '
  'keys that are active now, by tier. Refusals: unauthorized, invalid_request (detail: period).';


create function public.proxy_usage_by_key(
  period text default null,
  "limit" integer default null,
  cursor text default null,
  active boolean default null,
  tier text default null,
  live_mode boolean default null,
  label text default null,
  sort text default null
) returns public.proxy_page
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  sorted constant boolean := proxy_usage_by_key.sort is not null;
  wanted_month date;
  most integer;
  page record;
  answer public.proxy_page;
begin
  perform proxy_private.require_user();
  wanted_month := proxy_private.require_period(proxy_usage_by_key.period);
  if proxy_usage_by_key.sort not in ('bytes', 'requests') then
    perform proxy_private.refuse('invalid_request', 'sort');
  end if;
  if sorted and proxy_usage_by_key.cursor is not null then
    perform proxy_private.refuse('invalid_request', 'cursor');
  end if;
  most := proxy_private.require_limit(proxy_usage_by_key."limit");
  -- a sort needs all keys
  page := proxy_private.page_of_keys(
    case when not sorted then most end, proxy_usage_by_key.cursor, proxy_usage_by_key.active,
    proxy_usage_by_key.tier, proxy_usage_by_key.live_mode, proxy_usage_by_key.label
  );
  select
    coalesce(
      json_agg(
        json_build_object(
          'id', k.id,
          'key_id', k.key_id,
          'label', k.label,
          'tier', k.tier,
          'live_mode', k.live_mode,
          'active', k.active,
          'created_at', k.created_at,
          'billed', k.live_mode,
          'requests', k.requests,
          'bytes_sent', k.bytes_sent,
          'bytes_received', k.bytes_received,
          'last_used_at', k.used_at
        ) order by k.place desc, k.created_at desc, k.id desc
      ),
      '[]'
    )
  into answer.items
  from (
    select
      p.id, p.key_id, p.label, p.tier, p.live_mode, p.active, p.created_at,
      coalesce(u.requests, 0) as requests,
      coalesce(u.bytes_sent, 0) as bytes_sent,
      coalesce(u.bytes_received, 0) as bytes_received,
      u.last_used_at as used_at,
      case proxy_usage_by_key.sort
        when 'bytes' then u.bytes_sent + u.bytes_received when 'requests' then u.requests else 0
      end as place
    from unnest(page.keys) as p
    left join proxy_private.proxy_usage_monthly as u on u.api_key_id = p.id and u.month = wanted_month
    -- a sorted list leaves out keys without usage
    where not sorted or u.api_key_id is not null
    order by place desc, p.created_at desc, p.id desc
    limit case when sorted then coalesce(most, 50) end
  ) as k;
  answer.next_cursor := case when not sorted then page.next_cursor end;
  return answer;
end
$$;
comment on function public.proxy_usage_by_key is
  'The caller''s keys with their usage and last use in a calendar month (UTC; YYYY-MM, default '
  'this month, up to 13 back), newest key first, with the pages and filters of list_proxy_keys; a '
  'test key''s usage is not `billed`. With a sort (bytes or requests), only the `limit` (default '
  '50) keys that used the most, of all that list_proxy_keys returns without a limit. Refusals: '
  'unauthorized, invalid_request (detail: the argument).';


create type public.proxy_usage_timeline as (
  "interval" text,
  "from" timestamptz,
  "to" timestamptz,
  points json
);
comment on type public.proxy_usage_timeline is
  'Usage by hour or day (UTC), from `from` (included) to `to` (excluded). points: start, requests, '
  'bytes_sent, bytes_received and billed_bytes (the part of live keys), for each hour or day, even '
  'without usage.';

create function proxy_private.require_span(
  "interval" text, "from" text, "to" text, out step interval, out first_at timestamptz, out end_at timestamptz
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  begins timestamptz;
  ends timestamptz;
begin
  if require_span."interval" is null or require_span."interval" not in ('hour', 'day') then
    perform proxy_private.refuse('invalid_request', 'interval');
  end if;
  step := ('1 ' || require_span."interval")::interval;
  begins := proxy_private.require_time(require_span."from", 'from');
  ends := coalesce(proxy_private.require_time(require_span."to", 'to'), now());
  if begins >= ends then
    perform proxy_private.refuse('invalid_request', 'to');
  end if;
  -- the end of the hour or day that contains the time, or the time itself if it is such an end
  end_at := date_trunc(require_span."interval", ends + step - interval '1 microsecond');
  first_at := date_trunc(
    require_span."interval",
    coalesce(
      begins,
      end_at - case when step = interval '1 hour' then interval '24 hours' else interval '30 days' end
    )
  );
  if first_at + 1000 * step < end_at then
    perform proxy_private.refuse('invalid_request', 'from');
  end if;
end
$$;
comment on function proxy_private.require_span is
  'The whole hours or days (UTC) that two times span, by default the last 24 hours or 30 days. '
  'Refuses (invalid_request) an invalid time or interval, an empty span, and a span of more than '
  '1,000 hours or days.';

-- SECURITY DEFINER: row-level security shows callers only their own usage.
create function proxy_private.hours_of_any_key(api_key_id uuid, first_at timestamptz, end_at timestamptz)
returns setof proxy_private.proxy_usage_hourly
language plpgsql stable security definer rows 100
set search_path = pg_catalog, pg_temp
as $$
begin
  perform proxy_private.require_admin();
  return query
  select h.* from proxy_private.proxy_usage_hourly as h
  where h.api_key_id = hours_of_any_key.api_key_id and h.hour >= hours_of_any_key.first_at
    and h.hour < hours_of_any_key.end_at;
end
$$;
comment on function proxy_private.hours_of_any_key is
  'The hourly usage of a key of any user, for admins. Refusals: unauthorized, forbidden.';

create function public.proxy_usage_series(
  "interval" text, "from" text default null, "to" text default null, key_id text default null,
  as_admin boolean default false
) returns public.proxy_usage_timeline
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  span record;
  one_key uuid;
  is_live boolean;
  series public.proxy_usage_timeline;
begin
  perform proxy_private.require_reader(proxy_usage_series.as_admin);
  span := proxy_private.require_span(
    proxy_usage_series."interval", proxy_usage_series."from", proxy_usage_series."to"
  );
  if proxy_usage_series.key_id is not null then
    select k.id, k.live_mode into one_key, is_live
    from proxy_private.find_read_key(proxy_usage_series.key_id, proxy_usage_series.as_admin) as k;
  elsif proxy_usage_series.as_admin then
    perform proxy_private.refuse('invalid_request', 'as_admin');
  end if;
  series."interval" := proxy_usage_series."interval";
  series."from" := span.first_at;
  series."to" := span.end_at;
  with used as (
    select
      date_trunc(proxy_usage_series."interval", h.hour) as start,
      -- the largest integer that a JSON number holds exactly
      least(sum(h.requests), 9007199254740991) as requests,
      least(sum(h.bytes_sent), 9007199254740991) as bytes_sent,
      least(sum(h.bytes_received), 9007199254740991) as bytes_received,
      least(
        sum(case when h.live_mode then h.bytes_sent + h.bytes_received else 0 end),
        9007199254740991
      ) as billed_bytes
    from (
      -- only one of these branches runs
      select a.hour, a.live_mode, a.requests, a.bytes_sent, a.bytes_received
      from proxy_private.proxy_account_hourly as a
      where one_key is null and a.hour >= span.first_at and a.hour < span.end_at
      union all
      select k.hour, is_live, k.requests, k.bytes_sent, k.bytes_received
      from proxy_private.proxy_usage_hourly as k
      where proxy_usage_series.as_admin is not true
        and k.api_key_id = one_key and k.hour >= span.first_at and k.hour < span.end_at
      union all
      select k.hour, is_live, k.requests, k.bytes_sent, k.bytes_received
      from proxy_private.hours_of_any_key(one_key, span.first_at, span.end_at) as k
      where proxy_usage_series.as_admin
    ) as h
    group by 1
  )
  -- directly to json, as for a page of events
  select json_agg(
    json_build_object(
      'start', p.start,
      'requests', coalesce(u.requests, 0),
      'bytes_sent', coalesce(u.bytes_sent, 0),
      'bytes_received', coalesce(u.bytes_received, 0),
      'billed_bytes', coalesce(u.billed_bytes, 0)
    ) order by p.start
  )
  into series.points
  from generate_series(span.first_at, span.end_at - span.step, span.step) as p (start)
  left join used as u on u.start = p.start;
  return series;
end
$$;
comment on function public.proxy_usage_series is
  'The caller''s usage by hour or day (UTC), over all keys or one (uuid or keyId), with zeros '
  'where nothing was used; with as_admin, that of one key of any user, for admins. Covers whole '
  'intervals, from the one that contains `from` to the one that contains `to` or ends there: by '
  'default the last 24 hours or 30 days, at most 1,000 intervals. Refusals: unauthorized, '
  'forbidden, invalid_request (detail: the argument), not_found.';


insert into proxy_private.argument_rules (argument, rule) values
  ('interval', 'Either hour or day.'),
  (
    'from',
    'An RFC 3339 time of this century, at most 1,000 intervals before `to`, or 92 days for targets '
      'and outcomes.'
  ),
  ('to', 'An RFC 3339 time of this century, later than `from`.');


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on function
  proxy_private.count_active_keys, public.proxy_usage_summary, public.proxy_usage_by_key,
  proxy_private.require_span, proxy_private.hours_of_any_key, public.proxy_usage_series
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.count_active_keys, public.proxy_usage_summary, public.proxy_usage_by_key,
  proxy_private.require_span, proxy_private.hours_of_any_key, public.proxy_usage_series
to authenticated;


-- 0615_reading_account.sql

-- Reading an account: what all keys of a user and tier may use together, and have used.

create type public.proxy_account_state as (
  user_id uuid,
  period text,
  resets_at timestamptz,
  tiers jsonb
);
comment on type public.proxy_account_state is
  'What an account may use in the current calendar month (UTC), including the usage of deleted '
  'keys. tiers: for each tier, smallest first, tier, keys (undeleted), key_limit, limit_overrides, '
  'and used_bytes, limit_bytes, left_bytes, requests and billed for all its live keys; `test` has '
  'the latter five for all its test keys.';

create function proxy_private.account_quota(
  used proxy_private.proxy_account_monthly, limit_bytes bigint, billed boolean
) returns jsonb
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  -- the largest integer that a JSON number holds exactly
  used_bytes constant bigint := least(
    coalesce((account_quota.used).bytes_sent + (account_quota.used).bytes_received, 0),
    9007199254740991
  );
begin
  return jsonb_build_object(
    'used_bytes', used_bytes,
    'limit_bytes', account_quota.limit_bytes,
    'left_bytes', greatest(account_quota.limit_bytes - used_bytes, 0),
    'requests', coalesce((account_quota.used).requests, 0),
    'billed', account_quota.billed
  );
end
$$;
comment on function proxy_private.account_quota is
  'How much of a limit is used, and how much is left; `used` is null if nothing is.';


create function proxy_private.account_of(user_id uuid) returns public.proxy_account_state
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  this_month constant date := date_trunc('month', now());
  account public.proxy_account_state;
begin
  account.user_id := account_of.user_id;
  account.period := to_char(this_month, 'YYYY-MM');
  account.resets_at := this_month + interval '1 month';
  select
    coalesce(
      jsonb_agg(
        proxy_private.account_quota(
          live,
          coalesce((o.limit_overrides ->> 'account_limit_bytes')::bigint, t.account_limit_bytes),
          true
        ) || jsonb_build_object(
          'tier', t.tier,
          'keys', k.keys,
          'key_limit', t.key_limit,
          'limit_overrides', coalesce(o.limit_overrides, '{}'),
          'test', proxy_private.account_quota(
            test,
            coalesce((o.limit_overrides ->> 'test_limit_bytes')::bigint, t.test_limit_bytes),
            false
          )
        ) order by t.bandwidth_limit_bytes, t.tier
      ),
      '[]'
    )
  into account.tiers
  from public.proxy_tiers as t
  left join proxy_private.proxy_account_limits as o
    on o.user_id = account_of.user_id and o.tier = t.tier
  left join proxy_private.proxy_account_monthly as live
    on live.user_id = account_of.user_id and live.month = this_month and live.tier = t.tier
    and live.live_mode
  left join proxy_private.proxy_account_monthly as test
    on test.user_id = account_of.user_id and test.month = this_month and test.tier = t.tier
    and not test.live_mode
  cross join lateral (
    select count(*) as keys
    from proxy_private.proxy_keys as p
    where p.tier = t.tier and p.user_id = account_of.user_id and p.deleted_at is null
  ) as k
  where t.self_serve or k.keys > 0 or o.tier is not null or live.tier is not null
    or test.tier is not null
    or exists (
      select from proxy_private.proxy_tier_grants as g
      where g.user_id = account_of.user_id and g.tier = t.tier
    );
  return account;
end
$$;
comment on function proxy_private.account_of is
  'The account of a user: each tier that is self-serve or granted, in which the user has keys or '
  'usage of this month, or whose limits an admin has set.';


-- SECURITY DEFINER: callers may not read keys.
create function proxy_private.own_account() returns public.proxy_account_state
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.account_of(proxy_private.require_user());
end
$$;
comment on function proxy_private.own_account is 'Does the work of public.proxy_account.';

create function public.proxy_account() returns public.proxy_account_state
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.own_account();
end
$$;
comment on function public.proxy_account is
  'What the caller''s account may use in this calendar month (UTC), by tier: the used, allowed and '
  'remaining bytes that all live keys share, and those that all test keys share, including deleted '
  'keys. Also the number of keys, and when the usage resets. Refusals: unauthorized.';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on function
  proxy_private.account_quota, proxy_private.account_of, proxy_private.own_account, public.proxy_account
from public, anon, authenticated, service_role;
grant execute on function proxy_private.own_account, public.proxy_account to authenticated;


-- 0620_reading_events.sql

-- Reading events: the requests of a key, newest first, in pages or as CSV.

create type proxy_private.event_filter as (
  api_key_id uuid,
  begins_at timestamptz,
  ends_at timestamptz,
  place_at timestamptz,
  place_id uuid,
  status_code integer,
  target_host text,
  code text,
  billed boolean
);
comment on type proxy_private.event_filter is
  'Which events to read: of which key, from when to when, after which position, with which status '
  'or code, to which host. billed: whether the key''s usage is billed.';

create function proxy_private.read_event_filter(
  id text, cursor text, "from" text, "to" text, status_code integer, target_host text, code text,
  as_admin boolean default false
) returns proxy_private.event_filter
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  filter proxy_private.event_filter;
begin
  perform proxy_private.require_reader(read_event_filter.as_admin);
  filter.begins_at := coalesce(proxy_private.require_time(read_event_filter."from", 'from'), '-infinity');
  filter.ends_at := coalesce(proxy_private.require_time(read_event_filter."to", 'to'), 'infinity');
  if filter.begins_at >= filter.ends_at then
    perform proxy_private.refuse('invalid_request', 'to');
  end if;
  -- no event is more than five minutes in the future, so later partitions are skipped
  filter.ends_at := least(filter.ends_at, now() + interval '1 hour');
  if read_event_filter.status_code not between 100 and 999 then
    perform proxy_private.refuse('invalid_request', 'status_code');
  end if;
  filter.status_code := read_event_filter.status_code;
  perform proxy_private.require_size(octet_length(read_event_filter.target_host), 'target_host');
  filter.target_host := lower(read_event_filter.target_host);
  if char_length(filter.target_host) not between 1 and 255 then
    perform proxy_private.refuse('invalid_request', 'target_host');
  end if;
  perform proxy_private.require_size(octet_length(read_event_filter.code), 'code');
  if read_event_filter.code !~ '^[a-z][a-z0-9_]{0,63}$' then
    perform proxy_private.refuse('invalid_request', 'code');
  end if;
  filter.code := read_event_filter.code;
  select d.moment, d.id into filter.place_at, filter.place_id
  from proxy_private.decode_cursor(read_event_filter.cursor) as d;
  select k.id, k.live_mode into filter.api_key_id, filter.billed
  from proxy_private.find_read_key(read_event_filter.id, read_event_filter.as_admin) as k;
  return filter;
end
$$;
comment on function proxy_private.read_event_filter is
  'The filter that these arguments describe. Refusals: unauthorized, forbidden, invalid_request '
  '(detail: the argument), not_found.';


-- SECURITY DEFINER: callers may not read events. The generic plan prunes days when it starts, as
-- planning again takes longer than reading a page. Only pages within the newest two days, as most
-- are, are planned each time: for two days, planning is fast.
create function proxy_private.page_of_events(
  filter proxy_private.event_filter, skipped integer, most integer, as_admin boolean default false
) returns proxy_private.proxy_usage_events[]
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
-- reads in index order: the planner expects few events per key, and would sort them all
set enable_sort = off
as $$
declare
  reader_id uuid := proxy_private.require_reader(page_of_events.as_admin);
  recent_at timestamptz;
  recent proxy_private.proxy_usage_events[];
begin
  -- a caller may build a filter without proxy_private.read_event_filter
  perform from proxy_private.proxy_keys as k
  where k.id = (page_of_events.filter).api_key_id
    and (k.user_id = reader_id or page_of_events.as_admin);
  if not found then
    return '{}';
  end if;

  recent_at := date_trunc('day', least((page_of_events.filter).ends_at, (page_of_events.filter).place_at), 'UTC')
    - interval '1 day';
  if page_of_events.skipped = 0 and recent_at >= (page_of_events.filter).begins_at and (
    select sum(h.requests) >= page_of_events.most from proxy_private.proxy_usage_hourly as h
    where h.api_key_id = (page_of_events.filter).api_key_id
      and h.hour >= recent_at and h.hour < least((page_of_events.filter).ends_at, (page_of_events.filter).place_at)
  ) then
    execute format(
      'select array(
         select e
         from proxy_private.proxy_usage_events as e
         where e.api_key_id = ($1).api_key_id
           and e.occurred_at >= %L and e.occurred_at < %L and e.occurred_at <= %L
           and (e.occurred_at, e.event_id) < (($1).place_at, ($1).place_id)
           and (($1).status_code is null or e.status_code = ($1).status_code)
           and (($1).target_host is null or lower(e.target_host) = ($1).target_host)
           and (($1).code is null or e.code = ($1).code)
         order by e.occurred_at desc, e.event_id desc
         limit $2
       )',
      recent_at, (page_of_events.filter).ends_at, (page_of_events.filter).place_at
    )
    into recent using page_of_events.filter, page_of_events.most;
    if cardinality(recent) = page_of_events.most then
      return recent;
    end if;
  end if;

  return array(
    select e
    from proxy_private.proxy_usage_events as e
    where e.api_key_id = (page_of_events.filter).api_key_id
      and e.occurred_at >= (page_of_events.filter).begins_at
      and e.occurred_at < (page_of_events.filter).ends_at
      -- prunes days, which the row comparison does not
      and e.occurred_at <= (page_of_events.filter).place_at
      and (e.occurred_at, e.event_id)
        < ((page_of_events.filter).place_at, (page_of_events.filter).place_id)
      and ((page_of_events.filter).status_code is null
        or e.status_code = (page_of_events.filter).status_code)
      and ((page_of_events.filter).target_host is null
        or lower(e.target_host) = (page_of_events.filter).target_host)
      and ((page_of_events.filter).code is null or e.code = (page_of_events.filter).code)
    order by e.occurred_at desc, e.event_id desc
    offset page_of_events.skipped
    limit page_of_events.most
  );
end
$$;
comment on function proxy_private.page_of_events is
  'Up to `most` events of the caller that match a filter, newest first, without the first '
  '`skipped`; with as_admin, events of any user.';


-- SECURITY DEFINER: callers may not read tables.
create function proxy_private.how_to_fix(code text) returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (select o.how_to_fix from proxy_private.outcomes as o where o.outcome = how_to_fix.code);
end
$$;
comment on function proxy_private.how_to_fix is
  'What to do about the code of an event; null for a code that is not an outcome.';


create function proxy_private.require_page(page integer, "limit" integer, cursor text) returns integer
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if require_page.page < 1 or require_page.page::bigint * require_page."limit" > 10000
    or (require_page.page is not null and require_page.cursor is not null)
  then
    perform proxy_private.refuse('invalid_request', 'page');
  end if;
  return coalesce(require_page.page, 1);
end
$$;
comment on function proxy_private.require_page is
  'The number of a page, from 1. Refuses (invalid_request) a page together with a cursor, and a '
  'page beyond the first 10,000 rows, because all skipped rows must be read.';

create function public.list_proxy_key_events(
  id text,
  "limit" integer default 50,
  cursor text default null,
  page integer default null,
  "from" text default null,
  "to" text default null,
  status_code integer default null,
  target_host text default null,
  code text default null,
  as_admin boolean default false
) returns public.proxy_page
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  filter proxy_private.event_filter := proxy_private.read_event_filter(
    list_proxy_key_events.id, list_proxy_key_events.cursor, list_proxy_key_events."from",
    list_proxy_key_events."to", list_proxy_key_events.status_code,
    list_proxy_key_events.target_host, list_proxy_key_events.code,
    list_proxy_key_events.as_admin
  );
  most integer := proxy_private.require_limit(coalesce(list_proxy_key_events."limit", 50));
  page_number integer := proxy_private.require_page(
    list_proxy_key_events.page, most, list_proxy_key_events.cursor
  );
  found proxy_private.proxy_usage_events[] :=
    proxy_private.page_of_events(
      filter, (page_number - 1) * most, most + 1, list_proxy_key_events.as_admin
    );
  answer public.proxy_page;
begin
  -- directly to json: making jsonb of a page takes longer than finding it
  select coalesce(json_agg(e), '[]') into answer.items
  from (
    select
      f.event_id, f.api_key_id, f.occurred_at, f.target_host, f.method, f.status_code,
      f.bytes_sent, f.bytes_received, f.duration_ms, f.served_by_node_id, f.code, f.count,
      filter.billed,
      case when f.code is not null then proxy_private.how_to_fix(f.code) end as how_to_fix
    from unnest(found[:most]) as f
  ) as e;
  if cardinality(found) > most then
    answer.next_cursor := proxy_private.encode_cursor(found[most].occurred_at, found[most].event_id);
  end if;
  return answer;
end
$$;
comment on function public.list_proxy_key_events is
  'The usage events of the caller''s key (uuid or keyId), newest first: `limit` (1 to 200, default '
  '50) from `cursor` on, or the page of that number among the newest 10,000; with as_admin, those '
  'of any user''s key, for admins. Filters: from (included), to (excluded), status_code, '
  'target_host, code; how_to_fix: what to do about the code. Refusals: unauthorized, forbidden, '
  'not_found, invalid_request (detail: the argument).';


-- RFC 4180. A spreadsheet takes text that starts with one of these characters for a formula; no
-- host or method does.
create function proxy_private.csv_field(value text) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if csv_field.value !~ '[",\r\n]|^[=+@\t-]' then
    return csv_field.value;
  end if;
  return '"' || case when csv_field.value ~ '^[=+@\t\r-]' then '''' else '' end
    || replace(csv_field.value, '"', '""') || '"';
end
$$;
comment on function proxy_private.csv_field is
  'The text as a CSV field: quoted if necessary, and with a leading apostrophe if a spreadsheet '
  'would run it as a formula.';

create type public.proxy_csv_part as (csv text, next_cursor text);
comment on type public.proxy_csv_part is
  'Lines of CSV, and the cursor of the next part; null with the last part.';

-- In parts, so that neither the database nor the Edge Function holds more than one at a time.
create function public.export_proxy_key_events(
  id text,
  cursor text default null,
  "from" text default null,
  "to" text default null,
  status_code integer default null,
  target_host text default null,
  code text default null
) returns public.proxy_csv_part
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  most constant integer := 5000;
  filter proxy_private.event_filter := proxy_private.read_event_filter(
    export_proxy_key_events.id, export_proxy_key_events.cursor, export_proxy_key_events."from",
    export_proxy_key_events."to", export_proxy_key_events.status_code,
    export_proxy_key_events.target_host, export_proxy_key_events.code
  );
  part public.proxy_csv_part;
begin
  select
    string_agg(
      concat_ws(
        ',',
        n.event_id,
        n.api_key_id,
        to_char(n.occurred_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        proxy_private.csv_field(n.target_host),
        proxy_private.csv_field(n.method),
        n.status_code,
        n.bytes_sent,
        n.bytes_received,
        n.duration_ms,
        proxy_private.csv_field(n.served_by_node_id),
        coalesce(n.code, ''),
        n.count,
        filter.billed::text
      ) || E'\r\n',
      '' order by n.place
    ) filter (where n.place <= most),
    case when count(*) > most then proxy_private.encode_cursor(
      max(n.occurred_at) filter (where n.place = most),
      (array_agg(n.event_id) filter (where n.place = most))[1]
    ) end
  into part
  from (
    select e.*, row_number() over (order by e.occurred_at desc, e.event_id desc) as place
    from unnest(proxy_private.page_of_events(filter, 0, most + 1)) as e
  ) as n;
  part.csv := case when export_proxy_key_events.cursor is null then
      'eventId,apiKeyId,occurredAt,targetHost,method,statusCode,bytesSent,bytesReceived,durationMs,'
        || E'servedByNodeId,code,count,billed\r\n'
      else '' end
    || coalesce(part.csv, '');
  return part;
end
$$;
comment on function public.export_proxy_key_events is
  'The usage events of the caller''s key (uuid or keyId) as CSV, newest first: up to 5,000 lines '
  'from `cursor` on, with a header line before the first. The filters are those of '
  'list_proxy_key_events. Refusals: unauthorized, not_found, invalid_request (detail: the '
  'argument).';


insert into proxy_private.argument_rules (argument, rule) values
  (
    'page',
    'A page within the newest 10,000 rows, without a cursor: to go further, use a cursor instead.'
  ),
  ('status_code', 'A whole number from 100 to 999.'),
  ('target_host', 'A host has 1 to 255 characters.'),
  ('code', 'A code has lowercase letters, digits and underscores, such as rate_limited.');


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on function
  proxy_private.read_event_filter, proxy_private.page_of_events, proxy_private.how_to_fix, proxy_private.require_page,
  public.list_proxy_key_events, proxy_private.csv_field, public.export_proxy_key_events
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.read_event_filter, proxy_private.page_of_events, proxy_private.how_to_fix, proxy_private.require_page,
  public.list_proxy_key_events, proxy_private.csv_field, public.export_proxy_key_events
to authenticated;


-- 0625_exporting_keys.sql

-- Exporting keys: the list as CSV, in parts, so that no program holds more than one at a time.

create function public.export_proxy_keys(
  cursor text default null,
  active boolean default null,
  tier text default null,
  live_mode boolean default null,
  label text default null,
  state text default null,
  search text default null,
  sort text default null
) returns public.proxy_csv_part
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  time_form constant text := 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"';
  page record;
  part public.proxy_csv_part;
begin
  page := proxy_private.page_of_keys(
    200, export_proxy_keys.cursor, export_proxy_keys.active, export_proxy_keys.tier,
    export_proxy_keys.live_mode, export_proxy_keys.label, export_proxy_keys.state,
    export_proxy_keys.search, export_proxy_keys.sort
  );
  select
    case when export_proxy_keys.cursor is null then
      'id,keyId,label,tier,liveMode,state,quotaUsedUpBy,bandwidthUsedThisPeriodBytes,'
        || 'bandwidthLimitBytes,rateLimit,tunnelLimit,allowedIps,lastUsedAt,createdAt,rotatedAt,expiresAt,'
        || E'suspendedAt,suspendedReason,deletedAt\r\n'
      else '' end
    || coalesce(
      string_agg(
        concat_ws(
          ',',
          k.id, k.key_id, proxy_private.csv_field(k.label), proxy_private.csv_field(k.tier), k.live_mode::text, k.state,
          coalesce(k.quota_used_up_by, ''), k.bandwidth_used_this_period_bytes, k.bandwidth_limit_bytes,
          k.rate_limit, k.tunnel_limit, array_to_string(k.allowed_ips, ' '),
          coalesce(to_char(k.last_used_at, time_form), ''), to_char(k.created_at, time_form),
          coalesce(to_char(k.rotated_at, time_form), ''), coalesce(to_char(k.expires_at, time_form), ''),
          coalesce(to_char(k.suspended_at, time_form), ''),
          coalesce(proxy_private.csv_field(k.suspended_reason), ''),
          coalesce(to_char(k.deleted_at, time_form), '')
        ) || E'\r\n',
        '' order by k.place
      ),
      ''
    )
  into part.csv
  from unnest(page.keys) with ordinality as k (
    id, key_id, user_id, label, tier, live_mode, bandwidth_used_this_period_bytes,
    bandwidth_limit_bytes, rate_limit, tunnel_limit, limit_overrides, active, allowed_ips, last_used_at,
    created_at, rotated_at, grace_ends_at, expires_at, suspended_at, suspended_reason, deleted_at,
    state, quota_used_up_by, place
  );
  part.next_cursor := page.next_cursor;
  return part;
end
$$;
comment on function public.export_proxy_keys is
  'The caller''s keys as CSV: up to 200 lines from `cursor` on, with a header line before the '
  'first. The filters and sorts are those of list_proxy_keys. Refusals: unauthorized, '
  'invalid_request (detail: the argument).';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on function public.export_proxy_keys from public, anon, authenticated, service_role;
grant execute on function public.export_proxy_keys to authenticated;


-- 0630_reading_audit.sql

-- Reading the audit: what was done to a user's keys, grants and account limits, newest first.

-- SECURITY DEFINER: callers may not read tables. Each query therefore checks the owner.
create function proxy_private.page_of_audit(
  reference text, "limit" integer, cursor text, as_admin boolean default false
) returns public.proxy_page
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  reader_id uuid := proxy_private.require_reader(page_of_audit.as_admin);
  place record := proxy_private.decode_cursor(page_of_audit.cursor);
  most integer := proxy_private.require_limit(coalesce(page_of_audit."limit", 50));
  one_key uuid;
  found proxy_private.proxy_key_audit[];
  answer public.proxy_page;
begin
  if page_of_audit.reference is not null then
    one_key := (proxy_private.find_read_key(page_of_audit.reference, page_of_audit.as_admin)).id;
  elsif page_of_audit.as_admin then
    perform proxy_private.refuse('invalid_request', 'as_admin');
  end if;
  -- two queries, each with the index that suits it
  if one_key is null then
    found := array(
      select a from proxy_private.proxy_key_audit as a
      where a.user_id = reader_id and (a.occurred_at, a.id) < (place.moment, place.id)
      order by a.occurred_at desc, a.id desc
      limit most + 1
    );
  else
    found := array(
      select a from proxy_private.proxy_key_audit as a
      where a.api_key_id = one_key
        and (page_of_audit.as_admin or a.user_id is not distinct from reader_id)
        and (a.occurred_at, a.id) < (place.moment, place.id)
      order by a.occurred_at desc, a.id desc
      limit most + 1
    );
  end if;
  select coalesce(json_agg(e), '[]') into answer.items
  from (
    select f.id, f.api_key_id, f.tier, f.actor_id, f.action, f.changes, f.reason, f.request_id,
      f.occurred_at
    from unnest(found[:most]) as f
  ) as e;
  if cardinality(found) > most then
    answer.next_cursor := proxy_private.encode_cursor(found[most].occurred_at, found[most].id);
  end if;
  return answer;
end
$$;
comment on function proxy_private.page_of_audit is 'Does the work of public.list_proxy_key_audit.';

create function public.list_proxy_key_audit(
  id text default null, "limit" integer default 50, cursor text default null,
  as_admin boolean default false
) returns public.proxy_page
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.page_of_audit(
    list_proxy_key_audit.id, list_proxy_key_audit."limit", list_proxy_key_audit.cursor,
    list_proxy_key_audit.as_admin
  );
end
$$;
comment on function public.list_proxy_key_audit is
  'What was done to the caller''s key (uuid or keyId), or without one to all of their keys, grants '
  'and account limits, newest first: `limit` (1 to 200, default 50) from `cursor` on; with '
  'as_admin, to one key of any user, for admins. Each item has id, api_key_id, tier (of a grant or '
  'account), actor_id, action, changes, reason, request_id and occurred_at. Refusals: '
  'unauthorized, forbidden, not_found, invalid_request (detail: the argument).';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on function
  proxy_private.page_of_audit, public.list_proxy_key_audit
from public, anon, authenticated, service_role;
grant execute on function proxy_private.page_of_audit, public.list_proxy_key_audit to authenticated;


-- 0640_reading_targets.sql

-- Reading where usage goes: by target and by outcome, for one key or for all keys of a user. All of
-- it comes from rollups, whose number is bounded regardless of the number of events, keys and
-- users.

create function proxy_private.require_rollup_span(
  period text, "interval" text, "from" text, "to" text,
  out step interval, out first_at timestamptz, out end_at timestamptz
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  span record;
begin
  span := proxy_private.require_span(
    require_rollup_span."interval", require_rollup_span."from", require_rollup_span."to"
  );
  step := span.step;
  first_at := span.first_at;
  end_at := span.end_at;
  if require_rollup_span.period is not null then
    if coalesce(require_rollup_span."from", require_rollup_span."to") is not null then
      perform proxy_private.refuse('invalid_request', 'period');
    end if;
    first_at := proxy_private.require_period(require_rollup_span.period);
    end_at := first_at + interval '1 month';
  end if;
  if first_at < end_at - interval '92 days' then
    perform proxy_private.refuse('invalid_request', 'from');
  end if;
end
$$;
comment on function proxy_private.require_rollup_span is
  'The whole hours or days (UTC) of a month, or that two times span, by default the last 24 hours '
  'or 30 days. Refuses (invalid_request) what proxy_private.require_span refuses, a month together '
  'with times, and a span of more than 92 days.';

create function proxy_private.require_rollup_sort(sort text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if require_rollup_sort.sort not in ('bytes', 'requests', 'errors') then
    perform proxy_private.refuse('invalid_request', 'sort');
  end if;
  return coalesce(require_rollup_sort.sort, 'bytes');
end
$$;
comment on function proxy_private.require_rollup_sort is
  'What a list is sorted by, most first; bytes by default. Refuses (invalid_request) anything '
  'except bytes, requests and errors.';


create type proxy_private.target_sum as (
  kind smallint,
  host text,
  site text,
  requests bigint,
  errors bigint,
  bytes_sent bigint,
  bytes_received bigint,
  billed_bytes bigint
);
comment on type proxy_private.target_sum is
  'The usage of a target over several days. kind: as in proxy_usage_targets. host: null for a '
  'site.';

create type proxy_private.target_reading as (
  first_at timestamptz,
  end_at timestamptz,
  items proxy_private.target_sum[],
  totals proxy_private.target_sum,
  other proxy_private.target_sum,
  unlisted proxy_private.target_sum
);
comment on type proxy_private.target_reading is
  'The targets to return, most first. totals: the sum over all targets; other: usage that is not '
  'counted by target; unlisted: the targets beyond the limit.';

-- SECURITY DEFINER: callers may not read the rollups by target.
create function proxy_private.read_targets(
  key_id text, first_at timestamptz, end_at timestamptz, by_site boolean, sort text, most integer
) returns proxy_private.target_reading
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  subject_id constant uuid := case
    when read_targets.key_id is null then proxy_private.require_user()
    else (proxy_private.find_own_key(read_targets.key_id)).id
  end;
  most_bytes constant bigint := 9007199254740991;
  reading proxy_private.target_reading;
begin
  reading.first_at := read_targets.first_at;
  reading.end_at := read_targets.end_at;
  with named as (
    select
      t.*, right(t.name, t.site_length) as site
    from proxy_private.proxy_usage_targets as t
    where t.subject = subject_id
      and t.day >= read_targets.first_at::date and t.day < read_targets.end_at::date
  ),
  summed as materialized (
    select
      -- by site, a host that has none stays a host
      case when n.kind = 2 then 2 when by_site and n.site is not null then 1 else n.kind end as kind,
      case when n.kind = 0 and not (by_site and n.site is not null) then n.name end as host,
      max(n.site) as site,
      sum(n.requests) as requests, sum(n.errors) as errors, sum(n.bytes_sent) as bytes_sent,
      sum(n.bytes_received) as bytes_received, sum(n.billed_bytes) as billed_bytes
    from named as n
    group by 1, 2, case when n.kind = 1 or by_site then n.site end
    -- leaves out what a correction has reduced to zero
    having (sum(n.requests), sum(n.errors), sum(n.bytes_sent), sum(n.bytes_received)) <> (0, 0, 0, 0)
  ),
  ranked as materialized (
    select
      s.*,
      case when s.kind < 2 then row_number() over (
        partition by s.kind = 2
        order by
          case sort
            when 'requests' then s.requests when 'errors' then s.errors
            else s.bytes_sent + s.bytes_received
          end desc,
          s.bytes_sent + s.bytes_received desc, s.host, s.site
      ) end as place
    from summed as s
  ),
  -- the largest integer that a JSON number holds exactly
  parts as (
    select
      g.part,
      (
        null, null, null,
        least(coalesce(sum(r.requests), 0), most_bytes), least(coalesce(sum(r.errors), 0), most_bytes),
        least(coalesce(sum(r.bytes_sent), 0), most_bytes),
        least(coalesce(sum(r.bytes_received), 0), most_bytes),
        least(coalesce(sum(r.billed_bytes), 0), most_bytes)
      )::proxy_private.target_sum as sums
    from (values ('totals'), ('other'), ('unlisted')) as g (part)
    left join ranked as r
      on g.part = 'totals' or (g.part = 'other' and r.kind = 2) or (g.part = 'unlisted' and r.place > most)
    group by g.part
  )
  select
    array(
      select (
        r.kind, r.host, r.site, least(r.requests, most_bytes), least(r.errors, most_bytes),
        least(r.bytes_sent, most_bytes), least(r.bytes_received, most_bytes),
        least(r.billed_bytes, most_bytes)
      )::proxy_private.target_sum
      from ranked as r where r.place <= most order by r.place
    ),
    (select p.sums from parts as p where p.part = 'totals'),
    (select p.sums from parts as p where p.part = 'other'),
    (select p.sums from parts as p where p.part = 'unlisted')
  into reading.items, reading.totals, reading.other, reading.unlisted;
  return reading;
end
$$;
comment on function proxy_private.read_targets is
  'The targets of the caller''s key, or of all of the caller''s keys for null, over whole days.';

create function proxy_private.target_figures(sums proxy_private.target_sum) returns json
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return json_build_object(
    'requests', sums.requests, 'errors', sums.errors, 'bytes_sent', sums.bytes_sent,
    'bytes_received', sums.bytes_received, 'billed_bytes', sums.billed_bytes
  );
end
$$;
comment on function proxy_private.target_figures is
  'The figures of a sum, as the API returns them.';

create function proxy_private.require_target_grouping("by" text) returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if require_target_grouping."by" not in ('host', 'site') then
    perform proxy_private.refuse('invalid_request', 'by');
  end if;
  return coalesce(require_target_grouping."by" = 'site', false);
end
$$;
comment on function proxy_private.require_target_grouping is
  'Whether targets are grouped by site; by default they are not. Refuses (invalid_request) '
  'anything except host and site.';


create type public.proxy_target_usage as (
  "from" timestamptz,
  "to" timestamptz,
  kept_from timestamptz,
  "by" text,
  sort text,
  targets json,
  totals json,
  other json,
  unlisted json
);
comment on type public.proxy_target_usage is
  'Usage per target, from `from` (included) to `to` (excluded). targets: host, site, requests, '
  'errors, bytes_sent, bytes_received and billed_bytes (the part of live keys), most first; '
  'unlisted: the targets beyond the limit; other: usage not counted by target, as a key or user '
  'had more than 1,000 hosts and 1,000 sites in a day; totals = targets + unlisted + other. '
  'kept_from: older usage is no longer kept.';

create function public.proxy_usage_targets(
  period text default null, "from" text default null, "to" text default null, key_id text default null,
  "by" text default 'host', "limit" integer default 50, sort text default 'bytes'
) returns public.proxy_target_usage
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  span record;
  reading proxy_private.target_reading;
  by_site boolean;
  answer public.proxy_target_usage;
begin
  perform proxy_private.require_user();
  span := proxy_private.require_rollup_span(
    proxy_usage_targets.period, 'day', proxy_usage_targets."from", proxy_usage_targets."to"
  );
  by_site := proxy_private.require_target_grouping(proxy_usage_targets."by");
  answer.sort := proxy_private.require_rollup_sort(proxy_usage_targets.sort);
  reading := proxy_private.read_targets(
    proxy_usage_targets.key_id, span.first_at, span.end_at, by_site, answer.sort,
    proxy_private.require_limit(coalesce(proxy_usage_targets."limit", 50))
  );
  answer."from" := reading.first_at;
  answer."to" := reading.end_at;
  answer.kept_from := proxy_private.first_kept_target_day()::timestamptz;
  answer."by" := case when by_site then 'site' else 'host' end;
  answer.totals := proxy_private.target_figures(reading.totals);
  answer.other := proxy_private.target_figures(reading.other);
  answer.unlisted := proxy_private.target_figures(reading.unlisted);
  select coalesce(
    json_agg(
      json_build_object(
        'host', i.host, 'site', i.site, 'requests', i.requests, 'errors', i.errors,
        'bytes_sent', i.bytes_sent, 'bytes_received', i.bytes_received,
        'billed_bytes', i.billed_bytes
      ) order by i.place
    ),
    '[]'
  )
  into answer.targets
  from unnest(reading.items) with ordinality
    as i (kind, host, site, requests, errors, bytes_sent, bytes_received, billed_bytes, place);
  return answer;
end
$$;
comment on function public.proxy_usage_targets is
  'The usage of the caller''s keys, or of one (uuid or keyId), per host or site, sorted by bytes, '
  'requests or errors, most first. Covers a month (YYYY-MM), or the whole days (UTC) that `from` '
  'and `to` span: by default the last 30, at most 92. Refusals: unauthorized, invalid_request '
  '(detail: the argument), not_found.';


create function public.export_proxy_usage_targets(
  period text default null, "from" text default null, "to" text default null, key_id text default null,
  "by" text default 'host', sort text default 'bytes'
) returns public.proxy_csv_part
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  span record;
  reading proxy_private.target_reading;
  part public.proxy_csv_part;
begin
  perform proxy_private.require_user();
  span := proxy_private.require_rollup_span(
    export_proxy_usage_targets.period, 'day', export_proxy_usage_targets."from",
    export_proxy_usage_targets."to"
  );
  reading := proxy_private.read_targets(
    export_proxy_usage_targets.key_id, span.first_at, span.end_at,
    proxy_private.require_target_grouping(export_proxy_usage_targets."by"),
    proxy_private.require_rollup_sort(export_proxy_usage_targets.sort),
    10000
  );
  select E'kind,host,site,requests,errors,bytesSent,bytesReceived,billedBytes\r\n' || string_agg(
    concat_ws(
      ',', l.kind, proxy_private.csv_field(coalesce(l.host, '')), proxy_private.csv_field(coalesce(l.site, '')),
      l.requests, l.errors, l.bytes_sent, l.bytes_received, l.billed_bytes
    ) || E'\r\n',
    '' order by l.place
  )
  into part.csv
  from (
    select
      case i.kind when 0 then 'host' else 'site' end as kind, i.host, i.site, i.requests, i.errors,
      i.bytes_sent, i.bytes_received, i.billed_bytes, i.place
    from unnest(reading.items) with ordinality
      as i (kind, host, site, requests, errors, bytes_sent, bytes_received, billed_bytes, place)
    union all
    select
      'unlisted', null, null, u.requests, u.errors, u.bytes_sent, u.bytes_received, u.billed_bytes,
      10001
    from (select (reading.unlisted).*) as u
    union all
    select
      'other', null, null, o.requests, o.errors, o.bytes_sent, o.bytes_received, o.billed_bytes,
      10002
    from (select (reading.other).*) as o
  ) as l;
  return part;
end
$$;
comment on function public.export_proxy_usage_targets is
  'The answer of proxy_usage_targets as CSV: the first 10,000 targets, one line for all others, '
  'and one for usage that is not counted by target. next_cursor is always null. Refusals: '
  'unauthorized, not_found, invalid_request (detail: the argument).';


insert into proxy_private.argument_rules (argument, rule) values
  ('by', 'Either host or site.'),
  (
    'sort',
    'For usage, one of bytes, requests and errors; for keys, one of created_at, label, '
      'last_used_at and used, with a leading minus for descending.'
  );


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on function
  proxy_private.require_rollup_span, proxy_private.require_rollup_sort, proxy_private.read_targets,
  proxy_private.target_figures, proxy_private.require_target_grouping, public.proxy_usage_targets,
  public.export_proxy_usage_targets
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.require_rollup_span, proxy_private.require_rollup_sort, proxy_private.read_targets,
  proxy_private.target_figures, proxy_private.require_target_grouping, public.proxy_usage_targets,
  public.export_proxy_usage_targets
to authenticated;


-- 0645_reading_outcomes.sql

-- Reading outcomes: how a user's requests ended, how to fix failures, and the trend.

create type proxy_private.outcome_sum as (
  start timestamptz,
  outcome text,
  kind text,
  how_to_fix text,
  requests bigint,
  bytes_sent bigint,
  bytes_received bigint,
  billed_bytes bigint
);
comment on type proxy_private.outcome_sum is
  'The totals of one outcome in the hour or day that starts at `start`.';

-- Security definer: callers may not read the rollup by outcome.
create function proxy_private.read_outcomes(
  key_id text, "interval" text, first_at timestamptz, end_at timestamptz,
  as_admin boolean default false
)
returns proxy_private.outcome_sum[]
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  subject_id uuid := proxy_private.require_reader(read_outcomes.as_admin);
begin
  if read_outcomes.key_id is not null then
    subject_id := (proxy_private.find_read_key(read_outcomes.key_id, read_outcomes.as_admin)).id;
  elsif read_outcomes.as_admin then
    perform proxy_private.refuse('invalid_request', 'as_admin');
  end if;
  return array(
    select (
      date_trunc(read_outcomes."interval", u.hour), o.outcome, o.kind, o.how_to_fix,
      least(sum(u.requests), 9007199254740991), least(sum(u.bytes_sent), 9007199254740991),
      least(sum(u.bytes_received), 9007199254740991), least(sum(u.billed_bytes), 9007199254740991)
    )::proxy_private.outcome_sum
    from proxy_private.proxy_usage_outcomes as u
    join proxy_private.outcomes as o using (outcome)
    where u.subject = subject_id and u.hour >= read_outcomes.first_at
      and u.hour < read_outcomes.end_at
      -- skip rows whose usage all moved to another outcome
      and (u.requests, u.bytes_sent, u.bytes_received) <> (0, 0, 0)
    group by date_trunc(read_outcomes."interval", u.hour), o.outcome
  );
end
$$;
comment on function proxy_private.read_outcomes is
  'Returns the totals per outcome and hour or day of one of the caller''s keys, or of all of them '
  'if key_id is null. With as_admin, the key may be any user''s.';

create type public.proxy_outcome_usage as (
  "interval" text,
  "from" timestamptz,
  "to" timestamptz,
  kept_from timestamptz,
  sort text,
  outcomes json,
  totals json,
  points json
);
comment on type public.proxy_outcome_usage is
  'How requests ended from `from` (inclusive) to `to` (exclusive); refused requests count too. '
  '`outcomes` lists the outcomes, largest first, with kind (ok, refused or failed), figures and '
  'how_to_fix; `totals` sums them, with success_rate from 0 to 1 (null without requests); `points` '
  'counts the ok, refused and failed requests of each interval. billed_bytes are the bytes of live '
  'keys; data from before `kept_from` is no longer kept.';

create function public.proxy_usage_outcomes(
  period text default null, "from" text default null, "to" text default null, key_id text default null,
  "interval" text default 'day', "limit" integer default 50, sort text default 'bytes',
  as_admin boolean default false
) returns public.proxy_outcome_usage
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  span record;
  most integer;
  sums proxy_private.outcome_sum[];
  answer public.proxy_outcome_usage;
begin
  perform proxy_private.require_reader(proxy_usage_outcomes.as_admin);
  answer."interval" := coalesce(proxy_usage_outcomes."interval", 'day');
  span := proxy_private.require_rollup_span(
    proxy_usage_outcomes.period, answer."interval", proxy_usage_outcomes."from",
    proxy_usage_outcomes."to"
  );
  answer.sort := proxy_private.require_rollup_sort(proxy_usage_outcomes.sort);
  most := proxy_private.require_limit(coalesce(proxy_usage_outcomes."limit", 50));
  sums := proxy_private.read_outcomes(
    proxy_usage_outcomes.key_id, answer."interval", span.first_at, span.end_at,
    proxy_usage_outcomes.as_admin
  );
  answer."from" := span.first_at;
  answer."to" := span.end_at;
  answer.kept_from := proxy_private.first_kept_target_day()::timestamptz;

  select coalesce(
    json_agg(
      json_build_object(
        'outcome', i.outcome, 'kind', i.kind, 'requests', i.requests, 'bytes_sent', i.bytes_sent,
        'bytes_received', i.bytes_received, 'billed_bytes', i.billed_bytes,
        'how_to_fix', i.how_to_fix
      ) order by i.place
    ),
    '[]'
  )
  into answer.outcomes
  from (
    select
      s.outcome, s.kind, s.how_to_fix, least(sum(s.requests), 9007199254740991) as requests,
      least(sum(s.bytes_sent), 9007199254740991) as bytes_sent,
      least(sum(s.bytes_received), 9007199254740991) as bytes_received,
      least(sum(s.billed_bytes), 9007199254740991) as billed_bytes,
      row_number() over (
        order by
          case answer.sort
            when 'requests' then sum(s.requests)
            when 'errors' then case when s.kind = 'ok' then 0 else sum(s.requests) end
            else sum(s.bytes_sent) + sum(s.bytes_received)
          end desc,
          sum(s.requests) desc, s.outcome
      ) as place
    from unnest(sums) as s
    group by s.outcome, s.kind, s.how_to_fix
  ) as i
  where i.place <= most;

  select json_build_object(
    'requests', least(t.requests, 9007199254740991),
    'ok', least(t.ok, 9007199254740991),
    'refused', least(t.refused, 9007199254740991),
    'failed', least(t.failed, 9007199254740991),
    'success_rate', round(t.ok / nullif(t.requests, 0), 6),
    'bytes_sent', least(t.bytes_sent, 9007199254740991),
    'bytes_received', least(t.bytes_received, 9007199254740991),
    'billed_bytes', least(t.billed_bytes, 9007199254740991)
  )
  into answer.totals
  from (
    select
      coalesce(sum(s.requests), 0) as requests,
      coalesce(sum(s.requests) filter (where s.kind = 'ok'), 0) as ok,
      coalesce(sum(s.requests) filter (where s.kind = 'refused'), 0) as refused,
      coalesce(sum(s.requests) filter (where s.kind = 'failed'), 0) as failed,
      coalesce(sum(s.bytes_sent), 0) as bytes_sent,
      coalesce(sum(s.bytes_received), 0) as bytes_received,
      coalesce(sum(s.billed_bytes), 0) as billed_bytes
    from unnest(sums) as s
  ) as t;

  with used as (
    select
      s.start,
      least(coalesce(sum(s.requests) filter (where s.kind = 'ok'), 0), 9007199254740991) as ok,
      least(coalesce(sum(s.requests) filter (where s.kind = 'refused'), 0), 9007199254740991) as refused,
      least(coalesce(sum(s.requests) filter (where s.kind = 'failed'), 0), 9007199254740991) as failed
    from unnest(sums) as s
    group by s.start
  )
  select json_agg(
    json_build_object(
      'start', p.start, 'ok', coalesce(u.ok, 0), 'refused', coalesce(u.refused, 0),
      'failed', coalesce(u.failed, 0)
    ) order by p.start
  )
  into answer.points
  from generate_series(span.first_at, span.end_at - span.step, span.step) as p (start)
  left join used as u on u.start = p.start;
  return answer;
end
$$;
comment on function public.proxy_usage_outcomes is
  'Returns how the requests of the caller''s keys, or of one key (uuid or keyId), ended, refusals '
  'included, and how to fix failures, in total and per hour or day. The span is a month (YYYY-MM), '
  'or whole UTC hours or days between `from` and `to`: at most 1,000 hours or 92 days, by default '
  'the last 24 hours or 30 days; as_admin lets an admin name any user''s key. Refusals: '
  'unauthorized, forbidden, invalid_request (detail: the argument), not_found.';


create function public.export_proxy_usage_outcomes(
  period text default null, "from" text default null, "to" text default null, key_id text default null,
  "interval" text default 'day', sort text default 'bytes'
) returns public.proxy_csv_part
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  wanted_interval text := coalesce(export_proxy_usage_outcomes."interval", 'day');
  wanted_sort text := proxy_private.require_rollup_sort(export_proxy_usage_outcomes.sort);
  span record;
  part public.proxy_csv_part;
begin
  perform proxy_private.require_user();
  span := proxy_private.require_rollup_span(
    export_proxy_usage_outcomes.period, wanted_interval, export_proxy_usage_outcomes."from",
    export_proxy_usage_outcomes."to"
  );
  select E'start,outcome,kind,requests,bytesSent,bytesReceived,billedBytes,howToFix\r\n' || coalesce(
    string_agg(
      concat_ws(
        ',', to_char(s.start, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), s.outcome, s.kind, s.requests,
        s.bytes_sent, s.bytes_received, s.billed_bytes, proxy_private.csv_field(coalesce(s.how_to_fix, ''))
      ) || E'\r\n',
      '' order by
        s.start,
        case wanted_sort
          when 'requests' then s.requests
          when 'errors' then case when s.kind = 'ok' then 0 else s.requests end
          else s.bytes_sent + s.bytes_received
        end desc,
        s.requests desc, s.outcome
    ),
    ''
  )
  into part.csv
  from unnest(
    proxy_private.read_outcomes(
      export_proxy_usage_outcomes.key_id, wanted_interval, span.first_at, span.end_at
    )
  ) as s;
  return part;
end
$$;
comment on function public.export_proxy_usage_outcomes is
  'As proxy_usage_outcomes, as CSV: one line per outcome and hour or day in which it occurred, '
  'oldest first, then largest first. next_cursor is always null. Refusals: unauthorized, '
  'not_found, invalid_request (detail: the argument).';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.read_outcomes, public.proxy_usage_outcomes, public.export_proxy_usage_outcomes
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.read_outcomes, public.proxy_usage_outcomes, public.export_proxy_usage_outcomes
to authenticated;


-- 0647_reading_alerts.sql

-- Reading alerts: a user's alerts, newest first, with or without a webhook.

-- Security definer: callers may not read tables. Each query therefore checks the owner.
create function proxy_private.page_of_alerts(reference text, type text, "limit" integer, cursor text)
returns public.proxy_page
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_user();
  place record := proxy_private.decode_cursor(page_of_alerts.cursor);
  most integer := proxy_private.require_limit(coalesce(page_of_alerts."limit", 50));
  one_key uuid;
  found proxy_private.proxy_alerts[];
  answer public.proxy_page;
begin
  perform proxy_private.require_size(octet_length(page_of_alerts.type), 'type');
  if page_of_alerts.type <> all (proxy_private.alert_types()) then
    perform proxy_private.refuse('invalid_request', 'type');
  end if;
  if page_of_alerts.reference is not null then
    one_key := (proxy_private.find_own_key(page_of_alerts.reference)).id;
  end if;
  -- two queries, so that each uses its own index
  if one_key is null then
    found := array(
      select a from proxy_private.proxy_alerts as a
      where a.user_id = owner_id and (a.occurred_at, a.id) < (place.moment, place.id)
        and (page_of_alerts.type is null or a.type = page_of_alerts.type)
      order by a.occurred_at desc, a.id desc
      limit most + 1
    );
  else
    found := array(
      select a from proxy_private.proxy_alerts as a
      where a.api_key_id = one_key and a.user_id = owner_id
        and (a.occurred_at, a.id) < (place.moment, place.id)
        and (page_of_alerts.type is null or a.type = page_of_alerts.type)
      order by a.occurred_at desc, a.id desc
      limit most + 1
    );
  end if;
  select coalesce(json_agg(e), '[]') into answer.items
  from (
    select f.id, f.api_key_id, f.type, f.occurred_at, f.data
    from unnest(found[:most]) as f
  ) as e;
  if cardinality(found) > most then
    answer.next_cursor := proxy_private.encode_cursor(found[most].occurred_at, found[most].id);
  end if;
  return answer;
end
$$;
comment on function proxy_private.page_of_alerts is 'Does the work of public.list_proxy_alerts.';

create function public.list_proxy_alerts(
  id text default null, type text default null, "limit" integer default 50,
  cursor text default null
) returns public.proxy_page
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.page_of_alerts(
    list_proxy_alerts.id, list_proxy_alerts.type, list_proxy_alerts."limit",
    list_proxy_alerts.cursor
  );
end
$$;
comment on function public.list_proxy_alerts is
  'Returns the caller''s alerts of the last 90 days, newest first, of one key (uuid or keyId) or '
  'all, and of one `type` or all: `limit` (1 to 200, default 50) per page, from `cursor` on. Each '
  'has id, api_key_id, type, occurred_at and data, the payload that webhooks send, in camelCase. '
  'Refusals: unauthorized, not_found, invalid_request (detail: the argument).';


insert into proxy_private.argument_rules (argument, rule) values
  ('type', 'A type of alert, such as key.quota: docs/alerts.md lists them.');


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function proxy_private.page_of_alerts, public.list_proxy_alerts
from public, anon, authenticated, service_role;
grant execute on function proxy_private.page_of_alerts, public.list_proxy_alerts to authenticated;


-- 0650_idempotency.sql

-- Safe retries: a client that lost the answer to a mint or a rotation retries it with the same
-- idempotency key, and learns that it was done. The secret is stored nowhere, so it cannot be
-- returned again.

create table proxy_private.idempotency_keys (
  user_id uuid not null references auth.users (id) on delete cascade,
  key_hash bytea not null,
  request_hash bytea not null,
  -- no foreign key: this row is written before the key's row, and keys are never removed
  api_key_id uuid not null,
  used_at timestamptz not null default clock_timestamp(),
  primary key (user_id, key_hash)
);
comment on table proxy_private.idempotency_keys is
  'The requests done under each idempotency key in the last 24 hours. Both are stored as hashes, '
  'because the idempotency key that a client chooses may be private.';
create index idempotency_keys_oldest on proxy_private.idempotency_keys (used_at);
alter table proxy_private.idempotency_keys enable row level security;


-- A later refusal in the transaction rolls the row back, so only requests that were done are
-- remembered. Of two concurrent requests, the second waits here for the first.
create function proxy_private.claim_idempotency(
  user_id uuid, idempotency_key text, request jsonb, api_key_id uuid
) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  kept constant interval := interval '24 hours';
  hash bytea;
  request_hash bytea;
  used proxy_private.idempotency_keys;
begin
  if octet_length(claim_idempotency.idempotency_key) > 255
    or claim_idempotency.idempotency_key !~ '^[!-~]+$'
  then
    perform proxy_private.refuse('invalid_request', 'idempotency_key');
  end if;
  hash := sha256(convert_to(claim_idempotency.idempotency_key, 'UTF8'));
  request_hash := sha256(convert_to(claim_idempotency.request::text, 'UTF8'));
  delete from proxy_private.idempotency_keys as i
  where i.user_id = claim_idempotency.user_id
    and i.key_hash = hash
    and i.used_at < clock_timestamp() - kept;
  -- each claim also deletes up to 20 expired rows
  delete from proxy_private.idempotency_keys as i
  where (i.user_id, i.key_hash) in (
    select o.user_id, o.key_hash from proxy_private.idempotency_keys as o
    where o.used_at < clock_timestamp() - kept
    order by o.used_at
    limit 20
    for update skip locked
  );
  insert into proxy_private.idempotency_keys (user_id, key_hash, request_hash, api_key_id)
  values (claim_idempotency.user_id, hash, request_hash, claim_idempotency.api_key_id)
  on conflict on constraint idempotency_keys_pkey do nothing;
  if found then
    return;
  end if;
  select * into strict used from proxy_private.idempotency_keys as i
  where i.user_id = claim_idempotency.user_id and i.key_hash = hash;
  if used.request_hash <> request_hash then
    perform proxy_private.refuse('idempotency_mismatch');
  end if;
  perform proxy_private.refuse('already_done', used.api_key_id::text);
end
$$;
comment on function proxy_private.claim_idempotency is
  'Records that the user''s request is done under this idempotency key, for the key `api_key_id`. '
  'Refuses an idempotency key that was used in the last 24 hours: already_done (detail: the key''s '
  'id) for the same request, or idempotency_mismatch for another one. Refuses a malformed one '
  '(invalid_request).';


insert into proxy_private.argument_rules (argument, rule) values
  ('idempotency_key', 'An idempotency key has 1 to 255 visible ASCII characters.');


-- Revoke everything, even if default privileges are open.
revoke all on table proxy_private.idempotency_keys from public, anon, authenticated, service_role;
revoke all on function proxy_private.claim_idempotency from public, anon, authenticated, service_role;


-- 0700_minting.sql

-- Minting. As for every change to a key, a security definer function in `proxy_private` does the
-- work, because callers may not write tables; callers use a thin function in `public`.

create type public.minted_proxy_key as (
  id uuid,
  key_id text,
  secret text,
  basic_auth text,
  label text,
  tier text,
  live_mode boolean,
  bandwidth_limit_bytes bigint,
  rate_limit integer,
  active boolean,
  created_at timestamptz,
  rotated_at timestamptz
);
comment on type public.minted_proxy_key is
  'A key with its secret. Only this answer contains the secret.';


-- Limits and state come from the view that all readers use, also for a new key.
create function proxy_private.key_with_secret(id uuid, secret text) returns public.minted_proxy_key
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  answer public.minted_proxy_key;
begin
  select
    k.id, k.key_id, key_with_secret.secret, k.key_id || ':' || key_with_secret.secret, k.label,
    k.tier, k.live_mode, k.bandwidth_limit_bytes, k.rate_limit, k.active, k.created_at,
    k.rotated_at
  into strict answer
  from proxy_private.key_states as k where k.id = key_with_secret.id;
  return answer;
end
$$;
comment on function proxy_private.key_with_secret is
  'Returns the answer to a mint or a rotation: the key''s current state and its new secret.';


create function proxy_private.require_label(label text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  clean_label text := proxy_private.clean_label(require_label.label);
begin
  if clean_label is null then
    perform proxy_private.refuse('invalid_request', 'label');
  end if;
  return clean_label;
end
$$;
comment on function proxy_private.require_label is
  'Returns the label without surrounding space; refuses (invalid_request) an invalid label.';


-- The count of undeleted keys is reliable only while no other transaction can add a key for this
-- user: the row that proxy_private.lock_writes locked prevents that.
create function proxy_private.claim_key_slot(user_id uuid, tier text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if (
    select count(*) from proxy_private.proxy_keys as k
    where k.user_id = claim_key_slot.user_id
      and k.tier = claim_key_slot.tier
      and k.deleted_at is null
  ) >= (select t.key_limit from public.proxy_tiers as t where t.tier = claim_key_slot.tier) then
    perform proxy_private.refuse('key_limit_reached');
  end if;
end
$$;
comment on function proxy_private.claim_key_slot is
  'Refuses (key_limit_reached) if the user''s undeleted keys of the tier have reached its limit. '
  'The transaction must hold the lock on the user''s writes of kind `mint`.';


-- Security definer: callers may not write keys or hashes.
create function proxy_private.mint_proxy_key(
  label text, tier text, live_mode boolean, idempotency_key text, allowed_ips text[] default '{}',
  expires_at text default null
) returns public.minted_proxy_key
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_writer();
  clean_label text := proxy_private.require_label(mint_proxy_key.label);
  allowed cidr[];
  expiry timestamptz;
  chosen public.proxy_tiers;
  new_id constant uuid := proxy_private.uuid_v7();
  new_key_id text;
  secret constant text := encode(extensions.gen_random_bytes(32), 'hex');
  made boolean := false;
begin
  select * into chosen from public.proxy_tiers as t where t.tier = mint_proxy_key.tier;
  if chosen.tier is null then
    perform proxy_private.refuse('invalid_request', 'tier');
  end if;
  if mint_proxy_key.live_mode is null then
    perform proxy_private.refuse('invalid_request', 'live_mode');
  end if;
  perform proxy_private.require_size(pg_column_size(mint_proxy_key.allowed_ips), 'allowed_ips');
  allowed := proxy_private.require_allowed_ips(to_jsonb(coalesce(mint_proxy_key.allowed_ips, '{}')));
  expiry := proxy_private.require_expiry(to_jsonb(mint_proxy_key.expires_at));
  if mint_proxy_key.idempotency_key is not null then
    perform proxy_private.claim_idempotency(
      owner_id,
      mint_proxy_key.idempotency_key,
      jsonb_build_object(
        'mint', clean_label, 'tier', chosen.tier, 'live_mode', mint_proxy_key.live_mode,
        'allowed_ips', allowed, 'expires_at', expiry
      ),
      new_id
    );
  end if;
  if not chosen.self_serve and not exists (
    select from proxy_private.proxy_tier_grants as g
    where g.user_id = owner_id and g.tier = chosen.tier
  ) then
    perform proxy_private.refuse('tier_not_granted');
  end if;
  perform proxy_private.claim_write(owner_id, 'mint');
  perform proxy_private.claim_key_slot(owner_id, chosen.tier);

  -- 48 random bits rarely collide, but they can
  while not made loop
    new_key_id := case when mint_proxy_key.live_mode then 'avp_live_' else 'avp_test_' end
      || encode(extensions.gen_random_bytes(6), 'hex');
    insert into proxy_private.proxy_keys (
      id, key_id, user_id, label, tier, live_mode, allowed_ips, expires_at, created_at
    )
    values (
      new_id, new_key_id, owner_id, clean_label, chosen.tier, mint_proxy_key.live_mode, allowed, expiry,
      clock_timestamp()
    )
    on conflict (key_id) do nothing;
    made := found;
  end loop;
  insert into proxy_private.proxy_key_secrets (api_key_id, secret_hash)
  values (new_id, proxy_private.secret_hash(new_key_id, secret));
  return proxy_private.key_with_secret(new_id, secret);
end
$$;
comment on function proxy_private.mint_proxy_key is 'Does the work of public.mint_proxy_key.';

create function public.mint_proxy_key(
  label text,
  tier text default 'developer',
  live_mode boolean default true,
  idempotency_key text default null,
  allowed_ips text[] default '{}',
  expires_at text default null
) returns public.minted_proxy_key
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.mint_proxy_key(
    mint_proxy_key.label, mint_proxy_key.tier, mint_proxy_key.live_mode,
    mint_proxy_key.idempotency_key, mint_proxy_key.allowed_ips, mint_proxy_key.expires_at
  );
end
$$;
comment on function public.mint_proxy_key(text, text, boolean, text, text[], text) is
  'Creates a key for the caller and returns it with its secret, which is shown only once. '
  'allowed_ips and expires_at are as in update_proxy_key. Refusals: unauthorized, invalid_request '
  '(detail: the argument), tier_not_granted, key_limit_reached, rate_limited (detail: seconds to '
  'wait); with an idempotency_key also already_done (detail: the id of the created key) and '
  'idempotency_mismatch.';


create function proxy_private.refuse_mint_arguments(arguments jsonb) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  perform proxy_private.require_user();
  perform proxy_private.require_size(pg_column_size(refuse_mint_arguments.arguments), 'label');
  perform proxy_private.refuse(
    'invalid_request',
    coalesce(
      (
        select left(name, 80)
        from jsonb_object_keys(
          case jsonb_typeof(refuse_mint_arguments.arguments)
            when 'object' then refuse_mint_arguments.arguments else '{}'
          end
        ) as name
        where name not in (
          'label', 'tier', 'live_mode', 'idempotency_key', 'allowed_ips', 'expires_at'
        )
        order by name
        limit 1
      ),
      'label'
    )
  );
end
$$;
comment on function proxy_private.refuse_mint_arguments is
  'Refuses (invalid_request) the first name that is not an argument of mint_proxy_key, or else '
  'label, the only required argument.';

-- PostgREST falls back to this overload if the body's fields do not match the arguments above, so
-- that an unknown or missing field gets the same refusal as from the route, not an error about a
-- function that does not exist.
create function public.mint_proxy_key(jsonb) returns public.minted_proxy_key
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  perform proxy_private.refuse_mint_arguments($1);
  return null;
end
$$;
comment on function public.mint_proxy_key(jsonb) is
  'Never mints: it refuses arguments that the other overload does not take. Refusals: '
  'unauthorized, invalid_request (detail: the argument).';


insert into proxy_private.argument_rules (argument, rule) values
  ('live_mode', 'The mode is true (live) or false (test).');


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.key_with_secret, proxy_private.require_label, proxy_private.claim_key_slot, proxy_private.mint_proxy_key,
  public.mint_proxy_key(text, text, boolean, text, text[], text), proxy_private.refuse_mint_arguments,
  public.mint_proxy_key(jsonb)
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.mint_proxy_key, public.mint_proxy_key(text, text, boolean, text, text[], text),
  proxy_private.refuse_mint_arguments, public.mint_proxy_key(jsonb)
to authenticated;


-- 0800_rotating.sql

-- Rotating: a new secret for the same keyId.

create type public.rotated_proxy_key as (
  id uuid,
  key_id text,
  secret text,
  basic_auth text,
  label text,
  tier text,
  live_mode boolean,
  bandwidth_limit_bytes bigint,
  rate_limit integer,
  active boolean,
  created_at timestamptz,
  rotated_at timestamptz,
  rotations_left integer,
  rotations_reset_seconds integer
);
comment on type public.rotated_proxy_key is
  'As minted_proxy_key, with the number of rotations left and the seconds until it grows.';


-- Security definer: callers may not write keys or hashes.
create function proxy_private.rotate_proxy_key(
  id text, grace_seconds integer, idempotency_key text
) returns public.rotated_proxy_key
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_writer();
  key proxy_private.proxy_keys;
  claimed record;
  secret constant text := encode(extensions.gen_random_bytes(32), 'hex');
  moment timestamptz;
  grace interval;
begin
  -- the old secret is refused after 30 seconds at the latest, whatever the caller asks for
  if rotate_proxy_key.grace_seconds between 0 and 30 is not true then
    perform proxy_private.refuse('invalid_request', 'grace_seconds');
  end if;
  grace := make_interval(secs => nullif(rotate_proxy_key.grace_seconds, 0));
  key := proxy_private.lock_key(rotate_proxy_key.id, owner_id);
  if rotate_proxy_key.idempotency_key is not null then
    perform proxy_private.claim_idempotency(
      owner_id,
      rotate_proxy_key.idempotency_key,
      jsonb_build_object('rotate', key.id, 'grace_seconds', rotate_proxy_key.grace_seconds),
      key.id
    );
  end if;
  if key.deleted_at is not null then
    perform proxy_private.refuse('key_deleted');
  end if;
  if key.suspended_at is not null then
    perform proxy_private.refuse('key_suspended');
  end if;
  if key.expires_at <= clock_timestamp() then
    perform proxy_private.refuse('key_expired');
  end if;
  claimed := proxy_private.claim_write(owner_id, 'rotate');

  update proxy_private.proxy_key_secrets as s
  set
    secret_hash = proxy_private.secret_hash(key.key_id, secret),
    previous_hash = case when grace is not null then s.secret_hash end
  where s.api_key_id = key.id;
  moment := clock_timestamp();
  update proxy_private.proxy_keys as k
  set rotated_at = moment, grace_ends_at = moment + grace
  where k.id = key.id;
  return (
    select (w.*, claimed.writes_left, claimed.reset_seconds)::public.rotated_proxy_key
    from proxy_private.key_with_secret(key.id, secret) as w
  );
end
$$;
comment on function proxy_private.rotate_proxy_key is 'Does the work of public.rotate_proxy_key.';

create function public.rotate_proxy_key(
  id text, grace_seconds integer default 0, idempotency_key text default null
) returns public.rotated_proxy_key
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.rotate_proxy_key(
    rotate_proxy_key.id, rotate_proxy_key.grace_seconds, rotate_proxy_key.idempotency_key
  );
end
$$;
comment on function public.rotate_proxy_key is
  'Replaces the secret of the caller''s key (uuid or keyId); the keyId stays. For `grace_seconds` '
  '(0 to 30) the previous secret works too, unless the key is rotated again or deleted. Refusals: '
  'unauthorized, invalid_request (detail: the argument), not_found, key_deleted, key_suspended, '
  'key_expired, rate_limited (detail: seconds to wait); with an idempotency_key also already_done '
  '(detail: the key''s id) and idempotency_mismatch.';


insert into proxy_private.argument_rules (argument, rule) values
  ('grace_seconds', 'The grace period is a whole number of seconds from 0 to 30.');


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.rotate_proxy_key, public.rotate_proxy_key
from public, anon, authenticated, service_role;
grant execute on function proxy_private.rotate_proxy_key, public.rotate_proxy_key to authenticated;


-- 0850_updating.sql

-- Updating: what an owner may change about a key without rotating it.

-- Stricter than `cidr`, which reads 10/8 as 10.0.0.0/8, 010 as 10 (other parsers read 8) and a mask
-- of 2^32 as 0. Also refused are host bits, because the intended range is unclear, and IPv4-mapped
-- IPv6 addresses, because they match no client.
create function proxy_private.require_allowed_ips(ranges jsonb) returns cidr[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  octet constant text := '(0|[1-9]\d{0,2})';
  range_form constant text :=
    '^(' || octet || '(\.' || octet || '){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]*)(/' || octet || ')?$';
  allowed cidr[];
begin
  if jsonb_typeof(require_allowed_ips.ranges) <> 'array'
    or jsonb_array_length(require_allowed_ips.ranges) > 50
    or exists (
      select from jsonb_array_elements(require_allowed_ips.ranges) as r
      where jsonb_typeof(r) <> 'string'
        or r #>> '{}' !~ range_form
        or not pg_input_is_valid(r #>> '{}', 'inet')
        or not pg_input_is_valid(r #>> '{}', 'cidr')
    )
  then
    perform proxy_private.refuse('invalid_request', 'allowed_ips');
  end if;
  -- without duplicates, in the given order
  allowed := array(
    select (r.range #>> '{}')::cidr
    from jsonb_array_elements(require_allowed_ips.ranges)
      with ordinality as r (range, position)
    group by 1
    order by min(r.position)
  );
  if cidr '::ffff:0.0.0.0/96' >>= any (allowed) then
    perform proxy_private.refuse('invalid_request', 'allowed_ips');
  end if;
  return allowed;
end
$$;
comment on function proxy_private.require_allowed_ips is
  'Returns the ranges of an array of at most 50 IPv4 or IPv6 addresses or CIDR ranges, without '
  'duplicates; refuses (invalid_request) anything else.';


create function proxy_private.require_expiry(expiry jsonb) returns timestamptz
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  expires_at timestamptz;
begin
  if jsonb_typeof(require_expiry.expiry) = 'null' then
    return null;
  end if;
  if jsonb_typeof(require_expiry.expiry) <> 'string' then
    perform proxy_private.refuse('invalid_request', 'expires_at');
  end if;
  expires_at := proxy_private.require_time(require_expiry.expiry #>> '{}', 'expires_at');
  if expires_at <= clock_timestamp() then
    perform proxy_private.refuse('invalid_request', 'expires_at');
  end if;
  return expires_at;
end
$$;
comment on function proxy_private.require_expiry is
  'Returns a future time, or null; refuses (invalid_request) anything else.';


-- Called before the key is looked up, so that invalid changes are refused first.
create function proxy_private.require_changes(changes jsonb, names text[]) returns proxy_private.proxy_keys
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  wanted constant jsonb := require_changes.changes;
  unknown_name text;
  changed proxy_private.proxy_keys;
begin
  perform proxy_private.require_size(pg_column_size(wanted), 'changes');
  if jsonb_typeof(wanted) is distinct from 'object' then
    perform proxy_private.refuse('invalid_request', 'changes');
  end if;
  select left(name, 80) into unknown_name
  from jsonb_object_keys(wanted) as name
  where name <> all (require_changes.names)
  order by name
  limit 1;
  if unknown_name is not null then
    perform proxy_private.refuse('invalid_request', unknown_name);
  end if;
  if wanted ? 'label' then
    if jsonb_typeof(wanted -> 'label') <> 'string' then
      perform proxy_private.refuse('invalid_request', 'label');
    end if;
    changed.label := proxy_private.require_label(wanted ->> 'label');
  end if;
  if wanted ? 'allowed_ips' then
    changed.allowed_ips := proxy_private.require_allowed_ips(wanted -> 'allowed_ips');
  end if;
  if wanted ? 'expires_at' then
    changed.expires_at := proxy_private.require_expiry(wanted -> 'expires_at');
  end if;
  return changed;
end
$$;
comment on function proxy_private.require_changes is
  'Returns the columns that an object with these names changes, all others null; refuses '
  '(invalid_request) other names and invalid values.';


-- Security definer: callers may not write keys.
create function proxy_private.update_proxy_key(id text, changes jsonb)
returns proxy_private.key_summaries
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_writer();
  changed constant proxy_private.proxy_keys :=
    proxy_private.require_changes(update_proxy_key.changes, array['label', 'allowed_ips', 'expires_at']);
  key proxy_private.proxy_keys := proxy_private.lock_key(update_proxy_key.id, owner_id);
  summary proxy_private.key_summaries;
begin
  if key.deleted_at is not null then
    perform proxy_private.refuse('key_deleted');
  end if;
  perform proxy_private.claim_write(owner_id, 'change');
  update proxy_private.proxy_keys as k
  set
    label = coalesce(changed.label, k.label),
    allowed_ips = coalesce(changed.allowed_ips, k.allowed_ips),
    expires_at = case when update_proxy_key.changes ? 'expires_at' then changed.expires_at else k.expires_at end
  where k.id = key.id;
  select * into summary from proxy_private.key_summaries as s where s.id = key.id;
  return summary;
end
$$;
comment on function proxy_private.update_proxy_key is 'Does the work of public.update_proxy_key.';

-- One argument for all changes, because null is a value too: it removes the expiry.
create function public.update_proxy_key(id text, changes jsonb)
returns public.proxy_key_summaries
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.update_proxy_key(update_proxy_key.id, update_proxy_key.changes);
end
$$;
comment on function public.update_proxy_key is
  'Changes the fields of the caller''s key (uuid or keyId) that `changes` contains: label; '
  'allowed_ips, at most 50 addresses or CIDR ranges of clients, empty for any client; expires_at, '
  'a future time, or null for never. A suspended key stays suspended. Refusals: unauthorized, '
  'invalid_request (detail: the field), not_found, key_deleted, rate_limited (detail: seconds to '
  'wait).';


insert into proxy_private.argument_rules (argument, rule) values
  ('changes', 'An object with the fields to change.'),
  (
    'allowed_ips',
    'At most 50 IPv4 or IPv6 addresses or CIDR ranges without host bits: 203.0.113.0/24, '
      'not 203.0.113.7/24.'
  ),
  ('expires_at', 'The expiry is an RFC 3339 time in the future, or null.');


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.require_allowed_ips, proxy_private.require_expiry, proxy_private.require_changes,
  proxy_private.update_proxy_key, public.update_proxy_key
from public, anon, authenticated, service_role;
grant execute on function proxy_private.update_proxy_key, public.update_proxy_key to authenticated;


-- 0900_retiring.sql

-- Retiring: owners take a key out of service.

-- Security definer: callers may not write keys.
create function proxy_private.delete_proxy_key(id text) returns proxy_private.key_summaries
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_writer();
  key proxy_private.proxy_keys := proxy_private.lock_key(delete_proxy_key.id, owner_id);
  summary proxy_private.key_summaries;
begin
  if key.deleted_at is null then
    perform proxy_private.claim_write(owner_id, 'change');
    update proxy_private.proxy_keys as k
    set deleted_at = clock_timestamp(), grace_ends_at = null
    where k.id = key.id;
  end if;
  select * into summary from proxy_private.key_summaries as s where s.id = key.id;
  return summary;
end
$$;
comment on function proxy_private.delete_proxy_key is 'Does the work of public.delete_proxy_key.';

create function public.delete_proxy_key(id text) returns public.proxy_key_summaries
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.delete_proxy_key(delete_proxy_key.id);
end
$$;
comment on function public.delete_proxy_key is
  'Takes the caller''s key (uuid or keyId) out of service; its row and usage stay. A key that is '
  'already deleted is returned unchanged. Refusals: unauthorized, not_found, rate_limited (detail: '
  'seconds to wait).';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.delete_proxy_key, public.delete_proxy_key
from public, anon, authenticated, service_role;
grant execute on function proxy_private.delete_proxy_key, public.delete_proxy_key to authenticated;


-- 0910_changing_keys.sql

-- Changing keys: one change to up to 300 keys at once, all or none.

create type public.proxy_key_changes as (changed integer, unchanged integer);
comment on type public.proxy_key_changes is
  'How many keys a bulk change changed, and how many already were as requested.';

create type proxy_private.named_key as (place bigint, id uuid);
comment on type proxy_private.named_key is
  'An entry of a list of keys: its position, and the id of the key, or null if no such key exists.';


create function proxy_private.require_keys(ids text[], owner_id uuid) returns proxy_private.named_key[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  missing bigint;
  named proxy_private.named_key[];
begin
  perform proxy_private.require_size(pg_column_size(require_keys.ids), 'ids');
  if cardinality(require_keys.ids) between 1 and 300 is not true
    or array_position(require_keys.ids, null) is not null
  then
    perform proxy_private.refuse('invalid_request', 'ids');
  end if;
  named := array(
    select (n.place, k.id)::proxy_private.named_key
    from unnest(require_keys.ids) with ordinality as n (reference, place)
    left join lateral (
      select o.id from proxy_private.proxy_keys as o
      where o.id = proxy_private.resolve_key(n.reference) and o.user_id = require_keys.owner_id
      limit 1
    ) as k on true
    order by n.place
  );
  select min(n.place) into missing from unnest(named) as n where n.id is null;
  if missing is not null then
    perform proxy_private.refuse('not_found', 'ids.' || missing - 1);
  end if;
  return named;
end
$$;
comment on function proxy_private.require_keys is
  'Returns the user''s keys that a list of 1 to 300 uuids and keyIds names. Refuses any other list '
  '(invalid_request), and a key that does not exist or is another user''s (not_found, detail: its '
  'position, as `ids.0`).';


-- Security definer: callers may not write keys.
create function proxy_private.change_proxy_keys(ids text[], changes jsonb) returns public.proxy_key_changes
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id constant uuid := proxy_private.require_writer();
  wanted constant jsonb := change_proxy_keys.changes;
  changed constant proxy_private.proxy_keys :=
    proxy_private.require_changes(wanted, array['deleted', 'allowed_ips', 'expires_at']);
  deletes constant boolean := coalesce(wanted ? 'deleted', false);
  named proxy_private.named_key[];
  keys proxy_private.proxy_keys[];
  refused bigint;
  answer public.proxy_key_changes;
begin
  if deletes and wanted <> '{"deleted": true}' then
    perform proxy_private.refuse('invalid_request', 'deleted');
  end if;
  named := proxy_private.require_keys(change_proxy_keys.ids, owner_id);
  -- locked in one order, so that concurrent calls do not deadlock
  keys := array(
    select k from proxy_private.proxy_keys as k
    where k.id in (select n.id from unnest(named) as n) and k.user_id = owner_id
    order by k.id
    for no key update
  );
  if deletes then
    keys := array(select k from unnest(keys) as k where k.deleted_at is null);
  else
    select min(n.place) into refused
    from unnest(named) as n join unnest(keys) as k on k.id = n.id
    where k.deleted_at is not null;
    if refused is not null then
      perform proxy_private.refuse('key_deleted', 'ids.' || refused - 1);
    end if;
  end if;

  if cardinality(keys) > 0 then
    perform proxy_private.claim_write(owner_id, 'change');
  end if;
  update proxy_private.proxy_keys as k
  set
    deleted_at = case when deletes then clock_timestamp() end,
    grace_ends_at = case when not deletes then k.grace_ends_at end,
    allowed_ips = coalesce(changed.allowed_ips, k.allowed_ips),
    expires_at = case when wanted ? 'expires_at' then changed.expires_at else k.expires_at end
  where k.id in (select l.id from unnest(keys) as l)
    and (
      deletes
      or k.allowed_ips is distinct from coalesce(changed.allowed_ips, k.allowed_ips)
      or (wanted ? 'expires_at' and k.expires_at is distinct from changed.expires_at)
    );
  get diagnostics answer.changed = row_count;
  answer.unchanged :=
    (select count(distinct n.id) from unnest(named) as n) - answer.changed;
  return answer;
end
$$;
comment on function proxy_private.change_proxy_keys is 'Does the work of public.change_proxy_keys.';

create function public.change_proxy_keys(ids text[], changes jsonb) returns public.proxy_key_changes
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.change_proxy_keys(change_proxy_keys.ids, change_proxy_keys.changes);
end
$$;
comment on function public.change_proxy_keys is
  'Makes one change to 1 to 300 of the caller''s keys (uuids or keyIds), all or none: `changes` is '
  '{"deleted": true}, or has allowed_ips, expires_at or both, as in update_proxy_key. A key that '
  'is named twice counts once, and the whole change counts as one write. Refusals: unauthorized, '
  'invalid_request (detail: the argument or field), not_found and key_deleted (detail: the first '
  'refused key, as ids.0), rate_limited (detail: seconds to wait).';


insert into proxy_private.argument_rules (argument, rule) values
  ('ids', 'From 1 to 300 keys, each as a uuid or keyId.'),
  ('deleted', 'Only true, and without other changes.');


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.require_keys, proxy_private.change_proxy_keys, public.change_proxy_keys
from public, anon, authenticated, service_role;
grant execute on function proxy_private.change_proxy_keys, public.change_proxy_keys to authenticated;


-- 0950_administering.sql

-- Administering keys: admins suspend, reactivate and limit the keys of any user, with a reason.

create function proxy_private.require_reason(reason text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  clean_reason text := proxy_private.clean_reason(require_reason.reason);
begin
  if clean_reason is null then
    perform proxy_private.refuse('invalid_request', 'reason');
  end if;
  return clean_reason;
end
$$;
comment on function proxy_private.require_reason is
  'Returns the reason as clean text of 1 to 500 characters; refuses (invalid_request) anything '
  'else.';


-- Security definer: it writes another user's key for an admin.
create function proxy_private.suspend_proxy_key(id text, reason text) returns proxy_private.key_summaries
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  admin_id uuid := proxy_private.require_admin_writer();
  clean_reason text;
  key proxy_private.proxy_keys;
  summary proxy_private.key_summaries;
begin
  clean_reason := proxy_private.require_reason(suspend_proxy_key.reason);
  key := proxy_private.lock_key(suspend_proxy_key.id, null);
  if key.deleted_at is not null then
    perform proxy_private.refuse('key_deleted');
  end if;
  if key.suspended_at is null then
    perform proxy_private.claim_write(admin_id, 'administer');
    perform proxy_private.give_reason(clean_reason);
    update proxy_private.proxy_keys as k
    set suspended_at = clock_timestamp(), suspended_reason = clean_reason
    where k.id = key.id;
    perform proxy_private.give_reason(null);
  end if;
  select * into summary from proxy_private.key_summaries as s where s.id = key.id;
  return summary;
end
$$;
comment on function proxy_private.suspend_proxy_key is 'Does the work of public.suspend_proxy_key.';

create function public.suspend_proxy_key(id text, reason text) returns public.proxy_key_summaries
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.suspend_proxy_key(suspend_proxy_key.id, suspend_proxy_key.reason);
end
$$;
comment on function public.suspend_proxy_key is
  'For admins: takes any user''s key (uuid or keyId) out of service until it is reactivated, with '
  'a reason (1 to 500 characters) that its owner can read. A key that is already suspended is '
  'returned unchanged. Refusals: unauthorized, forbidden, invalid_request (detail: reason), '
  'not_found, key_deleted, rate_limited (detail: seconds to wait).';


-- Called before the key is locked: a ban or removal of the owner's account then happens entirely
-- before or after this transaction.
create function proxy_private.lock_owner(reference text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  named_id uuid := proxy_private.resolve_key(lock_owner.reference);
  owner_id uuid;
begin
  select k.user_id into owner_id from proxy_private.proxy_keys as k where k.id = named_id;
  perform from auth.users as u where u.id = owner_id for share;
end
$$;
comment on function proxy_private.lock_owner is
  'Blocks a ban or removal of the account that owns the key (uuid or keyId) until the transaction '
  'ends.';


-- Security definer: it writes another user's key for an admin.
create function proxy_private.reactivate_proxy_key(id text, reason text)
returns proxy_private.key_summaries
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  admin_id uuid := proxy_private.require_admin_writer();
  clean_reason text;
  key proxy_private.proxy_keys;
  summary proxy_private.key_summaries;
begin
  if reactivate_proxy_key.reason is not null then
    clean_reason := proxy_private.require_reason(reactivate_proxy_key.reason);
  end if;
  perform proxy_private.lock_owner(reactivate_proxy_key.id);
  key := proxy_private.lock_key(reactivate_proxy_key.id, null);
  if key.deleted_at is not null or key.suspended_at is not null then
    if key.user_id is null then
      perform proxy_private.refuse('key_deleted');
    end if;
    perform proxy_private.claim_write(admin_id, 'administer');
    if key.deleted_at is not null then
      perform proxy_private.lock_writes(key.user_id, 'mint');
      perform proxy_private.claim_key_slot(key.user_id, key.tier);
    end if;
    perform proxy_private.give_reason(clean_reason);
    update proxy_private.proxy_keys as k
    set deleted_at = null, suspended_at = null, suspended_reason = null
    where k.id = key.id;
    perform proxy_private.give_reason(null);
  end if;
  select * into summary from proxy_private.key_summaries as s where s.id = key.id;
  return summary;
end
$$;
comment on function proxy_private.reactivate_proxy_key is
  'Does the work of public.reactivate_proxy_key.';

create function public.reactivate_proxy_key(id text, reason text default null)
returns public.proxy_key_summaries
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.reactivate_proxy_key(reactivate_proxy_key.id, reactivate_proxy_key.reason);
end
$$;
comment on function public.reactivate_proxy_key is
  'For admins: puts any user''s deleted or suspended key (uuid or keyId) back in service with its '
  'old secret; the reason, if any, is recorded in the audit. An active key is returned unchanged, '
  'and an expiry stays. Refusals: unauthorized, forbidden, invalid_request (detail: reason), '
  'not_found, key_limit_reached, key_deleted (the owner''s account is gone), rate_limited (detail: '
  'seconds to wait).';


-- Security definer: it writes another user's key for an admin.
create function proxy_private.set_proxy_key_limits(id text, reason text, limits jsonb)
returns proxy_private.key_summaries
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  admin_id uuid := proxy_private.require_admin_writer();
  wanted jsonb := set_proxy_key_limits.limits;
  wrong_limit text;
  clean_reason text;
  key proxy_private.proxy_keys;
  summary proxy_private.key_summaries;
begin
  perform proxy_private.require_size(pg_column_size(wanted), 'limits');
  wrong_limit := proxy_private.wrong_limit(wanted);
  if wrong_limit is not null then
    perform proxy_private.refuse('invalid_request', left(wrong_limit, 80));
  end if;
  clean_reason := proxy_private.require_reason(set_proxy_key_limits.reason);
  key := proxy_private.lock_key(set_proxy_key_limits.id, null);
  if key.deleted_at is not null then
    perform proxy_private.refuse('key_deleted');
  end if;
  perform proxy_private.claim_write(admin_id, 'administer');
  perform proxy_private.give_reason(clean_reason);
  update proxy_private.proxy_keys as k
  set limit_overrides = jsonb_strip_nulls(k.limit_overrides || wanted)
  where k.id = key.id;
  perform proxy_private.give_reason(null);
  select * into summary from proxy_private.key_summaries as s where s.id = key.id;
  return summary;
end
$$;
comment on function proxy_private.set_proxy_key_limits is
  'Does the work of public.set_proxy_key_limits.';

-- One argument for all limits, because null is a value too: it removes an override.
create function public.set_proxy_key_limits(id text, reason text, limits jsonb)
returns public.proxy_key_summaries
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.set_proxy_key_limits(
    set_proxy_key_limits.id, set_proxy_key_limits.reason, set_proxy_key_limits.limits
  );
end
$$;
comment on function public.set_proxy_key_limits is
  'For admins: sets the limits of any user''s key (uuid or keyId) that `limits` contains: '
  'bandwidth_limit_bytes per calendar month (0 to 2^53 - 1), rate_limit in CONNECTs per second and '
  'tunnel_limit in open tunnels on one gateway (both 1 to 1,000,000), or null for the tier''s '
  'limit. The reason is recorded in the audit. Refusals: unauthorized, forbidden, invalid_request '
  '(detail: the argument or the limit), not_found, key_deleted, rate_limited (detail: seconds to '
  'wait).';


-- Auth stores e-mail addresses in lower case. An unconfirmed address may belong to someone else,
-- and an address that two accounts share identifies neither.
create function proxy_private.find_user(reference text) returns uuid
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  perform proxy_private.require_size(octet_length(find_user.reference), 'user');
  if pg_input_is_valid(find_user.reference, 'uuid') then
    return (select u.id from auth.users as u where u.id = find_user.reference::uuid);
  end if;
  return (
    select case when count(*) = 1 then (array_agg(u.id))[1] end
    from auth.users as u
    where u.email = lower(find_user.reference) and u.email_confirmed_at is not null
  );
end
$$;
comment on function proxy_private.find_user is
  'Returns the id of the user with this id, or of the only user with this confirmed e-mail '
  'address; otherwise null.';


insert into proxy_private.argument_rules (argument, rule) values
  ('user', 'The id or the e-mail address of a user.');


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.require_reason, proxy_private.suspend_proxy_key, public.suspend_proxy_key, proxy_private.lock_owner,
  proxy_private.reactivate_proxy_key, public.reactivate_proxy_key, proxy_private.set_proxy_key_limits,
  public.set_proxy_key_limits, proxy_private.find_user
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.suspend_proxy_key, public.suspend_proxy_key, proxy_private.reactivate_proxy_key,
  public.reactivate_proxy_key, proxy_private.set_proxy_key_limits, public.set_proxy_key_limits
to authenticated;


-- 0955_finding_keys.sql

-- Finding keys: admins search the keys of all users.

-- Security definer: it reads every user's keys for an admin.
create function proxy_private.find_proxy_keys(
  "limit" integer, cursor text, key_id text, "user" text, label text, active boolean, tier text,
  live_mode boolean, state text
) returns public.proxy_page
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  place record;
  most integer;
  filter proxy_private.key_filter;
  owner_id uuid;
  one_key uuid;
  -- no index has the state, so a page examines at most this many keys, even if few match
  most_looked_at constant integer := 2000;
  found proxy_private.key_summaries[];
  last_key proxy_private.key_summaries;
  answer public.proxy_page;
begin
  perform proxy_private.require_admin();
  filter := proxy_private.read_key_filter(
    find_proxy_keys.active, find_proxy_keys.tier, find_proxy_keys.live_mode, find_proxy_keys.label,
    find_proxy_keys.state
  );
  place := proxy_private.decode_cursor(find_proxy_keys.cursor);
  most := proxy_private.require_limit(coalesce(find_proxy_keys."limit", 50));
  if find_proxy_keys."user" is not null then
    owner_id := proxy_private.find_user(find_proxy_keys."user");
    if owner_id is null then
      return ('[]'::json, null)::public.proxy_page;
    end if;
  end if;
  if find_proxy_keys.key_id is not null then
    one_key := proxy_private.resolve_key(find_proxy_keys.key_id);
    if one_key is null then
      return ('[]'::json, null)::public.proxy_page;
    end if;
  end if;
  found := proxy_private.newest_keys(
    one_key, owner_id, false, filter, place.moment, place.id,
    case when filter.states is null then most + 1 else most_looked_at end
  );
  if filter.states is not null then
    if cardinality(found) = most_looked_at then
      last_key := found[most_looked_at];
    end if;
    found := array(
      select f from unnest(found) as f
      where f.state = any (filter.states)
      order by f.created_at desc, f.id desc
    );
  end if;
  if cardinality(found) > most then
    last_key := found[most];
  end if;
  -- straight to json: building jsonb takes longer than finding the page
  select coalesce(json_agg(e), '[]') into answer.items
  from (
    select f.*, (select u.email from auth.users as u where u.id = f.user_id) as email
    from unnest(found[:most]) as f
  ) as e;
  if last_key.id is not null then
    answer.next_cursor := proxy_private.encode_cursor(last_key.created_at, last_key.id);
  end if;
  return answer;
end
$$;
comment on function proxy_private.find_proxy_keys is 'Does the work of public.find_proxy_keys.';

create function public.find_proxy_keys(
  "limit" integer default 50,
  cursor text default null,
  key_id text default null,
  "user" text default null,
  label text default null,
  active boolean default null,
  tier text default null,
  live_mode boolean default null,
  state text default null
) returns public.proxy_page
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.find_proxy_keys(
    find_proxy_keys."limit", find_proxy_keys.cursor, find_proxy_keys.key_id,
    find_proxy_keys."user", find_proxy_keys.label, find_proxy_keys.active, find_proxy_keys.tier,
    find_proxy_keys.live_mode, find_proxy_keys.state
  );
end
$$;
comment on function public.find_proxy_keys is
  'For admins: the keys of all users, newest first, as proxy_key_summaries with the owner''s '
  '`email`; `limit` (1 to 200, default 50) per page, from `cursor` on. Filters: key_id (uuid or '
  'keyId), user (id or e-mail address), label (contains), active, tier, live_mode, and state (one '
  'state, or undeleted); with state, a page examines 2,000 keys, so it may be short or empty and '
  'still have a cursor. Refusals: unauthorized, forbidden, invalid_request (detail: the argument).';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.find_proxy_keys, public.find_proxy_keys
from public, anon, authenticated, service_role;
grant execute on function proxy_private.find_proxy_keys, public.find_proxy_keys to authenticated;


-- 0956_reading_any_key.sql

-- Reading any key: admins see why a user's key is refused. Its events, history and usage come from
-- the same functions that its owner uses, with as_admin. Reads are not audited: the audit records
-- only changes.

create function proxy_private.user_as_admins_see(user_id uuid) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  email text;
  barred_until timestamptz;
begin
  select u.email, proxy_private.barred_until(u.banned_until, u.deleted_at) into email, barred_until
  from auth.users as u where u.id = user_as_admins_see.user_id;
  return jsonb_build_object(
    'user_id', user_as_admins_see.user_id,
    'email', email,
    'removed', not found,
    'barred_until', case when barred_until > now() then barred_until end
  );
end
$$;
comment on function proxy_private.user_as_admins_see is
  'Returns user_id, email, removed (the account no longer exists), and barred_until: null if the '
  'account is not banned, 2100 if it is banned for good.';


create type public.proxy_key_reading as (key jsonb, owner jsonb, account jsonb, last_event jsonb);
comment on type public.proxy_key_reading is
  'A key and what explains its refusals. `key` is as in find_proxy_keys; `owner` has user_id, '
  'email, removed (the account) and barred_until (null, or 2100 for good). `account` is as in '
  'proxy_account, or null once it is removed; `last_event` is the newest from '
  'list_proxy_key_events, or null if none is kept.';

-- Security definer: it reads another user's key for an admin.
create function proxy_private.find_proxy_key(id text) returns public.proxy_key_reading
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  found_id uuid := (proxy_private.find_read_key(find_proxy_key.id, true)).id;
  summary proxy_private.key_summaries;
  answer public.proxy_key_reading;
begin
  select * into summary from proxy_private.key_summaries as s where s.id = found_id;
  answer.owner := proxy_private.user_as_admins_see(summary.user_id);
  answer.key := to_jsonb(summary) || jsonb_build_object('email', answer.owner -> 'email');
  if summary.user_id is not null then
    answer.account := to_jsonb(proxy_private.account_of(summary.user_id));
  end if;
  answer.last_event :=
    (public.list_proxy_key_events(found_id::text, 1, as_admin => true)).items -> 0;
  return answer;
end
$$;
comment on function proxy_private.find_proxy_key is 'Does the work of public.find_proxy_key.';

create function public.find_proxy_key(id text) returns public.proxy_key_reading
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.find_proxy_key(find_proxy_key.id);
end
$$;
comment on function public.find_proxy_key is
  'For admins: any user''s key (uuid, or keyId in any letter case), deleted or not, with what '
  'explains its refusals: its owner, the owner''s account and its last event. Refusals: '
  'unauthorized, forbidden, not_found.';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.user_as_admins_see, proxy_private.find_proxy_key, public.find_proxy_key
from public, anon, authenticated, service_role;
grant execute on function proxy_private.find_proxy_key, public.find_proxy_key to authenticated;


-- 0960_granting.sql

-- Granting: admins grant users the tiers that are not self-serve, and revoke those grants.

create type public.proxy_tier_grant as (
  id uuid,
  user_id uuid,
  tier text,
  granted_at timestamptz,
  granted_by uuid,
  reason text
);
comment on type public.proxy_tier_grant is
  'A user''s permission to mint keys of a tier. granted_by is the admin, or null for a grant made '
  'in SQL.';


create function proxy_private.require_grantee("user" text, tier text) returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  user_id uuid := proxy_private.find_user(require_grantee."user");
begin
  if require_grantee.tier is null then
    perform proxy_private.refuse('invalid_request', 'tier');
  end if;
  perform proxy_private.require_tier(require_grantee.tier);
  if require_grantee."user" is null then
    perform proxy_private.refuse('invalid_request', 'user');
  end if;
  -- a removal of the account happens entirely before or after this transaction
  perform from auth.users as u where u.id = user_id for key share;
  if not found then
    perform proxy_private.refuse('user_not_found');
  end if;
  return user_id;
end
$$;
comment on function proxy_private.require_grantee is
  'Returns the id of the named user, whose account cannot be removed until the transaction ends. '
  'Refuses a missing user or a missing or unknown tier (invalid_request), and an unknown user '
  '(user_not_found).';


-- Security definer: callers may not write grants.
create function proxy_private.grant_proxy_tier("user" text, tier text, reason text)
returns public.proxy_tier_grant
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  admin_id uuid := proxy_private.require_admin_writer();
  grantee uuid;
  clean_reason text;
  made public.proxy_tier_grant;
begin
  clean_reason := proxy_private.require_reason(grant_proxy_tier.reason);
  grantee := proxy_private.require_grantee(grant_proxy_tier."user", grant_proxy_tier.tier);
  perform proxy_private.give_reason(clean_reason);
  -- a conflicting grant may be revoked before it is read: then try again
  while made.id is null loop
    insert into proxy_private.proxy_tier_grants (user_id, tier, granted_by, reason)
    values (grantee, grant_proxy_tier.tier, admin_id, clean_reason)
    on conflict on constraint "a tier is granted to a user once" do nothing;
    if found then
      perform proxy_private.claim_write(admin_id, 'administer');
    end if;
    select g.id, g.user_id, g.tier, g.granted_at, g.granted_by, g.reason into made
    from proxy_private.proxy_tier_grants as g
    where g.user_id = grantee and g.tier = grant_proxy_tier.tier;
  end loop;
  perform proxy_private.give_reason(null);
  return made;
end
$$;
comment on function proxy_private.grant_proxy_tier is 'Does the work of public.grant_proxy_tier.';

create function public.grant_proxy_tier("user" text, tier text, reason text)
returns public.proxy_tier_grant
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.grant_proxy_tier(
    grant_proxy_tier."user", grant_proxy_tier.tier, grant_proxy_tier.reason
  );
end
$$;
comment on function public.grant_proxy_tier is
  'For admins: lets a user (id or e-mail address) mint keys of a tier. An existing grant is '
  'returned unchanged. Refusals: unauthorized, forbidden, invalid_request (detail: the argument), '
  'user_not_found, rate_limited (detail: seconds to wait).';


-- Security definer: callers may not write grants.
create function proxy_private.revoke_proxy_tier("user" text, tier text, reason text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  admin_id uuid := proxy_private.require_admin_writer();
  grantee uuid;
  clean_reason text;
begin
  clean_reason := proxy_private.require_reason(revoke_proxy_tier.reason);
  grantee := proxy_private.require_grantee(revoke_proxy_tier."user", revoke_proxy_tier.tier);
  perform proxy_private.give_reason(clean_reason);
  delete from proxy_private.proxy_tier_grants as g
  where g.user_id = grantee and g.tier = revoke_proxy_tier.tier;
  if found then
    perform proxy_private.claim_write(admin_id, 'administer');
  end if;
  perform proxy_private.give_reason(null);
end
$$;
comment on function proxy_private.revoke_proxy_tier is 'Does the work of public.revoke_proxy_tier.';

create function public.revoke_proxy_tier("user" text, tier text, reason text) returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  perform proxy_private.revoke_proxy_tier(
    revoke_proxy_tier."user", revoke_proxy_tier.tier, revoke_proxy_tier.reason
  );
end
$$;
comment on function public.revoke_proxy_tier is
  'For admins: revokes a user''s (id or e-mail address) grant of a tier; without such a grant it '
  'does nothing. Existing keys keep working: suspend those that should not. Refusals: '
  'unauthorized, forbidden, invalid_request (detail: the argument), user_not_found, rate_limited '
  '(detail: seconds to wait).';


-- Security definer: it reads every user's grants for an admin.
create function proxy_private.list_proxy_tier_grants(
  "limit" integer, cursor text, "user" text, tier text
) returns public.proxy_page
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  place record;
  most integer;
  wanted_tier text;
  owner_id uuid;
begin
  perform proxy_private.require_admin();
  place := proxy_private.decode_cursor(list_proxy_tier_grants.cursor);
  most := proxy_private.require_limit(coalesce(list_proxy_tier_grants."limit", 50));
  wanted_tier := proxy_private.require_tier(list_proxy_tier_grants.tier);
  if list_proxy_tier_grants."user" is not null then
    owner_id := proxy_private.find_user(list_proxy_tier_grants."user");
    if owner_id is null then
      return ('[]'::json, null)::public.proxy_page;
    end if;
  end if;
  return proxy_private.make_page(
    (
      select jsonb_agg(
        to_jsonb(g) || jsonb_build_object(
          'email', (select u.email from auth.users as u where u.id = g.user_id)
        ) order by g.granted_at desc, g.id desc
      )
      from (
        select t.*
        from proxy_private.proxy_tier_grants as t
        where (t.granted_at, t.id) < (place.moment, place.id)
          and (owner_id is null or t.user_id = owner_id)
          and (wanted_tier is null or t.tier = wanted_tier)
        order by t.granted_at desc, t.id desc
        limit most + 1
      ) as g
    ),
    most, 'granted_at', 'id'
  );
end
$$;
comment on function proxy_private.list_proxy_tier_grants is
  'Does the work of public.list_proxy_tier_grants.';

create function public.list_proxy_tier_grants(
  "limit" integer default 50,
  cursor text default null,
  "user" text default null,
  tier text default null
) returns public.proxy_page
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.list_proxy_tier_grants(
    list_proxy_tier_grants."limit", list_proxy_tier_grants.cursor,
    list_proxy_tier_grants."user", list_proxy_tier_grants.tier
  );
end
$$;
comment on function public.list_proxy_tier_grants is
  'For admins: the grants of all users, newest first, with the user''s `email`; `limit` (1 to 200, '
  'default 50) per page, from `cursor` on. Filters: user (id or e-mail address), tier. Refusals: '
  'unauthorized, forbidden, invalid_request (detail: the argument).';


-- Security definer: callers may not read tables.
create function proxy_private.own_tier_grants() returns setof public.proxy_tier_grant
language plpgsql stable security definer rows 3
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_user();
begin
  return query
  select g.id, g.user_id, g.tier, g.granted_at, g.granted_by, g.reason
  from proxy_private.proxy_tier_grants as g
  where g.user_id = owner_id
  order by g.granted_at desc, g.id desc;
end
$$;
comment on function proxy_private.own_tier_grants is
  'Does the work of public.list_own_proxy_tier_grants.';

create function public.list_own_proxy_tier_grants() returns setof public.proxy_tier_grant
language plpgsql stable security invoker rows 3
set search_path = pg_catalog, pg_temp
as $$
begin
  return query select g.* from proxy_private.own_tier_grants() as g;
end
$$;
comment on function public.list_own_proxy_tier_grants is
  'Returns the caller''s tier grants, newest first. Refusals: unauthorized.';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.require_grantee, proxy_private.grant_proxy_tier, public.grant_proxy_tier,
  proxy_private.revoke_proxy_tier, public.revoke_proxy_tier, proxy_private.list_proxy_tier_grants,
  public.list_proxy_tier_grants, proxy_private.own_tier_grants, public.list_own_proxy_tier_grants
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.grant_proxy_tier, public.grant_proxy_tier, proxy_private.revoke_proxy_tier,
  public.revoke_proxy_tier, proxy_private.list_proxy_tier_grants, public.list_proxy_tier_grants,
  proxy_private.own_tier_grants, public.list_own_proxy_tier_grants
to authenticated;


-- 0965_limiting_accounts.sql

-- Limiting accounts: admins read any user's account and set its limits, with a reason.

-- Security definer: it reads another user's account for an admin.
create function proxy_private.find_proxy_account("user" text) returns public.proxy_account_state
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  user_id uuid;
begin
  perform proxy_private.require_admin();
  if find_proxy_account."user" is null then
    perform proxy_private.refuse('invalid_request', 'user');
  end if;
  user_id := proxy_private.find_user(find_proxy_account."user");
  if user_id is null then
    perform proxy_private.refuse('user_not_found');
  end if;
  return proxy_private.account_of(user_id);
end
$$;
comment on function proxy_private.find_proxy_account is
  'Does the work of public.find_proxy_account.';

create function public.find_proxy_account("user" text) returns public.proxy_account_state
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.find_proxy_account(find_proxy_account."user");
end
$$;
comment on function public.find_proxy_account is
  'For admins: the account of a user (id or e-mail address), as proxy_account shows it to the '
  'user. Refusals: unauthorized, forbidden, invalid_request (detail: user), user_not_found.';


-- Security definer: it writes the limits of another user's account for an admin.
create function proxy_private.set_proxy_account_limits(
  "user" text, tier text, reason text, limits jsonb
) returns public.proxy_account_state
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  admin_id uuid := proxy_private.require_admin_writer();
  wanted jsonb := set_proxy_account_limits.limits;
  wrong_limit text;
  clean_reason text;
  owner_id uuid;
begin
  perform proxy_private.require_size(pg_column_size(wanted), 'limits');
  wrong_limit := proxy_private.wrong_limit(wanted, array['account_limit_bytes', 'test_limit_bytes']);
  if wrong_limit is not null then
    perform proxy_private.refuse('invalid_request', left(wrong_limit, 80));
  end if;
  clean_reason := proxy_private.require_reason(set_proxy_account_limits.reason);
  owner_id := proxy_private.require_grantee(
    set_proxy_account_limits."user", set_proxy_account_limits.tier
  );
  perform proxy_private.claim_write(admin_id, 'administer');
  perform proxy_private.give_reason(clean_reason);
  insert into proxy_private.proxy_account_limits as l (user_id, tier, limit_overrides)
  values (owner_id, set_proxy_account_limits.tier, jsonb_strip_nulls(wanted))
  on conflict on constraint proxy_account_limits_pkey
    do update set limit_overrides = jsonb_strip_nulls(l.limit_overrides || wanted);
  perform proxy_private.give_reason(null);
  return proxy_private.account_of(owner_id);
end
$$;
comment on function proxy_private.set_proxy_account_limits is
  'Does the work of public.set_proxy_account_limits.';

create function public.set_proxy_account_limits("user" text, tier text, reason text, limits jsonb)
returns public.proxy_account_state
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.set_proxy_account_limits(
    set_proxy_account_limits."user", set_proxy_account_limits.tier,
    set_proxy_account_limits.reason, set_proxy_account_limits.limits
  );
end
$$;
comment on function public.set_proxy_account_limits is
  'For admins: sets how many bytes all keys of a user (id or e-mail address) and tier may transfer '
  'together per calendar month: of `limits`, account_limit_bytes for live keys and '
  'test_limit_bytes for test keys, each 0 to 2^53 - 1, or null for the tier''s limit. The reason '
  'is recorded in the audit. Refusals: unauthorized, forbidden, invalid_request (detail: the '
  'argument or the limit), user_not_found, rate_limited (detail: seconds to wait).';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.find_proxy_account, public.find_proxy_account, proxy_private.set_proxy_account_limits,
  public.set_proxy_account_limits
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.find_proxy_account, public.find_proxy_account, proxy_private.set_proxy_account_limits,
  public.set_proxy_account_limits
to authenticated;


-- 0967_users_by_usage.sql

-- Users by usage: admins see which users transfer the most this month.

-- Security definer: it reads every user's usage for an admin.
create function proxy_private.list_proxy_users("limit" integer, cursor text, "user" text)
returns public.proxy_page
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
-- read in index order, so that a page reads only its own rows
set enable_sort = off
as $$
declare
  this_month constant date := date_trunc('month', now() at time zone 'UTC');
  -- the largest integer that a JSON number holds exactly
  most_bytes constant bigint := 9007199254740991;
  place record;
  most integer;
  found proxy_private.proxy_user_monthly[];
  answer public.proxy_page;
begin
  perform proxy_private.require_admin();
  place := proxy_private.decode_place(list_proxy_users.cursor, most_bytes);
  most := proxy_private.require_limit(coalesce(list_proxy_users."limit", 50));
  if list_proxy_users."user" is not null then
    found := array(
      select (u.id, this_month, coalesce(m.bytes, 0))::proxy_private.proxy_user_monthly
      from proxy_private.find_user(list_proxy_users."user") as u (id)
      left join proxy_private.proxy_user_monthly as m on m.user_id = u.id and m.month = this_month
      where u.id is not null and list_proxy_users.cursor is null
    );
  else
    found := array(
      select m from proxy_private.proxy_user_monthly as m
      where m.month = this_month and m.bytes > 0
        and (m.bytes, m.user_id) < (
          coalesce(place.rank, most_bytes),
          coalesce(place.id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
        )
      order by m.bytes desc, m.user_id desc
      limit most + 1
    );
  end if;
  select coalesce(
    json_agg(
      proxy_private.user_as_admins_see(f.user_id) || to_jsonb(proxy_private.account_of(f.user_id))
        || jsonb_build_object('used_bytes', f.bytes)
    ),
    '[]'
  )
  into answer.items
  from unnest(found[:most]) as f;
  if cardinality(found) > most then
    answer.next_cursor := proxy_private.encode_place(found[most].bytes, found[most].user_id);
  end if;
  return answer;
end
$$;
comment on function proxy_private.list_proxy_users is 'Does the work of public.list_proxy_users.';

create function public.list_proxy_users(
  "limit" integer default 50, cursor text default null, "user" text default null
) returns public.proxy_page
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.list_proxy_users(
    list_proxy_users."limit", list_proxy_users.cursor, list_proxy_users."user"
  );
end
$$;
comment on function public.list_proxy_users is
  'For admins: the users whose keys transferred bytes in this calendar month (UTC), the most '
  'first, `limit` (1 to 200, default 50) per page, from `cursor` on; or only `user` (id or e-mail '
  'address), whatever it transferred. Each has the account as proxy_account shows it, email, '
  'removed, barred_until (null, or 2100 for good) and used_bytes of all live and test keys; a user '
  'whose usage rises between two pages may be missing. Refusals: unauthorized, forbidden, '
  'invalid_request (detail: the argument).';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function proxy_private.list_proxy_users, public.list_proxy_users
from public, anon, authenticated, service_role;
grant execute on function proxy_private.list_proxy_users, public.list_proxy_users to authenticated;


-- 0975_setting_thresholds.sql

-- Setting thresholds: the percentages of a quota at which a user gets alerts.

create type public.proxy_alert_threshold as (
  api_key_id uuid, key_id text, percents integer[], label text
);
comment on type public.proxy_alert_threshold is
  'The percentages of a quota at which a user is alerted, in ascending order. A row with a key, '
  'and that key''s label, is for that key; the row without a key is for the account and for all '
  'keys that are not listed.';


-- Security definer: callers may not read tables.
create function proxy_private.own_alert_thresholds() returns setof public.proxy_alert_threshold
language plpgsql stable security definer rows 10
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_user();
begin
  return query select
    null::uuid, null::text, proxy_private.thresholds_of(owner_id, null)::integer[], null::text;
  return query
  select k.id, k.key_id, t.percents::integer[], k.label
  from proxy_private.proxy_alert_thresholds as t
  join proxy_private.proxy_keys as k on k.id = t.api_key_id
  where t.user_id = owner_id and k.deleted_at is null
  order by k.key_id;
end
$$;
comment on function proxy_private.own_alert_thresholds is
  'Does the work of public.list_proxy_alert_thresholds.';

create function public.list_proxy_alert_thresholds() returns setof public.proxy_alert_threshold
language plpgsql stable security invoker rows 10
set search_path = pg_catalog, pg_temp
as $$
begin
  return query select t.* from proxy_private.own_alert_thresholds() as t;
end
$$;
comment on function public.list_proxy_alert_thresholds is
  'Returns the percentages of a quota at which the caller is alerted: first the row for the '
  'account and for all keys without their own (default 80, 95 and 100), then one row per key with '
  'its own. Refusals: unauthorized.';


-- Security definer: callers may not write tables.
create function proxy_private.set_alert_thresholds(percents integer[], reference text)
returns public.proxy_alert_threshold
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_writer();
  wanted smallint[];
  key proxy_private.proxy_keys;
  answer public.proxy_alert_threshold;
begin
  if cardinality(set_alert_thresholds.percents) > 5
    or array_ndims(set_alert_thresholds.percents) > 1
    or array_position(set_alert_thresholds.percents, null) is not null
    or 10 > any (set_alert_thresholds.percents)
    or 100 < any (set_alert_thresholds.percents)
  then
    perform proxy_private.refuse('invalid_request', 'percents');
  end if;
  if set_alert_thresholds.reference is not null then
    key := proxy_private.lock_key(set_alert_thresholds.reference, owner_id);
    if key.deleted_at is not null then
      perform proxy_private.refuse('key_deleted');
    end if;
  end if;
  perform proxy_private.claim_write(owner_id, 'change');
  if set_alert_thresholds.percents is null then
    delete from proxy_private.proxy_alert_thresholds as t
    where t.user_id = owner_id and t.api_key_id is not distinct from key.id;
  else
    wanted := array(
      select distinct p::smallint from unnest(set_alert_thresholds.percents) as p order by 1
    );
    insert into proxy_private.proxy_alert_thresholds (user_id, api_key_id, percents)
    values (owner_id, key.id, wanted)
    on conflict on constraint "thresholds are set once for each key"
      do update set percents = excluded.percents;
  end if;
  -- alert at once about thresholds that are already passed
  if key.id is not null then
    perform proxy_private.alert_key_quotas(array[key.id]);
  else
    perform proxy_private.alert_key_quotas(array(
      select k.id from proxy_private.proxy_keys as k where k.user_id = owner_id and k.deleted_at is null
    ));
    perform proxy_private.alert_account_quotas(owner_id);
  end if;
  answer.api_key_id := key.id;
  answer.key_id := key.key_id;
  answer.percents := proxy_private.thresholds_of(owner_id, key.id);
  answer.label := key.label;
  return answer;
end
$$;
comment on function proxy_private.set_alert_thresholds is
  'Does the work of public.set_proxy_alert_thresholds.';

create function public.set_proxy_alert_thresholds(percents integer[], id text default null)
returns public.proxy_alert_threshold
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.set_alert_thresholds(
    set_proxy_alert_thresholds.percents, set_proxy_alert_thresholds.id
  );
end
$$;
comment on function public.set_proxy_alert_thresholds is
  'Sets the percentages of a quota (up to five, 10 to 100) at which the caller is alerted: for one '
  'key (uuid or keyId), or, without one, for the account and all keys without their own. An empty '
  'list turns alerts off, null removes the setting, and a threshold that is already passed raises '
  'an alert at once. Refusals: unauthorized, not_found, key_deleted, invalid_request (detail: '
  'percents), rate_limited (detail: seconds to wait).';


insert into proxy_private.argument_rules (argument, rule) values
  (
    'percents',
    'Up to five whole numbers from 10 to 100: an empty list for no alerts, null for the default.'
  );


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.own_alert_thresholds, public.list_proxy_alert_thresholds, proxy_private.set_alert_thresholds,
  public.set_proxy_alert_thresholds
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.own_alert_thresholds, public.list_proxy_alert_thresholds, proxy_private.set_alert_thresholds,
  public.set_proxy_alert_thresholds
to authenticated;


-- 0976_webhook_rules.sql

-- Webhooks as their owners see them, and the rules for their fields: where a user wants alerts
-- sent. Admins set the operator's webhooks, which get all users' alerts.

insert into proxy_private.refusals (sql_state, code, message, occurs_when) values
  (
    'PT404', 'webhook_not_found', 'Not found: you have no such webhook.',
    'the webhook or delivery does not exist, or is not yours'
  ),
  (
    'PT409', 'webhook_limit_reached',
    'The limit of ten webhooks is reached: delete a webhook first.',
    'the user, or the operator, already has ten webhooks'
  ),
  (
    'PT409', 'webhook_disabled', 'The webhook is disabled: enable it first.',
    'a disabled webhook cannot be tested, and nothing can be resent to it'
  ),
  (
    'PT409', 'email_not_confirmed',
    'The account has no confirmed e-mail address: confirm it first.',
    'the account has no confirmed address, the only one that alerts are mailed to'
  );

create type public.proxy_webhook as (
  id uuid,
  kind text,
  label text,
  address text,
  types text[],
  created_at timestamptz,
  last_delivered_at timestamptz,
  failing_since timestamptz,
  disabled_at timestamptz,
  disabled_reason text,
  secret text
);
comment on type public.proxy_webhook is
  'A webhook. address is the URL of a generic webhook, the host if the URL is a secret, or an '
  'e-mail address; types are the alerts it gets, null for all. secret is the signing secret of a '
  'generic webhook, returned only when it is created or rotated.';


create function proxy_private.show_webhook(webhook proxy_private.proxy_webhooks, secret text default null)
returns public.proxy_webhook
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  w constant proxy_private.proxy_webhooks := show_webhook.webhook;
begin
  return (
    w.id, w.kind, w.label, w.address, w.types, w.created_at, w.last_delivered_at, w.failing_since,
    w.disabled_at, w.disabled_reason, show_webhook.secret
  )::public.proxy_webhook;
end
$$;
comment on function proxy_private.show_webhook is 'Returns a webhook as its owner sees it.';


-- Checks only the text of the URL; each delivery attempt checks where it leads.
create function proxy_private.require_webhook_url(url text, hosts text[]) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  local_allowed constant boolean := (select s.allow_local_webhooks from proxy_private.delivery_settings as s);
  host text;
begin
  if octet_length(require_webhook_url.url) > 2000
    -- visible ASCII: other characters must be percent-encoded, and a fragment is never sent
    or require_webhook_url.url !~ '^https?://[!-~]+$'
    or require_webhook_url.url ~ '[#\\"<>^`{|}]'
    or (require_webhook_url.url !~ '^https://' and not local_allowed)
  then
    perform proxy_private.refuse('invalid_request', 'url');
  end if;
  -- no user information, which is a credential in a URL
  host := substring(require_webhook_url.url from '^https?://(\[[0-9a-fA-F:.]+\]|[^][/?:@]+)(?::[0-9]{1,5})?(?:[/?]|$)');
  if host is null
    or (
      lower(host) <> all (require_webhook_url.hosts)
      and not (local_allowed and host ~ '^(127\.[0-9.]+|localhost)$')
    )
  then
    perform proxy_private.refuse('invalid_request', 'url');
  end if;
  return require_webhook_url.url;
end
$$;
comment on function proxy_private.require_webhook_url is
  'Returns an absolute https URL without user information or fragment, on one of `hosts` if given; '
  'refuses (invalid_request) anything else. Plain http is allowed only on local stacks.';


create function proxy_private.require_alert_types(types text[]) returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if cardinality(require_alert_types.types) not between 1 and 50
    or array_ndims(require_alert_types.types) > 1
    or not require_alert_types.types <@ proxy_private.alert_types()
  then
    perform proxy_private.refuse('invalid_request', 'types');
  end if;
  return array(select distinct t from unnest(require_alert_types.types) as t order by 1);
end
$$;
comment on function proxy_private.require_alert_types is
  'Returns types of alerts without duplicates; refuses (invalid_request) an empty list and unknown '
  'types.';


create function proxy_private.require_webhook_owner(operator boolean) returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if require_webhook_owner.operator then
    perform proxy_private.require_admin_writer();
    return null;
  end if;
  return proxy_private.require_writer();
end
$$;
comment on function proxy_private.require_webhook_owner is
  'Returns the caller''s id, or null for an admin who acts for the operator; refuses other callers '
  '(unauthorized, forbidden).';


create function proxy_private.new_signing_key(out key text, out shown text)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  key := encode(extensions.gen_random_bytes(32), 'base64');
  shown := 'whsec_' || key;
end
$$;
comment on function proxy_private.new_signing_key is
  'Returns a new signing key of 32 random bytes, in base64 and as Standard Webhooks writes it.';


insert into proxy_private.argument_rules (argument, rule) values
  ('kind', 'One of webhook, slack, discord, pagerduty and, for users only, email.'),
  (
    'url',
    'An https:// URL of at most 2,000 characters, without credentials or fragment: on any host for '
      'kind webhook, on hooks.slack.com for slack, on discord.com for discord; no URL for other '
      'kinds.'
  ),
  ('routing_key', 'A PagerDuty integration key of 32 characters, for kind pagerduty only.'),
  (
    'types',
    'At least one type of alert, such as key.quota, or null for all: docs/alerts.md lists them.'
  ),
  ('disabled', 'Either true or false.');


-- Revoke everything, even if default privileges are open.
revoke all on function
  proxy_private.show_webhook,
  proxy_private.require_webhook_url,
  proxy_private.require_alert_types,
  proxy_private.require_webhook_owner,
  proxy_private.new_signing_key
from public, anon, authenticated, service_role;


-- 0977_creating_webhooks.sql

-- Creating webhooks: up to ten per user, and ten for the operator.

-- Security definer: callers may not write tables.
create function proxy_private.create_proxy_webhook(
  kind text, url text, routing_key text, label text, types text[], operator boolean
) returns public.proxy_webhook
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_webhook_owner(coalesce(create_proxy_webhook.operator, false));
  made proxy_private.proxy_webhooks;
  secret jsonb;
  shown text;
begin
  perform proxy_private.require_size(octet_length(create_proxy_webhook.kind), 'kind');
  perform proxy_private.require_size(octet_length(create_proxy_webhook.url), 'url');
  perform proxy_private.require_size(octet_length(create_proxy_webhook.routing_key), 'routing_key');
  perform proxy_private.require_size(pg_column_size(create_proxy_webhook.types), 'types');
  if create_proxy_webhook.kind is null
    or create_proxy_webhook.kind not in ('webhook', 'slack', 'discord', 'pagerduty', 'email')
  then
    perform proxy_private.refuse('invalid_request', 'kind');
  end if;
  made.kind := create_proxy_webhook.kind;
  if create_proxy_webhook.label is not null then
    made.label := proxy_private.require_label(create_proxy_webhook.label);
  end if;
  if create_proxy_webhook.types is not null then
    made.types := proxy_private.require_alert_types(create_proxy_webhook.types);
  end if;

  if made.kind in ('webhook', 'slack', 'discord') then
    if create_proxy_webhook.url is null then
      perform proxy_private.refuse('invalid_request', 'url');
    end if;
    secret := jsonb_build_object('url', proxy_private.require_webhook_url(
      create_proxy_webhook.url,
      case made.kind
        when 'slack' then array['hooks.slack.com', 'hooks.slack-gov.com']
        when 'discord' then array['discord.com', 'discordapp.com', 'canary.discord.com', 'ptb.discord.com']
      end
    ));
    -- a Slack or Discord URL is a secret: anyone who has it can post there
    made.address := case
      when made.kind = 'webhook' then create_proxy_webhook.url
      else substring(create_proxy_webhook.url from '^https?://([^/?:]+)')
    end;
  elsif create_proxy_webhook.url is not null then
    perform proxy_private.refuse('invalid_request', 'url');
  end if;
  if made.kind = 'pagerduty' then
    if create_proxy_webhook.routing_key is null or create_proxy_webhook.routing_key !~ '^[0-9A-Za-z]{32}$' then
      perform proxy_private.refuse('invalid_request', 'routing_key');
    end if;
    secret := jsonb_build_object('key', create_proxy_webhook.routing_key);
    made.address := 'events.pagerduty.com';
  elsif create_proxy_webhook.routing_key is not null then
    perform proxy_private.refuse('invalid_request', 'routing_key');
  end if;
  if made.kind = 'email' then
    -- the operator has no account, and so no confirmed address
    if owner_id is null then
      perform proxy_private.refuse('invalid_request', 'kind');
    end if;
    select u.email into made.address
    from auth.users as u where u.id = owner_id and u.email_confirmed_at is not null;
    if made.address is null then
      perform proxy_private.refuse('email_not_confirmed');
    end if;
    secret := '{}';
  end if;

  perform proxy_private.claim_write(coalesce(owner_id, proxy_private.token_subject()), case when owner_id is null then 'administer' else 'change' end);
  -- this lock covers the count of the operator's webhooks; claim_write's lock covers a user's
  if owner_id is null then
    perform from proxy_private.delivery_settings for no key update;
  end if;
  if (
    select count(*) from proxy_private.proxy_webhooks as w
    where w.user_id = owner_id or (owner_id is null and w.user_id is null)
  ) >= 10 then
    perform proxy_private.refuse('webhook_limit_reached');
  end if;
  insert into proxy_private.proxy_webhooks (user_id, kind, label, address, types)
  values (owner_id, made.kind, made.label, made.address, made.types)
  returning * into made;
  if made.kind = 'webhook' then
    select secret || jsonb_build_object('key', k.key), k.shown into secret, shown
    from proxy_private.new_signing_key() as k;
  end if;
  perform proxy_private.keep_webhook_secret(made.id, secret);
  return proxy_private.show_webhook(made, shown);
end
$$;
comment on function proxy_private.create_proxy_webhook is
  'Does the work of public.create_proxy_webhook.';

create function public.create_proxy_webhook(
  kind text, url text default null, routing_key text default null, label text default null,
  types text[] default null, operator boolean default false
) returns public.proxy_webhook
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.create_proxy_webhook(
    create_proxy_webhook.kind, create_proxy_webhook.url, create_proxy_webhook.routing_key,
    create_proxy_webhook.label, create_proxy_webhook.types, create_proxy_webhook.operator
  );
end
$$;
comment on function public.create_proxy_webhook is
  'Creates a webhook for the caller, or, for admins with `operator`, one that gets all users'' '
  'alerts. kind is webhook (needs url; returns the signing secret, only this once), slack or '
  'discord (url), pagerduty (routing_key) or email (to the account''s confirmed address); types '
  'are the alerts it gets, null for all. Refusals: unauthorized, forbidden, invalid_request '
  '(detail: the argument), email_not_confirmed, webhook_limit_reached, rate_limited (detail: '
  'seconds to wait).';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.create_proxy_webhook,
  public.create_proxy_webhook
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.create_proxy_webhook,
  public.create_proxy_webhook
to authenticated;


-- 0978_changing_webhooks.sql

-- Changing webhooks: list, update, delete, and rotate the signing secret.

-- Security definer: callers may not read tables.
create function proxy_private.list_proxy_webhooks(operator boolean) returns setof public.proxy_webhook
language plpgsql stable security definer rows 10
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid;
begin
  if list_proxy_webhooks.operator then
    perform proxy_private.require_admin();
  else
    owner_id := proxy_private.require_user();
  end if;
  return query
  select s.*
  from proxy_private.proxy_webhooks as w
  cross join lateral proxy_private.show_webhook(w) as s
  -- "is not distinct from" would not use the index
  where w.user_id = owner_id or (owner_id is null and w.user_id is null)
  order by w.created_at, w.id;
end
$$;
comment on function proxy_private.list_proxy_webhooks is
  'Does the work of public.list_proxy_webhooks.';

create function public.list_proxy_webhooks(operator boolean default false)
returns setof public.proxy_webhook
language plpgsql stable security invoker rows 10
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select w.* from proxy_private.list_proxy_webhooks(coalesce(list_proxy_webhooks.operator, false)) as w;
end
$$;
comment on function public.list_proxy_webhooks is
  'Returns the caller''s webhooks, or, for admins with `operator`, those that get all users'' '
  'alerts, oldest first and without secrets. Refusals: unauthorized, forbidden.';


-- `operator` selects the operator's webhooks, not the admin's own. Another user's webhook is not
-- found.
create function proxy_private.lock_webhook(id uuid, operator boolean) returns proxy_private.proxy_webhooks
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_webhook_owner(coalesce(lock_webhook.operator, false));
  webhook proxy_private.proxy_webhooks;
begin
  select * into webhook from proxy_private.proxy_webhooks as w
  where w.id = lock_webhook.id and w.user_id is not distinct from owner_id
  for no key update;
  if not found then
    perform proxy_private.refuse('webhook_not_found');
  end if;
  perform proxy_private.claim_write(
    coalesce(owner_id, proxy_private.token_subject()),
    case when owner_id is null then 'administer' else 'change' end
  );
  return webhook;
end
$$;
comment on function proxy_private.lock_webhook is
  'Returns the caller''s webhook, or, for admins with `operator`, the operator''s, locked until '
  'the transaction ends, and counts a write. Refusals: unauthorized, forbidden, webhook_not_found, '
  'rate_limited.';


-- Security definer: callers may not write tables.
create function proxy_private.update_proxy_webhook(id uuid, changes jsonb, operator boolean)
returns public.proxy_webhook
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  wanted constant jsonb := update_proxy_webhook.changes;
  unknown_name text;
  webhook proxy_private.proxy_webhooks;
begin
  perform proxy_private.require_size(pg_column_size(wanted), 'changes');
  if jsonb_typeof(wanted) is distinct from 'object' then
    perform proxy_private.refuse('invalid_request', 'changes');
  end if;
  select left(name, 80) into unknown_name
  from jsonb_object_keys(wanted) as name
  where name not in ('label', 'types', 'disabled')
  order by name
  limit 1;
  if unknown_name is not null then
    perform proxy_private.refuse('invalid_request', unknown_name);
  end if;
  webhook := proxy_private.lock_webhook(update_proxy_webhook.id, update_proxy_webhook.operator);
  if wanted ? 'label' then
    if jsonb_typeof(wanted -> 'label') not in ('string', 'null') then
      perform proxy_private.refuse('invalid_request', 'label');
    end if;
    webhook.label := case when wanted ->> 'label' is not null
      then proxy_private.require_label(wanted ->> 'label') end;
  end if;
  if wanted ? 'types' then
    webhook.types := null;
    if jsonb_typeof(wanted -> 'types') <> 'null' then
      if jsonb_typeof(wanted -> 'types') <> 'array'
        or exists (
          select from jsonb_array_elements(wanted -> 'types') as t where jsonb_typeof(t) <> 'string'
        )
      then
        perform proxy_private.refuse('invalid_request', 'types');
      end if;
      webhook.types := proxy_private.require_alert_types(
        array(select jsonb_array_elements_text(wanted -> 'types'))
      );
    end if;
  end if;
  if wanted ? 'disabled' then
    if jsonb_typeof(wanted -> 'disabled') <> 'boolean' then
      perform proxy_private.refuse('invalid_request', 'disabled');
    end if;
    if (wanted -> 'disabled')::boolean then
      webhook.disabled_at := coalesce(webhook.disabled_at, now());
      webhook.disabled_reason := coalesce(webhook.disabled_reason, 'owner');
    else
      -- the three days of failures start again
      webhook.disabled_at := null;
      webhook.disabled_reason := null;
      webhook.failures := 0;
      webhook.failing_since := null;
    end if;
  end if;
  update proxy_private.proxy_webhooks as w
  set label = webhook.label, types = webhook.types, failures = webhook.failures,
    failing_since = webhook.failing_since, disabled_at = webhook.disabled_at,
    disabled_reason = webhook.disabled_reason
  where w.id = webhook.id;
  return proxy_private.show_webhook(webhook);
end
$$;
comment on function proxy_private.update_proxy_webhook is
  'Does the work of public.update_proxy_webhook.';

create function public.update_proxy_webhook(
  id uuid, changes jsonb, operator boolean default false
) returns public.proxy_webhook
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.update_proxy_webhook(
    update_proxy_webhook.id, update_proxy_webhook.changes, update_proxy_webhook.operator
  );
end
$$;
comment on function public.update_proxy_webhook is
  'Sets the fields in `changes` (label, types, disabled) of the caller''s webhook, or, for admins '
  'with `operator`, the operator''s. Enabling a webhook resets its failures; alerts that it missed '
  'while disabled are not sent. Refusals: unauthorized, forbidden, invalid_request (detail: the '
  'field), webhook_not_found, rate_limited (detail: seconds to wait).';


-- Security definer: callers may not write tables.
create function proxy_private.delete_proxy_webhook(id uuid, operator boolean) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  webhook proxy_private.proxy_webhooks :=
    proxy_private.lock_webhook(delete_proxy_webhook.id, delete_proxy_webhook.operator);
begin
  delete from proxy_private.proxy_webhooks as w where w.id = webhook.id;
end
$$;
comment on function proxy_private.delete_proxy_webhook is
  'Does the work of public.delete_proxy_webhook.';

create function public.delete_proxy_webhook(id uuid, operator boolean default false) returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  perform proxy_private.delete_proxy_webhook(delete_proxy_webhook.id, delete_proxy_webhook.operator);
end
$$;
comment on function public.delete_proxy_webhook is
  'Deletes the caller''s webhook, or, for admins with `operator`, the operator''s, with its secret '
  'and its deliveries. Refusals: unauthorized, forbidden, webhook_not_found, rate_limited (detail: '
  'seconds to wait).';


-- Security definer: callers may not write tables.
create function proxy_private.rotate_proxy_webhook(id uuid, operator boolean) returns public.proxy_webhook
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  webhook proxy_private.proxy_webhooks :=
    proxy_private.lock_webhook(rotate_proxy_webhook.id, rotate_proxy_webhook.operator);
  made record;
begin
  if webhook.kind <> 'webhook' then
    perform proxy_private.refuse('invalid_request', 'id');
  end if;
  made := proxy_private.new_signing_key();
  perform proxy_private.keep_webhook_secret(
    webhook.id,
    proxy_private.webhook_secret(webhook.id) || jsonb_build_object('key', made.key)
  );
  return proxy_private.show_webhook(webhook, made.shown);
end
$$;
comment on function proxy_private.rotate_proxy_webhook is
  'Does the work of public.rotate_proxy_webhook.';

create function public.rotate_proxy_webhook(id uuid, operator boolean default false)
returns public.proxy_webhook
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.rotate_proxy_webhook(rotate_proxy_webhook.id, rotate_proxy_webhook.operator);
end
$$;
comment on function public.rotate_proxy_webhook is
  'Gives the caller''s generic webhook, or, for admins with `operator`, the operator''s, a new '
  'signing secret and returns it, only this once. Requests are signed with it from now on. '
  'Refusals: unauthorized, forbidden, invalid_request (detail: id, for another kind), '
  'webhook_not_found, rate_limited (detail: seconds to wait).';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.lock_webhook,
  proxy_private.list_proxy_webhooks,
  public.list_proxy_webhooks,
  proxy_private.update_proxy_webhook,
  public.update_proxy_webhook,
  proxy_private.delete_proxy_webhook,
  public.delete_proxy_webhook,
  proxy_private.rotate_proxy_webhook,
  public.rotate_proxy_webhook
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.list_proxy_webhooks,
  public.list_proxy_webhooks,
  proxy_private.update_proxy_webhook,
  public.update_proxy_webhook,
  proxy_private.delete_proxy_webhook,
  public.delete_proxy_webhook,
  proxy_private.rotate_proxy_webhook,
  public.rotate_proxy_webhook
to authenticated;


-- 0979_reading_deliveries.sql

-- Deliveries as the owners of webhooks see them: attempts and their outcomes, a test, and
-- resending.

create type public.proxy_webhook_delivery as (
  id uuid,
  alert_id uuid,
  type text,
  occurred_at timestamptz,
  state text,
  attempts integer,
  next_attempt_at timestamptz,
  attempt_log jsonb
);
comment on type public.proxy_webhook_delivery is
  'A delivery of an alert (type, occurred_at) to a webhook; state is pending, delivered or failed. '
  'attempts counts the attempts; attempt_log has the last 20 in order, each {number, started_at, '
  'duration_ms, outcome, status, answer}.';


-- Limited, because an owner may resend a delivery any number of times.
create function proxy_private.show_attempts(delivery_id uuid) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select coalesce(jsonb_agg(to_jsonb(a) - 'delivery_id' order by a.number), '[]')
    from (
      select * from proxy_private.proxy_delivery_attempts as t
      where t.delivery_id = show_attempts.delivery_id
      order by t.number desc
      limit 20
    ) as a
  );
end
$$;
comment on function proxy_private.show_attempts is
  'Returns the last 20 attempts at a delivery, in order.';


create function proxy_private.show_webhook_delivery(
  delivery proxy_private.proxy_deliveries, alert proxy_private.proxy_alerts
) returns public.proxy_webhook_delivery
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  d constant proxy_private.proxy_deliveries := show_webhook_delivery.delivery;
begin
  return (
    d.id, d.alert_id, show_webhook_delivery.alert.type, show_webhook_delivery.alert.occurred_at,
    d.state, d.attempts, d.next_attempt_at, proxy_private.show_attempts(d.id)
  )::public.proxy_webhook_delivery;
end
$$;
comment on function proxy_private.show_webhook_delivery is
  'Returns a delivery as the owner of its webhook sees it.';


-- Security definer: callers may not read tables. Ordered by alert id, which rises with time, to use
-- the unique index on webhook and alert.
create function proxy_private.page_of_deliveries(
  webhook_id uuid, "limit" integer, cursor text, operator boolean
) returns public.proxy_page
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid;
  place record;
  most integer;
  page proxy_private.proxy_deliveries[];
  answer public.proxy_page;
begin
  if page_of_deliveries.operator then
    perform proxy_private.require_admin();
  else
    owner_id := proxy_private.require_user();
  end if;
  place := proxy_private.decode_cursor(page_of_deliveries.cursor);
  most := proxy_private.require_limit(coalesce(page_of_deliveries."limit", 50));
  perform from proxy_private.proxy_webhooks as w
  where w.id = page_of_deliveries.webhook_id and w.user_id is not distinct from owner_id;
  if not found then
    perform proxy_private.refuse('webhook_not_found');
  end if;
  page := array(
    select d from proxy_private.proxy_deliveries as d
    where d.webhook_id = page_of_deliveries.webhook_id and d.alert_id < place.id
    order by d.alert_id desc
    limit most + 1
  );
  select coalesce(json_agg(s order by s.alert_id desc), '[]') into answer.items
  from unnest(page[:most]) as f
  join proxy_private.proxy_alerts as a on a.id = f.alert_id
  cross join lateral proxy_private.show_webhook_delivery(f, a) as s;
  if cardinality(page) > most then
    answer.next_cursor := proxy_private.encode_cursor(now(), page[most].alert_id);
  end if;
  return answer;
end
$$;
comment on function proxy_private.page_of_deliveries is
  'Does the work of public.list_proxy_deliveries.';

create function public.list_proxy_deliveries(
  webhook_id uuid, "limit" integer default 50, cursor text default null,
  operator boolean default false
) returns public.proxy_page
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.page_of_deliveries(
    list_proxy_deliveries.webhook_id, list_proxy_deliveries."limit", list_proxy_deliveries.cursor,
    coalesce(list_proxy_deliveries.operator, false)
  );
end
$$;
comment on function public.list_proxy_deliveries is
  'Returns the deliveries to the caller''s webhook, or, for admins with `operator`, the '
  'operator''s, newest alert first: `limit` (1 to 200, default 50) per page, from `cursor` on. '
  'Each has id, alert_id, type, occurred_at, state (pending, delivered, failed), attempts, '
  'next_attempt_at, and attempt_log with the last 20 attempts. Refusals: unauthorized, forbidden, '
  'webhook_not_found, invalid_request (detail: the argument).';


-- Security definer: callers may not write tables. Locks the webhook first, as claiming and
-- reporting do. The count of attempts goes on: after the eleventh, each resend gets one attempt.
create function proxy_private.resend_proxy_delivery(id uuid, operator boolean, webhook_id uuid)
returns public.proxy_webhook_delivery
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  webhook proxy_private.proxy_webhooks := proxy_private.lock_webhook(
    (
      select d.webhook_id from proxy_private.proxy_deliveries as d
      where d.id = resend_proxy_delivery.id
        and d.webhook_id = coalesce(resend_proxy_delivery.webhook_id, d.webhook_id)
    ),
    resend_proxy_delivery.operator
  );
  delivery proxy_private.proxy_deliveries;
  alert proxy_private.proxy_alerts;
begin
  if webhook.disabled_at is not null then
    perform proxy_private.refuse('webhook_disabled');
  end if;
  update proxy_private.proxy_deliveries as d
  set state = 'pending', next_attempt_at = now()
  where d.id = resend_proxy_delivery.id
  returning * into delivery;
  -- its alert just expired and was deleted
  if not found then
    perform proxy_private.refuse('webhook_not_found');
  end if;
  select * into alert from proxy_private.proxy_alerts as a where a.id = delivery.alert_id;
  return proxy_private.show_webhook_delivery(delivery, alert);
end
$$;
comment on function proxy_private.resend_proxy_delivery is
  'Does the work of public.resend_proxy_delivery.';

create function public.resend_proxy_delivery(
  id uuid, operator boolean default false, webhook_id uuid default null
) returns public.proxy_webhook_delivery
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.resend_proxy_delivery(
    resend_proxy_delivery.id, resend_proxy_delivery.operator, resend_proxy_delivery.webhook_id
  );
end
$$;
comment on function public.resend_proxy_delivery is
  'Resends a delivery to the caller''s webhook, or, for admins with `operator`, the operator''s, '
  'as the same alert with the same id; `webhook_id`, if given, must be its webhook. A pending '
  'delivery is attempted now. Refusals: unauthorized, forbidden, webhook_not_found, '
  'webhook_disabled, rate_limited (detail: seconds to wait).';


-- Security definer: callers may not write tables. The operator's webhooks belong to no user, so
-- their test is an alert of the calling admin.
create function proxy_private.test_proxy_webhook(id uuid, operator boolean)
returns public.proxy_webhook_delivery
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  webhook proxy_private.proxy_webhooks :=
    proxy_private.lock_webhook(test_proxy_webhook.id, test_proxy_webhook.operator);
  alert proxy_private.proxy_alerts;
  delivery proxy_private.proxy_deliveries;
begin
  if webhook.disabled_at is not null then
    perform proxy_private.refuse('webhook_disabled');
  end if;
  insert into proxy_private.proxy_alerts (user_id, type, cause, data)
  values (
    coalesce(webhook.user_id, proxy_private.token_subject()), 'webhook.test', 'test:' || proxy_private.uuid_v7(),
    jsonb_build_object('webhookId', webhook.id, 'kind', webhook.kind)
  )
  returning * into alert;
  -- for this webhook only, whatever types it gets
  insert into proxy_private.proxy_deliveries (webhook_id, alert_id)
  values (webhook.id, alert.id)
  returning * into delivery;
  perform proxy_private.broadcast_alerts(array[alert]);
  return proxy_private.show_webhook_delivery(delivery, alert);
end
$$;
comment on function proxy_private.test_proxy_webhook is
  'Does the work of public.test_proxy_webhook.';

create function public.test_proxy_webhook(id uuid, operator boolean default false)
returns public.proxy_webhook_delivery
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.test_proxy_webhook(test_proxy_webhook.id, test_proxy_webhook.operator);
end
$$;
comment on function public.test_proxy_webhook is
  'Sends an alert of type webhook.test to the caller''s webhook, or, for admins with `operator`, '
  'the operator''s, and to no other. Returns the delivery; list_proxy_deliveries shows its '
  'attempts. Refusals: unauthorized, forbidden, webhook_not_found, webhook_disabled, rate_limited '
  '(detail: seconds to wait).';


insert into proxy_private.argument_rules (argument, rule) values
  ('id', 'The id of a generic webhook: other kinds have no signing secret to rotate.');


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.show_attempts,
  proxy_private.show_webhook_delivery,
  proxy_private.page_of_deliveries,
  public.list_proxy_deliveries,
  proxy_private.resend_proxy_delivery,
  public.resend_proxy_delivery,
  proxy_private.test_proxy_webhook,
  public.test_proxy_webhook
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.page_of_deliveries,
  public.list_proxy_deliveries,
  proxy_private.resend_proxy_delivery,
  public.resend_proxy_delivery,
  proxy_private.test_proxy_webhook,
  public.test_proxy_webhook
to authenticated;


-- 1000_data_plane.sql

-- Data plane: what the CONNECT gateway may do, and nothing else.

create type gateway.proxy_key_lookup as (
  id uuid,
  key_id text,
  secret_hash bytea,
  active boolean,
  suspended boolean,
  live_mode boolean,
  rate_limit integer,
  tunnel_limit integer,
  bandwidth_limit_bytes bigint,
  bandwidth_used_bytes bigint,
  allowed_ips text[],
  expires_in_ms bigint,
  previous_hash bytea,
  previous_ends_in_ms bigint,
  account_id text,
  account_limit_bytes bigint,
  account_used_bytes bigint
);
comment on type gateway.proxy_key_lookup is
  'What a gateway needs to accept or refuse a CONNECT. Future times are in milliseconds from now, '
  'so that a gateway''s own clock need not be right; allowed_ips is empty if any client may '
  'connect, and previous_hash is null except in a grace period. account_… describe the bytes that '
  'all keys of its user, tier and mode share, null once the user''s account is removed.';

-- Security definer: the gateway may not read tables. In plpgsql, which caches the plan between
-- calls.
create function gateway.lookup_proxy_key(key_id text) returns setof gateway.proxy_key_lookup
language plpgsql stable security definer rows 1
set search_path = pg_catalog, pg_temp
as $$
declare
  this_month constant date := date_trunc('month', now() at time zone 'UTC');
begin
  return query
  select
    k.id,
    k.key_id,
    s.secret_hash,
    k.active,
    k.suspended_at is not null,
    k.live_mode,
    k.rate_limit,
    k.tunnel_limit,
    k.bandwidth_limit_bytes,
    -- the largest integer that a JSON number holds exactly
    least(coalesce(m.bytes_sent + m.bytes_received, 0), 9007199254740991),
    k.allowed_ips::text[],
    floor(extract(epoch from k.expires_at - now()) * 1000)::bigint,
    case when k.grace_ends_at > now() then s.previous_hash end,
    case when k.grace_ends_at > now()
      then floor(extract(epoch from k.grace_ends_at - now()) * 1000)::bigint
    end,
    k.user_id || '/' || k.tier || case when k.live_mode then '/live' else '/test' end,
    case when k.user_id is not null then k.account_limit_bytes end,
    case when k.user_id is not null
      then least(coalesce(a.bytes_sent + a.bytes_received, 0), 9007199254740991)
    end
  from proxy_private.key_states as k
  join proxy_private.proxy_key_secrets as s on s.api_key_id = k.id
  left join proxy_private.proxy_usage_monthly as m
    on m.api_key_id = k.id and m.month = this_month
  left join proxy_private.proxy_account_monthly as a
    on a.user_id = k.user_id and a.month = this_month and a.tier = k.tier
    and a.live_mode = k.live_mode
  where k.key_id = lookup_proxy_key.key_id;
end
$$;
comment on function gateway.lookup_proxy_key is
  'Returns the key with its hashes, state, limits and this month''s bytes, and those of its '
  'account; no row for an unknown keyId. The gateway compares the hash itself, so that no secret '
  'reaches the database. Read only.';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function gateway.lookup_proxy_key from public, anon, authenticated, service_role;
grant execute on function gateway.lookup_proxy_key to proxy_gateway;


-- 1010_recording.sql

-- Recording: usage reports from gateways are checked, written once, and added to the rollups.

create type gateway.recorded_usage as (recorded integer, repeated integer, rejected jsonb);
comment on type gateway.recorded_usage is
  'How many rows a batch created or raised, how many of its reports added nothing new, and which '
  'were rejected: the index in the batch (from 0), the event''s id and the reason.';

-- Security definer: the gateway may not write tables. Every row is inserted or locked, in one
-- global order, before any is raised: no other transaction changes a row after it was read, and
-- overlapping batches wait for each other. The rollups follow, each in its own order.
create function gateway.record_usage(events jsonb) returns gateway.recorded_usage
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- keeps a batch of 10,000 in memory
set work_mem = '32MB'
-- the planner learns nothing from a batch, and each new connection would plan its first five calls
set plan_cache_mode = force_generic_plan
as $$
declare
  -- a full RFC 3339 time: 'now', or a time without a zone, would be another time when repeated
  time_form constant text :=
    '\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})';
  all_in_form boolean;
  first_at timestamptz;
  last_at timestamptz;
  oldest_at timestamptz;
  accepted integer;
  reports proxy_private.proxy_usage_events[];
  made proxy_private.proxy_usage_events[];
  known proxy_private.proxy_usage_events[];
  stored proxy_private.proxy_usage_events[];
  raised proxy_private.raised_usage[];
  outcome gateway.recorded_usage;
begin
  if jsonb_typeof(record_usage.events) is distinct from 'array'
    or jsonb_array_length(record_usage.events) > 100000
  then
    perform proxy_private.refuse('invalid_request', 'events');
  end if;

  -- Until the commit, retention drops no day: repeats of its events could not be recognized.
  lock table only proxy_private.proxy_usage_events in row exclusive mode;
  oldest_at := proxy_private.oldest_usage_day();

  -- All times in one match, because starting a match costs more than matching. If one is malformed,
  -- each is matched by itself below.
  select
    string_agg(e.raw || '|', '') ~ ('^(' || time_form || '\|)*$'),
    min(e.occurred_at), max(e.occurred_at)
  into all_in_form, first_at, last_at
  from json_table(
    record_usage.events, '$[*]'
    columns (raw text path '$.occurredAt', occurred_at timestamptz path '$.occurredAt')
  ) as e;

  with judged as materialized (
    select
      e.*,
      case
        when e.event_id is null then 'invalid_event_id'
        when e.api_key_id is null then 'invalid_api_key_id'
        when k.id is null then 'unknown_key'
        when e.occurred_at is null
          or (all_in_form is not true and e.raw_occurred_at !~ ('^' || time_form || '$'))
          then 'invalid_occurred_at'
        when e.occurred_at < oldest_at then 'occurred_too_long_ago'
        when e.occurred_at > now() + interval '5 minutes' then 'occurred_in_the_future'
        when e.occurred_at < k.created_at - interval '5 minutes' then 'occurred_before_key'
        when char_length(e.target_host) between 1 and 255 is not true
          then 'invalid_target_host'
        when e.target_site = ''
          or (
            e.target_site <> e.target_host
            and right(e.target_host, char_length(e.target_site) + 1) <> '.' || e.target_site
          )
          then 'invalid_target_site'
        when char_length(e.method) between 1 and 20 is not true then 'invalid_method'
        when e.status_code between 100 and 999 is not true then 'invalid_status_code'
        -- 64 TiB per row: more than an hour at 100 Gbit/s
        when e.bytes_sent between 0 and 70368744177664 is not true then 'invalid_bytes_sent'
        when e.bytes_received between 0 and 70368744177664 is not true
          then 'invalid_bytes_received'
        when e.duration_ms >= 0 is not true then 'invalid_duration_ms'
        -- otherwise the key would seem used until then
        when e.occurred_at + e.duration_ms * interval '1 ms' > now() + interval '5 minutes'
          then 'ended_in_the_future'
        -- 100 Gbit/s, plus a second for clock error
        when e.bytes_sent + e.bytes_received > (e.duration_ms + 1000::bigint) * 12500000
          then 'too_many_bytes'
        when char_length(e.served_by_node_id) between 1 and 100 is not true
          then 'invalid_served_by_node_id'
        -- a length bound in the pattern takes ten times as long
        when e.code !~ '^[a-z][a-z0-9_]*$' or octet_length(e.code) > 64 then 'invalid_code'
        when e.count not between 0 and 1000000
          or (
            e.count > 1
            and proxy_private.is_refusal(e.code, e.bytes_sent + e.bytes_received) is not true
          )
          then 'invalid_count'
      end as reason
    from json_table(
      record_usage.events, '$[*]'
      columns (
        number for ordinality,
        raw_event_id jsonb path '$.eventId',
        event_id uuid path '$.eventId',
        api_key_id uuid path '$.apiKeyId',
        raw_occurred_at text path '$.occurredAt',
        occurred_at timestamptz path '$.occurredAt',
        target_host text path '$.targetHost',
        target_site text path '$.targetSite' default '' on error,
        method text path '$.method',
        status_code smallint path '$.statusCode',
        bytes_sent bigint path '$.bytesSent',
        bytes_received bigint path '$.bytesReceived',
        duration_ms integer path '$.durationMs',
        served_by_node_id text path '$.servedByNodeId',
        code text path '$.code' default '' on error,
        count integer path '$.count' default -1 on error
      )
    ) as e
    left join proxy_private.proxy_keys as k on k.id = e.api_key_id
  )
  select
    -- of several reports of one row, the last one includes the others
    (
      select
        array_agg(
          (
            r.api_key_id, r.event_id, r.occurred_at, r.bytes_sent, r.bytes_received, r.duration_ms,
            coalesce(r.count, 1), r.status_code, char_length(r.target_site), r.target_host, r.method, r.served_by_node_id, r.code
          )::proxy_private.proxy_usage_events
          order by r.api_key_id, r.occurred_at, r.event_id
        )
      from (
        select distinct on (j.api_key_id, j.occurred_at, j.event_id) j.*
        from judged as j
        where j.reason is null
        order by
          j.api_key_id, j.occurred_at, j.event_id, j.duration_ms desc,
          j.bytes_sent + j.bytes_received desc, j.count desc
      ) as r
    ),
    count(*) filter (where j.reason is null),
    coalesce(
      jsonb_agg(
        jsonb_build_object('index', j.number - 1, 'eventId', j.raw_event_id, 'reason', j.reason)
        order by j.number
      ) filter (where j.reason is not null),
      '[]'
    )
  into reports, accepted, outcome.rejected
  from judged as j;

  -- In the order of the array. A known row is locked, but not written.
  with written as (
    insert into proxy_private.proxy_usage_events as u
    select r.* from unnest(reports) as r
    on conflict (api_key_id, occurred_at, event_id) do update set count = u.count where false
    returning u.api_key_id, u.occurred_at, u.event_id
  )
  select
    -- usually no row is known
    case when (select count(*) from written) < cardinality(reports) then array(
      select r from unnest(reports) as r
      where (r.api_key_id, r.occurred_at, r.event_id) not in (select w.* from written as w)
    ) end
  into known;
  made := case when known is null then reports else array(
    select r from unnest(reports) as r
    where (r.api_key_id, r.occurred_at, r.event_id) not in (
      select k.api_key_id, k.occurred_at, k.event_id from unnest(known) as k
    )
  ) end;

  -- A separate statement, which sees the known rows as they were locked. Its days are constants: a
  -- cached plan would lock the partitions of all days and start to scan them.
  if known is not null then
    execute format(
      'select array(
         select s.o
         from unnest($1) as r
         -- row by row, by index: without statistics for today, a plan may compare all pairs
         cross join lateral (
           select o from proxy_private.proxy_usage_events as o
           where o.api_key_id = r.api_key_id and o.occurred_at = r.occurred_at
             and o.event_id = r.event_id and o.occurred_at between %L and %L
           offset 0
         ) as s (o)
       )',
      greatest(first_at, oldest_at), least(last_at, now() + interval '5 minutes')
    )
    into stored using known;
  end if;

  -- Known rows are written by INSERT: an UPDATE would lock the partitions of all days, and so
  -- deadlock with retention.
  with risen_rows as materialized (
    select
      (p.r).api_key_id, (p.r).event_id, (p.r).occurred_at,
      greatest((p.o).bytes_sent, (p.r).bytes_sent) as bytes_sent,
      greatest((p.o).bytes_received, (p.r).bytes_received) as bytes_received,
      greatest((p.o).duration_ms, (p.r).duration_ms) as duration_ms,
      -- a row that turns out not to be a refusal is one request
      case
        when proxy_private.is_refusal((p.r).code, (p.r).bytes_sent + (p.r).bytes_received)
          then greatest((p.o).count, (p.r).count)
        else least(greatest((p.o).count, (p.r).count), 1)
      end as count,
      (p.r).status_code, (p.o).site_length, (p.o).target_host, (p.r).method,
      (p.r).served_by_node_id, (p.r).code,
      (p.o).code as code_before, (p.o).count as count_before,
      (p.o).bytes_sent as sent_before, (p.o).bytes_received as received_before,
      case
        when proxy_private.is_refusal((p.o).code, (p.o).bytes_sent + (p.o).bytes_received) then 0
        else (p.o).count
      end as requests_before
    from (
      -- a full join is hashed, as in proxy_private.raise_key_rollups
      select r, o
      from unnest(known) as r
      full join unnest(stored) as o using (api_key_id, occurred_at, event_id)
      offset 0
    ) as p (r, o)
    where (
        (p.r).duration_ms > (p.o).duration_ms or (p.r).bytes_sent > (p.o).bytes_sent
        or (p.r).bytes_received > (p.o).bytes_received or (p.r).count > (p.o).count
      )
      -- a request stays a request: no report lowers a figure
      and (
        proxy_private.is_refusal((p.r).code, (p.r).bytes_sent + (p.r).bytes_received) is not true
        or proxy_private.is_refusal((p.o).code, (p.o).bytes_sent + (p.o).bytes_received)
      )
  ),
  rewritten as (
    insert into proxy_private.proxy_usage_events (
      api_key_id, event_id, occurred_at, bytes_sent, bytes_received, duration_ms, count,
      status_code, site_length, target_host, method, served_by_node_id, code
    )
    select
      r.api_key_id, r.event_id, r.occurred_at, r.bytes_sent, r.bytes_received, r.duration_ms,
      r.count, r.status_code, r.site_length, r.target_host, r.method, r.served_by_node_id, r.code
    from risen_rows as r
    on conflict (api_key_id, occurred_at, event_id) do update set
      bytes_sent = excluded.bytes_sent,
      bytes_received = excluded.bytes_received,
      duration_ms = excluded.duration_ms,
      count = excluded.count,
      status_code = excluded.status_code,
      code = excluded.code
  ),
  -- by how much each row was raised, a new row by all of it; a refusal is no use of its key
  all_raised as (
    select (
      r.api_key_id, r.occurred_at, r.occurred_at + r.duration_ms * interval '1 ms',
      proxy_private.is_refusal(r.code, r.bytes_sent + r.bytes_received) is not true,
      r.count - r.requests_before, r.bytes_sent - r.sent_before, r.bytes_received - r.received_before,
      r.target_host, r.site_length, r.code, r.count, r.code_before, r.count_before,
      r.sent_before, r.received_before
    )::proxy_private.raised_usage as raised
    from risen_rows as r
    union all
    select (
      m.api_key_id, m.occurred_at, m.occurred_at + m.duration_ms * interval '1 ms',
      proxy_private.is_refusal(m.code, m.bytes_sent + m.bytes_received) is not true,
      m.count, m.bytes_sent, m.bytes_received,
      m.target_host, m.site_length, m.code, m.count, null, 0, 0, 0
    )::proxy_private.raised_usage
    from unnest(made) as m
  )
  select array_agg(a.raised) into raised from all_raised as a;

  perform proxy_private.raise_key_rollups(raised);
  perform proxy_private.raise_account_rollups(raised);
  perform proxy_private.raise_target_rollups(raised);
  perform proxy_private.raise_outcome_rollups(raised);

  outcome.recorded := coalesce(cardinality(raised), 0);
  outcome.repeated := accepted - outcome.recorded;
  return outcome;
end
$$;
comment on function gateway.record_usage is
  'Records an array of usage events (camelCase, as in the contract), each the latest report of its '
  'row, with bytes, duration and count since the row started: inserts new rows, raises known ones, '
  'and adds the difference to the rollups, which also notify, so a batch may be repeated or late. '
  'Refused requests count only in the rollup by outcome; an event of an unknown key, out of bounds '
  'or impossible (before its key was created, or over 100 Gbit/s) is listed in `rejected` and does '
  'not stop the others. Refusals: invalid_request (not an array, or over 100,000 events).';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function gateway.record_usage from public, anon, authenticated, service_role;
grant execute on function gateway.record_usage to proxy_gateway;


-- 1020_gateway_logins.sql

-- Gateway logins: each gateway has its own, so that a stolen one can be dropped alone.

-- A login that may create temporary objects can shadow a known type's name. No function here
-- searches pg_temp first, and gateways do not need temporary objects, so they may not create any.
-- All other roles keep the right; a role created later needs a grant.
create function proxy_private.withhold_temporary_objects() returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  database_name constant text := current_database();
  role_name text;
begin
  if not exists (
    select
    from pg_database as d,
      aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as a
    where d.datname = database_name and a.grantee = 0 and a.privilege_type = 'TEMPORARY'
  ) then
    return false;
  end if;
  for role_name in
    select r.rolname from pg_roles as r
    where not r.rolsuper
      and not pg_has_role(r.oid, 'proxy_gateway', 'usage')
      and r.rolname !~ '^pg_'
  loop
    execute format('grant temporary on database %I to %I', database_name, role_name);
  end loop;
  execute format('revoke temporary on database %I from public', database_name);
  return true;
end
$$;
comment on function proxy_private.withhold_temporary_objects is
  'Revokes TEMPORARY on this database from PUBLIC, and grants it to every role except the '
  'gateways'', as all had it before. Returns whether PUBLIC had it.';

select proxy_private.withhold_temporary_objects();


create function proxy_private.gateway_login_name(name text) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if (gateway_login_name.name ~ '^[a-z0-9]+(_[a-z0-9]+)*$'
    and octet_length(gateway_login_name.name) <= 40) is not true
  then
    raise exception
      'A gateway''s name has at most 40 lower-case letters, digits and single underscores.'
      using errcode = 'invalid_parameter_value', hint = 'For example: eu_1.';
  end if;
  return 'proxy_gateway_' || gateway_login_name.name;
end
$$;
comment on function proxy_private.gateway_login_name is
  'Returns the role of the gateway with this name. Fails (22023) for an invalid name.';


-- A verifier, not the password: statements may be logged.
create function proxy_private.create_gateway_login(
  name text, password_verifier text, connection_limit integer default 20
) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  login text := proxy_private.gateway_login_name(create_gateway_login.name);
begin
  if (create_gateway_login.password_verifier ~ '^SCRAM-SHA-256\$\d+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$')
    is not true
  then
    raise exception 'The password must be given as a SCRAM-SHA-256 verifier.'
      using errcode = 'invalid_parameter_value',
        hint = 'Run: npm run gateway-login -- create <name>.';
  end if;
  if (create_gateway_login.connection_limit between 1 and 1000) is not true then
    raise exception 'The connection limit must be 1 to 1000.'
      using errcode = 'invalid_parameter_value';
  end if;
  execute format(
    'create role %I with login inherit nosuperuser nocreatedb nocreaterole noreplication
       nobypassrls connection limit %s password %L',
    login, create_gateway_login.connection_limit, create_gateway_login.password_verifier
  );
  execute format('grant proxy_gateway to %I with inherit true, set false', login);
  execute format(
    'comment on role %I is %L', login,
    'A CONNECT gateway. Remove it with: npm run gateway-login -- drop ' || create_gateway_login.name
  );
  return login;
end
$$;
comment on function proxy_private.create_gateway_login is
  'Creates the login proxy_gateway_<name> in the group proxy_gateway, with a connection limit and '
  'a password given as its SCRAM-SHA-256 verifier, and returns the login. Fails (22023) for an '
  'invalid name, verifier or limit, and (42710) if the login exists.';


create function proxy_private.drop_gateway_login(name text) returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  login text := proxy_private.gateway_login_name(drop_gateway_login.name);
  ended integer;
begin
  -- first, so that it opens no new connections
  execute format('alter role %I with nologin', login);
  select count(*) filter (where pg_terminate_backend(a.pid, 5000)) into ended
  from pg_stat_activity as a
  where a.usename = login;
  -- `drop owned` needs this membership; it drops all that the login created, large objects too
  execute format('grant %I to %I with inherit true', login, current_user);
  execute format('drop owned by %I', login);
  execute format('drop role %I', login);
  return ended;
end
$$;
comment on function proxy_private.drop_gateway_login is
  'Closes the connections of the gateway''s login, drops it with all that it created in this '
  'database, and returns how many connections were closed. Fails (42704) if no such login exists. '
  'A login that reconnects meanwhile keeps a connection without rights: `npm run gateway-login -- '
  'drop` prevents that by committing NOLOGIN first.';


-- Revoke everything, even if default privileges are open.
revoke all on function
  proxy_private.withhold_temporary_objects, proxy_private.gateway_login_name, proxy_private.create_gateway_login,
  proxy_private.drop_gateway_login
from public, anon, authenticated, service_role;


-- 1030_claiming_deliveries.sql

-- Claiming deliveries: what the Edge Function `deliver` may attempt now. Only the secret key may
-- claim. Signing keys stay here: a claim contains only the signature.

create type public.proxy_delivery as (
  id uuid,
  claim uuid,
  kind text,
  url text,
  headers jsonb,
  body text,
  routing_key text,
  address text,
  alert jsonb
);
comment on type public.proxy_delivery is
  'A delivery to attempt within 30 s. For kind webhook it has url, headers and body, already '
  'signed; for other kinds, the alert and its destination.';


-- https://www.standardwebhooks.com: signs id, time and body. The id is the alert's, so that a
-- receiver can recognize a repeat.
create function proxy_private.sign_webhook(key text, id text, seconds bigint, body text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return 'v1,' || translate(
    encode(
      extensions.hmac(
        convert_to(sign_webhook.id || '.' || sign_webhook.seconds || '.' || sign_webhook.body, 'UTF8'),
        decode(sign_webhook.key, 'base64'),
        'sha256'
      ),
      'base64'
    ),
    E'\n', ''
  );
end
$$;
comment on function proxy_private.sign_webhook is
  'Returns the signature of Standard Webhooks (v1): HMAC-SHA256 with the key, in base64.';


-- The operator's webhooks omit labels, which are users' own text.
create function proxy_private.show_alert(alert proxy_private.proxy_alerts, to_operator boolean) returns jsonb
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return jsonb_build_object(
    'id', show_alert.alert.id,
    'type', show_alert.alert.type,
    'timestamp', proxy_private.json_time(show_alert.alert.occurred_at),
    'data', case when show_alert.to_operator
      then (show_alert.alert.data - 'label') || jsonb_build_object('userId', show_alert.alert.user_id)
      else show_alert.alert.data
    end
  );
end
$$;
comment on function proxy_private.show_alert is 'Returns an alert as webhooks send it.';


create function proxy_private.show_delivery(
  delivery proxy_private.proxy_deliveries, webhook proxy_private.proxy_webhooks, alert proxy_private.proxy_alerts
) returns public.proxy_delivery
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  w constant proxy_private.proxy_webhooks := show_delivery.webhook;
  secret constant jsonb := proxy_private.webhook_secret(w.id);
  payload constant jsonb := proxy_private.show_alert(show_delivery.alert, w.user_id is null);
  seconds constant bigint := floor(extract(epoch from clock_timestamp()));
  shown public.proxy_delivery;
begin
  shown.id := show_delivery.delivery.id;
  shown.claim := show_delivery.delivery.claim;
  shown.kind := w.kind;
  shown.url := secret ->> 'url';
  shown.alert := payload;
  if w.kind = 'webhook' then
    shown.body := (payload - 'id')::text;
    shown.headers := jsonb_build_object(
      'webhook-id', payload ->> 'id',
      'webhook-timestamp', seconds::text,
      'webhook-signature', proxy_private.sign_webhook(
        secret ->> 'key', payload ->> 'id', seconds, shown.body
      )
    );
  elsif w.kind = 'pagerduty' then
    shown.routing_key := secret ->> 'key';
  elsif w.kind = 'email' then
    shown.address := w.address;
  end if;
  return shown;
end
$$;
comment on function proxy_private.show_delivery is
  'Returns all that an attempt at a delivery needs.';


-- Only one claimer at a time works on a webhook, and reads the counts under its lock. A webhook
-- whose last attempt failed gets one delivery at a time, so that one that hangs occupies only one
-- slot.
create function proxy_private.claim_deliveries(most integer) returns setof public.proxy_delivery
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  most_at_once constant integer := 5;
  claim_span constant interval := '30 seconds';
  webhooks uuid[];
  claimed proxy_private.proxy_deliveries[];
begin
  if claim_deliveries.most is null or claim_deliveries.most not between 1 and 500 then
    perform proxy_private.refuse('invalid_request', 'most');
  end if;
  -- finds each webhook with pending deliveries in one index step, however many it has
  with recursive waiting as (
    (
      select d.webhook_id from proxy_private.proxy_deliveries as d
      where d.state = 'pending' order by d.webhook_id limit 1
    )
    union all
    select (
      select d.webhook_id from proxy_private.proxy_deliveries as d
      where d.state = 'pending' and d.webhook_id > w.webhook_id order by d.webhook_id limit 1
    )
    from waiting as w
    where w.webhook_id is not null
  ),
  locked as (
    select h.id
    from proxy_private.proxy_webhooks as h
    where h.disabled_at is null
      and h.id in (
        select w.webhook_id from waiting as w
        where exists (
          select from proxy_private.proxy_deliveries as d
          where d.webhook_id = w.webhook_id and d.state = 'pending' and d.next_attempt_at <= now()
            and (d.claimed_until is null or d.claimed_until <= now())
        )
      )
    for no key update skip locked
  )
  select array_agg(l.id) into webhooks from locked as l;

  with free as materialized (
    select
      h.id,
      case when h.failures = 0 then most_at_once else 1 end - (
        select count(*) from proxy_private.proxy_deliveries as d
        where d.webhook_id = h.id and d.state = 'pending' and d.claimed_until > now()
      ) as places
    from proxy_private.proxy_webhooks as h
    where h.id = any (webhooks)
  ),
  due as (
    select d.id, d.webhook_id, d.place
    from free as f
    cross join lateral (
      select c.id, c.webhook_id, row_number() over (order by c.id) as place
      from (
        select e.*, row_number() over (partition by coalesce(e.api_key_id, e.id) order by e.id) as turn
        from (
          select * from proxy_private.proxy_deliveries as p
          where p.webhook_id = f.id and p.state = 'pending' and p.next_attempt_at <= now()
            and (p.claimed_until is null or p.claimed_until <= now())
          order by p.next_attempt_at, p.id
          limit 50
        ) as e
      ) as c
      -- one at a time per key, to keep their order
      where c.turn = 1
        and not exists (
          select from proxy_private.proxy_deliveries as b
          where b.webhook_id = f.id and b.state = 'pending' and b.claimed_until > now()
            and b.api_key_id = c.api_key_id
        )
    ) as d
    where d.place <= f.places
    -- each webhook's first delivery before any second one; random, so that none is always first
    order by d.place, random()
    limit claim_deliveries.most
  ),
  updated as (
    update proxy_private.proxy_deliveries as d
    set claim = gen_random_uuid(), claimed_until = now() + claim_span
    from due
    where d.id = due.id
    returning d.*
  )
  select array_agg(u::proxy_private.proxy_deliveries order by u.id) into claimed from updated as u;

  return query
  select s.*
  from unnest(claimed) as c
  join proxy_private.proxy_webhooks as h on h.id = c.webhook_id
  join proxy_private.proxy_alerts as a on a.id = c.alert_id
  cross join lateral proxy_private.show_delivery(c, h, a) as s;
end
$$;
comment on function proxy_private.claim_deliveries is
  'Does the work of public.claim_proxy_deliveries.';

create function public.claim_proxy_deliveries(most integer) returns setof public.proxy_delivery
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return query select d.* from proxy_private.claim_deliveries(claim_proxy_deliveries.most) as d;
end
$$;
comment on function public.claim_proxy_deliveries is
  'For the Edge Function deliver, with the secret key only: claims up to `most` (1 to 500) '
  'deliveries that are due, at most five at once per webhook, in the order of each key''s alerts. '
  'A claim that is not reported expires after 30 s. Refusals: invalid_request (detail: most).';


insert into proxy_private.argument_rules (argument, rule) values
  ('most', 'A whole number from 1 to 500.');


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.sign_webhook, proxy_private.show_alert, proxy_private.show_delivery, proxy_private.claim_deliveries,
  public.claim_proxy_deliveries
from public, anon, authenticated, service_role;
grant usage on schema proxy_private to service_role;
grant execute on function proxy_private.claim_deliveries, public.claim_proxy_deliveries to service_role;


-- 1040_reporting_deliveries.sql

-- Reporting deliveries: the result of each attempt, when the next one is, and when a webhook is
-- disabled.

-- 24 hours in total: a receiver that is fixed within a working day loses nothing.
create function proxy_private.pause_after(attempts integer) returns interval
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  pauses constant integer[] := '{5,30,120,600,1800,3600,7200,14400,21600,37000}';
begin
  -- with jitter, so that deliveries that failed together are not retried together
  return pauses[pause_after.attempts] * (0.8 + 0.4 * random()) * interval '1 second';
end
$$;
comment on function proxy_private.pause_after is
  'Returns how long to wait after this many attempts, give or take a fifth; null after the '
  'eleventh, the last.';


create function proxy_private.note_attempt(delivery proxy_private.proxy_deliveries, result jsonb) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  attempt constant integer := note_attempt.delivery.attempts + 1;
  outcome constant text := note_attempt.result ->> 'outcome';
  delivered constant boolean := outcome = 'delivered';
  pause constant interval := proxy_private.pause_after(attempt);
  answer text := note_attempt.result ->> 'answer';
begin
  -- truncate to 500 bytes at a character boundary
  while octet_length(answer) > 500 loop
    answer := left(answer, -greatest(1, (octet_length(answer) - 500) / 4));
  end loop;
  insert into proxy_private.proxy_delivery_attempts (
    delivery_id, number, started_at, duration_ms, outcome, status, answer
  )
  values (
    note_attempt.delivery.id, attempt,
    clock_timestamp() - (note_attempt.result ->> 'durationMs')::integer * interval '1 ms',
    (note_attempt.result ->> 'durationMs')::integer, outcome,
    (note_attempt.result ->> 'status')::smallint, answer
  );
  update proxy_private.proxy_deliveries as d
  set
    attempts = attempt, claim = null, claimed_until = null,
    state = case when delivered then 'delivered' when pause is null then 'failed' else 'pending' end,
    next_attempt_at = case when not delivered then clock_timestamp() + pause end
  where d.id = note_attempt.delivery.id;
  return delivered;
end
$$;
comment on function proxy_private.note_attempt is
  'Records an attempt, and finishes its delivery or schedules the next attempt. Returns whether it '
  'was delivered.';


create function proxy_private.disable_webhook(webhook proxy_private.proxy_webhooks, reason text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  w constant proxy_private.proxy_webhooks := disable_webhook.webhook;
begin
  update proxy_private.proxy_webhooks as h
  set disabled_at = now(), disabled_reason = disable_webhook.reason where h.id = w.id;
  -- otherwise old alerts would be sent as new when a user enables it
  update proxy_private.proxy_deliveries as d
  set state = 'failed', next_attempt_at = null, claim = null, claimed_until = null
  where d.webhook_id = w.id and d.state = 'pending';
  if w.user_id is not null then
    perform proxy_private.raise_alerts(array[(
      w.user_id, null, 'webhook.disabled',
      format('disabled:%s:%s', w.id, extract(epoch from now())), null,
      jsonb_build_object(
        'webhookId', w.id, 'kind', w.kind, 'address', w.address, 'reason', disable_webhook.reason,
        'failingSince', proxy_private.json_time(w.failing_since)
      )
    )::proxy_private.new_alert]);
  end if;
end
$$;
comment on function proxy_private.disable_webhook is
  'Disables a webhook, fails its pending deliveries, and alerts its owner through the owner''s '
  'other webhooks.';


-- Locks webhooks first, in one order, then their deliveries, as deleting a webhook does.
create function proxy_private.report_deliveries(results jsonb) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  result jsonb;
  delivery proxy_private.proxy_deliveries;
  webhook proxy_private.proxy_webhooks;
  noted integer := 0;
begin
  if jsonb_typeof(report_deliveries.results) is distinct from 'array'
    or jsonb_array_length(report_deliveries.results) > 500
  then
    perform proxy_private.refuse('invalid_request', 'results');
  end if;
  perform from proxy_private.proxy_webhooks as w
  where w.id in (
    select d.webhook_id
    from jsonb_array_elements(report_deliveries.results) as r
    join proxy_private.proxy_deliveries as d on d.id = (r ->> 'id')::uuid
  )
  order by w.id
  for no key update;
  for result in select r from jsonb_array_elements(report_deliveries.results) as r loop
    select * into delivery from proxy_private.proxy_deliveries as d
    where d.id = (result ->> 'id')::uuid and d.claim = (result ->> 'claim')::uuid
      and d.state = 'pending'
    for no key update;
    -- it was claimed again, or its webhook is gone
    continue when not found;
    noted := noted + 1;
    if proxy_private.note_attempt(delivery, result) then
      update proxy_private.proxy_webhooks as w
      set failures = 0, failing_since = null, last_delivered_at = clock_timestamp()
      where w.id = delivery.webhook_id;
      continue;
    end if;
    update proxy_private.proxy_webhooks as w
    set failures = w.failures + 1, failing_since = coalesce(w.failing_since, clock_timestamp())
    where w.id = delivery.webhook_id
    returning * into webhook;
    if webhook.disabled_at is null then
      if (result ->> 'status')::integer = 410 then
        perform proxy_private.disable_webhook(webhook, 'gone');
      elsif webhook.failing_since < now() - interval '3 days' then
        perform proxy_private.disable_webhook(webhook, 'failing');
      end if;
    end if;
  end loop;
  return noted;
end
$$;
comment on function proxy_private.report_deliveries is
  'Does the work of public.report_proxy_deliveries.';

create function public.report_proxy_deliveries(results jsonb) returns integer
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.report_deliveries(report_proxy_deliveries.results);
end
$$;
comment on function public.report_proxy_deliveries is
  'For the Edge Function deliver, with the secret key only: takes an array (up to 500) of {id, '
  'claim, outcome, durationMs, status, answer}, one per attempt at a claimed delivery, and returns '
  'how many it recorded, without those that were claimed again. A failed delivery is retried ten '
  'times within 24 h; a webhook that fails for three days, or answers 410, is disabled. Refusals: '
  'invalid_request (detail: results).';


insert into proxy_private.argument_rules (argument, rule) values
  ('results', 'An array of at most 500 results.');


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.pause_after, proxy_private.note_attempt, proxy_private.disable_webhook, proxy_private.report_deliveries,
  public.report_proxy_deliveries
from public, anon, authenticated, service_role;
grant execute on function proxy_private.report_deliveries, public.report_proxy_deliveries to service_role;


-- 1100_reconciling.sql

-- Reconciling: rollups are checked against their events and repaired while events arrive. Like all
-- maintenance, it is for role postgres only, and its errors have Postgres's own SQLSTATEs.

-- reads one day of rollups without scanning years; hours arrive in order, so the index is tiny
create index proxy_usage_hourly_hour on proxy_private.proxy_usage_hourly using brin (hour);


-- A snapshot older than the lock would miss changes by the previous run. A row lock, because any
-- login that knows its number could hold an advisory lock.
create function proxy_private.take_maintenance_lock() returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
    raise exception 'Maintenance runs only in read committed transactions.'
      using errcode = 'invalid_transaction_state',
        hint = 'Start one with isolation level read committed.';
  end if;
  perform from proxy_private.maintenance_settings for update;
end
$$;
comment on function proxy_private.take_maintenance_lock is
  'Waits for other maintenance and blocks it until the transaction ends. Fails (25000) unless the '
  'transaction is read committed.';


create type proxy_private.usage_correction as (
  rollup text,
  api_key_id uuid,
  period timestamptz,
  part text,
  found text,
  requests bigint,
  bytes_sent bigint,
  bytes_received bigint,
  kept_last_used_at timestamptz,
  last_used_at timestamptz,
  kept_user_id uuid,
  user_id uuid,
  errors bigint,
  billed_bytes bigint
);
comment on type proxy_private.usage_correction is
  'How a rollup row differs from a recount: its rollup (hourly, target, outcome, monthly, '
  'account_hourly or account_monthly), its period by its first instant, its part if a key has '
  'several rows in the period, and found: missing (usage without a row), surplus (a row without '
  'usage) or different. requests, bytes_sent, bytes_received, errors and billed_bytes are what to '
  'add, negative if the row has too much. kept_… are the row''s values; without the prefix, the '
  'correct values.';


-- Each rollup by hour or day has a function <name>_usage_drift(day) that recounts the events. It is
-- one statement over one snapshot: an event and its share of the rollups are committed together, so
-- usage that is being recorded is in both or in neither.
create function proxy_private.usage_drift(day date) returns setof proxy_private.usage_correction
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  by_key proxy_private.usage_correction[];
begin
  if usage_drift.day is null then
    raise exception 'A day is required.' using errcode = 'null_value_not_allowed';
  end if;
  if exists (select from proxy_private.dropped_usage_days as d where d.day = usage_drift.day) then
    raise exception 'The events of % were dropped.', usage_drift.day
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Its rollups stay as they are. If all its events were restored, delete its row '
          'from proxy_private.dropped_usage_days.';
  end if;
  by_key := array(select d from proxy_private.hourly_usage_drift(usage_drift.day) as d);
  return query
  select d.* from unnest(by_key) as d
  union all
  select d.* from proxy_private.account_hourly_usage_drift(usage_drift.day, by_key) as d
  union all
  select d.* from proxy_private.target_usage_drift(usage_drift.day) as d
  union all
  select d.* from proxy_private.outcome_usage_drift(usage_drift.day) as d
  order by rollup, api_key_id, period, part;
end
$$;
comment on function proxy_private.usage_drift is
  'Compares the rollups of a day (UTC) with a recount of its events and returns the rows that '
  'differ, and monthly rows with a last use earlier than the events''. Changes nothing. Fails '
  '(55000) for a day whose events were dropped.';


-- Each rollup by month has a function <name>_usage_drift(month, corrections) that adds up the rows
-- by hour or day, because they outlive the events.
create function proxy_private.usage_month_drift(
  month date, corrections proxy_private.usage_correction[] default '{}'
) returns setof proxy_private.usage_correction
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  first_day date := date_trunc('month', usage_month_drift.month)::date;
  by_key proxy_private.usage_correction[] := array(
    select d from proxy_private.monthly_usage_drift(first_day, usage_month_drift.corrections) as d
  );
begin
  return query
  select d.* from unnest(by_key) as d
  union all
  select d.* from proxy_private.account_monthly_usage_drift(first_day, by_key) as d
  order by rollup, api_key_id, period, part;
end
$$;
comment on function proxy_private.usage_month_drift is
  'Compares the rollups of the date''s calendar month (UTC) with the sum of the hourly rollups '
  'after the corrections to its days, and returns the rows that differ. Changes nothing.';


-- Repairs add differences and never set figures, so usage recorded between the comparison and the
-- repair counts too. Each rollup is repaired once for all days, in the order in which record_usage
-- takes the rows of all rollups, by a function repair_<name>_usage(corrections).
create function proxy_private.reconcile_usage(variadic days date[])
returns setof proxy_private.usage_correction
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  corrections proxy_private.usage_correction[];
begin
  perform proxy_private.take_maintenance_lock();
  -- a separate statement, whose snapshot is newer than the lock
  corrections := array(
    select d from unnest(reconcile_usage.days) as t (day), proxy_private.usage_drift(t.day) as d
  );
  corrections := array(
    select c from unnest(corrections) as c where c.rollup <> 'monthly'
    union all
    select d
    from (select distinct date_trunc('month', t.day)::date from unnest(days) as t (day)) as m (month),
      proxy_private.usage_month_drift(m.month, corrections) as d
  );
  if cardinality(corrections) > 0 then
    perform proxy_private.repair_monthly_usage(corrections);
    perform proxy_private.repair_hourly_usage(corrections);
    perform proxy_private.repair_account_usage(corrections);
    perform proxy_private.repair_target_usage(corrections);
    perform proxy_private.repair_outcome_usage(corrections);
  end if;
  return query
  select c.* from unnest(corrections) as c order by rollup, api_key_id, period, part;
end
$$;
comment on function proxy_private.reconcile_usage is
  'Repairs the rollups of days (UTC) and of their months from the events, while events arrive, and '
  'returns what proxy_private.usage_drift and proxy_private.usage_month_drift found; no row if '
  'nothing differs. Fails (55000) for a day whose events were dropped, and (25000) unless the '
  'transaction is read committed.';


-- Revoke everything, even if default privileges are open.
revoke all on function
  proxy_private.take_maintenance_lock, proxy_private.usage_drift, proxy_private.usage_month_drift,
  proxy_private.reconcile_usage
from public, anon, authenticated, service_role;


-- 1110_reconciling_hours.sql

-- The hourly rollup, checked against the events of a day.

create function proxy_private.hourly_usage_drift(day date) returns setof proxy_private.usage_correction
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- so that other days' partitions are neither planned nor locked
set plan_cache_mode = force_custom_plan
-- to hash in memory instead of sorting on disk
set work_mem = '64MB'
as $$
declare
  begins timestamptz := hourly_usage_drift.day;
  ends timestamptz := hourly_usage_drift.day + 1;
  first_day date := date_trunc('month', hourly_usage_drift.day)::date;
begin
  return query
  with counted as materialized (
    select
      e.api_key_id,
      -- like date_trunc, in a tenth of the time
      date_bin('1 hour', e.occurred_at, begins) as hour,
      sum(e.count)::bigint as requests,
      -- bounded as in record_usage
      least(sum(e.bytes_sent), 9007199254740991)::bigint as bytes_sent,
      least(sum(e.bytes_received), 9007199254740991)::bigint as bytes_received,
      max(e.occurred_at + e.duration_ms * interval '1 ms') as last_used_at
    from proxy_private.counted_usage_events as e
    where e.occurred_at >= begins and e.occurred_at < ends
    group by 1, 2
  ),
  kept as (
    select h.* from proxy_private.proxy_usage_hourly as h where h.hour >= begins and h.hour < ends
  ),
  compared as (
    select
      api_key_id,
      hour,
      case
        when k.requests is null then 'missing' when c.requests is null then 'surplus'
        else 'different'
      end as found,
      coalesce(c.requests, 0) - coalesce(k.requests, 0) as requests,
      coalesce(c.bytes_sent, 0) - coalesce(k.bytes_sent, 0) as bytes_sent,
      coalesce(c.bytes_received, 0) - coalesce(k.bytes_received, 0) as bytes_received,
      k.user_id as kept_user_id,
      -- a key's owner never changes; once the account is removed, only the row has the owner
      coalesce(o.user_id, k.user_id) as user_id
    from counted as c
    full join kept as k using (api_key_id, hour)
    left join proxy_private.proxy_keys as o on o.id = api_key_id
  )
  select
    'hourly', d.api_key_id, d.hour, null::text, d.found, d.requests, d.bytes_sent,
    d.bytes_received, null::timestamptz, null::timestamptz, d.kept_user_id, d.user_id, null::bigint,
    null::bigint
  from compared as d
  where d.found <> 'different'
    or (d.requests, d.bytes_sent, d.bytes_received) <> (0, 0, 0)
    or d.kept_user_id is distinct from d.user_id
  union all
  select
    'monthly', m.api_key_id, first_day::timestamptz, null, 'different', 0, 0, 0,
    m.last_used_at, u.last_used_at, m.user_id, m.user_id, null, null
  from (
    select c.api_key_id, max(c.last_used_at) as last_used_at from counted as c group by 1
  ) as u
  join proxy_private.proxy_usage_monthly as m
    on m.api_key_id = u.api_key_id and m.month = first_day
  where m.last_used_at < u.last_used_at;
end
$$;
comment on function proxy_private.hourly_usage_drift is
  'Returns the hourly rows of a day (UTC) that differ from its events, and the monthly rows with a '
  'last use earlier than the events''.';


create function proxy_private.repair_hourly_usage(corrections proxy_private.usage_correction[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into proxy_private.proxy_usage_hourly as h (
    api_key_id, hour, user_id, requests, bytes_sent, bytes_received
  )
  select c.api_key_id, c.period, c.user_id, c.requests, c.bytes_sent, c.bytes_received
  from unnest(corrections) as c
  where c.rollup = 'hourly'
  order by c.api_key_id, c.period
  on conflict on constraint proxy_usage_hourly_pkey do update set
    user_id = excluded.user_id,
    requests = h.requests + excluded.requests,
    bytes_sent = least(h.bytes_sent + excluded.bytes_sent, 9007199254740991),
    bytes_received = least(h.bytes_received + excluded.bytes_received, 9007199254740991);

  -- The rows are locked now: transactions that raised them have committed, and new ones wait.
  delete from proxy_private.proxy_usage_hourly as h using unnest(corrections) as c
  where c.rollup = 'hourly' and c.found = 'surplus'
    and h.api_key_id = c.api_key_id and h.hour = c.period
    and (h.requests, h.bytes_sent, h.bytes_received) = (0, 0, 0)
    and (
      date_trunc('hour', h.hour, 'UTC') <> h.hour
      or not exists (
        select from proxy_private.counted_usage_events as e
        where e.api_key_id = h.api_key_id
          and e.occurred_at >= h.hour and e.occurred_at < h.hour + interval '1 hour'
      )
    );
end
$$;
comment on function proxy_private.repair_hourly_usage is
  'Applies the corrections to the hourly rows, and deletes rows of hours without events.';


-- Revoke everything, even if default privileges are open.
revoke all on function
  proxy_private.hourly_usage_drift, proxy_private.repair_hourly_usage
from public, anon, authenticated, service_role;


-- 1113_reconciling_targets.sql

-- The rollup by target, checked against the events of a day.

create function proxy_private.target_usage_drift(day date) returns setof proxy_private.usage_correction
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- so that other days' partitions are neither planned nor locked
set plan_cache_mode = force_custom_plan
as $$
declare
  most constant integer := 1000;
  most_bytes constant bigint := 9007199254740991;
  begins timestamptz := target_usage_drift.day;
  ends timestamptz := target_usage_drift.day + 1;
begin
  if target_usage_drift.day < proxy_private.first_kept_target_day() then
    return;
  end if;
  return query
  with by_key as materialized (
    select
      e.api_key_id, lower(e.target_host collate "C") as host, e.site_length,
      sum(e.count) as requests,
      coalesce(sum(e.count) filter (where proxy_private.is_target_error(e.code)), 0) as errors,
      -- bounded as in raise_target_rollups
      least(sum(e.bytes_sent), most_bytes) as bytes_sent,
      least(sum(e.bytes_received), most_bytes) as bytes_received
    from proxy_private.counted_usage_events as e
    where e.occurred_at >= begins and e.occurred_at < ends
    group by 1, 2, 3
  ),
  owned as materialized (
    select
      b.*, k.user_id,
      case when k.live_mode then b.bytes_sent + b.bytes_received else 0 end as billed_bytes
    from by_key as b
    join proxy_private.proxy_keys as k on k.id = b.api_key_id
  ),
  by_subject as (
    select
      o.api_key_id as subject, o.host, o.site_length, o.requests, o.errors, o.bytes_sent,
      o.bytes_received, o.billed_bytes
    from owned as o
    union all
    select
      o.user_id, o.host, o.site_length, sum(o.requests), sum(o.errors), sum(o.bytes_sent),
      sum(o.bytes_received), sum(o.billed_bytes)
    from owned as o
    where o.user_id is not null
    group by 1, 2, 3
  ),
  kept as materialized (
    select t.* from proxy_private.proxy_usage_targets as t where t.day = target_usage_drift.day
  ),
  -- which row each host counts in: a row stays once created, so a host counts where it did before
  placed as (
    select
      s.*,
      case
        when h.subject is not null then 0
        when coalesce(d.hosts, 0) < most then null
        when s.site_length is null then 2
        when w.subject is not null then 1
        when d.sites = most then 2
      end as kind
    from by_subject as s
    left join kept as h on h.subject = s.subject and h.kind = 0 and h.name = s.host
    left join kept as w
      on w.subject = s.subject and w.kind = 1 and w.name = right(s.host, s.site_length)
    left join proxy_private.proxy_usage_target_days as d
      on d.subject = s.subject and d.day = target_usage_drift.day
  ),
  counted as (
    select
      p.subject, p.kind, n.name, max(p.site_length) as site_length,
      sum(p.requests)::bigint as requests, sum(p.errors)::bigint as errors,
      least(sum(p.bytes_sent), most_bytes)::bigint as bytes_sent,
      least(sum(p.bytes_received), most_bytes)::bigint as bytes_received,
      least(sum(p.billed_bytes), most_bytes)::bigint as billed_bytes
    from placed as p
    cross join lateral (
      select
        case p.kind when 1 then right(p.host, p.site_length) when 2 then '' else p.host end as name
    ) as n
    group by 1, 2, 3
  ),
  compared as (
    select
      coalesce(c.subject, k.subject) as subject,
      concat_ws(
        ' ',
        coalesce((array['host', 'site', 'other'])[coalesce(c.kind, k.kind) + 1], 'new'),
        coalesce(case when k.subject is null then c.site_length else k.site_length end, 0),
        coalesce(c.name, k.name)
      ) as part,
      case
        when k.subject is null then 'missing' when c.subject is null then 'surplus'
        else 'different'
      end as found,
      coalesce(c.requests, 0) - coalesce(k.requests, 0) as requests,
      coalesce(c.errors, 0) - coalesce(k.errors, 0) as errors,
      coalesce(c.bytes_sent, 0) - coalesce(k.bytes_sent, 0) as bytes_sent,
      coalesce(c.bytes_received, 0) - coalesce(k.bytes_received, 0) as bytes_received,
      coalesce(c.billed_bytes, 0) - coalesce(k.billed_bytes, 0) as billed_bytes
    from counted as c
    full join kept as k on k.subject = c.subject and k.kind = c.kind and k.name = c.name
    where c.subject is not null
      -- once an account is removed, nothing links its events to it
      or exists (select from proxy_private.proxy_keys as o where o.id = k.subject)
      or exists (select from proxy_private.proxy_keys as o where o.user_id = k.subject)
  )
  select
    'target', d.subject, begins, d.part, d.found, d.requests, d.bytes_sent, d.bytes_received,
    null::timestamptz, null::timestamptz, null::uuid, null::uuid, d.errors,
    d.billed_bytes
  from compared as d
  where (d.requests, d.errors, d.bytes_sent, d.bytes_received, d.billed_bytes) <> (0, 0, 0, 0, 0);
end
$$;
comment on function proxy_private.target_usage_drift is
  'Returns the rows by target of a day (UTC) that differ from its events, with a key or a user as '
  'api_key_id; none for a day that is no longer kept. part consists of host, site, other, or new '
  'for a host that may need a row; the length of its site; and its name.';


create function proxy_private.repair_target_usage(corrections proxy_private.usage_correction[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  perform proxy_private.add_target_uses(
    array(
      select (
        c.api_key_id, c.period::date, array_position(array['host', 'site', 'other'], p.words[1]) - 1,
        p.words[3],
        case
          when p.words[1] = 'site' then char_length(p.words[3]) else nullif(p.words[2]::smallint, 0)
        end,
        c.requests, c.errors, c.bytes_sent, c.bytes_received, c.billed_bytes
      )::proxy_private.target_use
      from unnest(corrections) as c
      cross join lateral regexp_match(c.part, '^(\S+) (\S+) (.*)$') as p (words)
      where c.rollup = 'target'
    )
  );
end
$$;
comment on function proxy_private.repair_target_usage is
  'Applies the corrections to the rows by target. A row without events stays, with zeros, because '
  'where a host counts must not change within a day.';


-- Revoke everything, even if default privileges are open.
revoke all on function
  proxy_private.target_usage_drift, proxy_private.repair_target_usage
from public, anon, authenticated, service_role;


-- 1116_reconciling_outcomes.sql

-- The rollup by outcome, checked against the events of a day.

create function proxy_private.outcome_usage_drift(day date) returns setof proxy_private.usage_correction
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- so that other days' partitions are neither planned nor locked
set plan_cache_mode = force_custom_plan
as $$
declare
  most_bytes constant bigint := 9007199254740991;
  begins timestamptz := outcome_usage_drift.day;
  ends timestamptz := outcome_usage_drift.day + 1;
begin
  if outcome_usage_drift.day < proxy_private.first_kept_target_day() then
    return;
  end if;
  return query
  with by_code as materialized (
    select
      e.api_key_id, date_bin('1 hour', e.occurred_at, begins) as hour, e.code,
      sum(e.count) as requests,
      -- bounded as in raise_outcome_rollups
      least(sum(e.bytes_sent), most_bytes) as bytes_sent,
      least(sum(e.bytes_received), most_bytes) as bytes_received
    from proxy_private.proxy_usage_events as e
    where e.occurred_at >= begins and e.occurred_at < ends
    group by 1, 2, 3
  ),
  counted as (
    select
      s.subject, b.hour,
      case when b.code is null then 'ok' else proxy_private.outcome_of(b.code) end collate "C" as outcome,
      sum(b.requests)::bigint as requests,
      least(sum(b.bytes_sent), most_bytes)::bigint as bytes_sent,
      least(sum(b.bytes_received), most_bytes)::bigint as bytes_received,
      least(
        sum(case when o.live_mode then b.bytes_sent + b.bytes_received else 0 end), most_bytes
      )::bigint as billed_bytes
    from by_code as b
    join proxy_private.proxy_keys as o on o.id = b.api_key_id
    cross join lateral (values (o.id), (o.user_id)) as s (subject)
    where s.subject is not null
    group by 1, 2, 3
  ),
  kept as (
    select h.* from proxy_private.proxy_usage_outcomes as h where h.hour >= begins and h.hour < ends
  ),
  compared as (
    select
      subject, hour, outcome,
      case
        when k.requests is null then 'missing' when c.requests is null then 'surplus'
        else 'different'
      end as found,
      coalesce(c.requests, 0) - coalesce(k.requests, 0) as requests,
      coalesce(c.bytes_sent, 0) - coalesce(k.bytes_sent, 0) as bytes_sent,
      coalesce(c.bytes_received, 0) - coalesce(k.bytes_received, 0) as bytes_received,
      coalesce(c.billed_bytes, 0) - coalesce(k.billed_bytes, 0) as billed_bytes
    from counted as c
    full join kept as k using (subject, hour, outcome)
    where c.requests is not null
      -- as in proxy_private.target_usage_drift
      or exists (select from proxy_private.proxy_keys as o where o.id = subject)
      or exists (select from proxy_private.proxy_keys as o where o.user_id = subject)
  )
  select
    'outcome', d.subject, d.hour, d.outcome, d.found, d.requests, d.bytes_sent, d.bytes_received,
    null::timestamptz, null::timestamptz, null::uuid, null::uuid, null::bigint,
    d.billed_bytes
  from compared as d
  where (d.requests, d.bytes_sent, d.bytes_received, d.billed_bytes) <> (0, 0, 0, 0);
end
$$;
comment on function proxy_private.outcome_usage_drift is
  'Returns the rows by outcome of a day (UTC) that differ from its events, with a key or a user as '
  'api_key_id and the outcome as part; none for a day that is no longer kept.';


create function proxy_private.repair_outcome_usage(corrections proxy_private.usage_correction[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into proxy_private.proxy_usage_outcomes as o (
    subject, hour, outcome, requests, bytes_sent, bytes_received, billed_bytes
  )
  select
    c.api_key_id, c.period, c.part, c.requests, c.bytes_sent, c.bytes_received, c.billed_bytes
  from unnest(corrections) as c
  where c.rollup = 'outcome'
  order by c.api_key_id, c.period, c.part collate "C"
  on conflict (subject, hour, outcome) do update set
    requests = o.requests + excluded.requests,
    bytes_sent = least(o.bytes_sent + excluded.bytes_sent, 9007199254740991),
    bytes_received = least(o.bytes_received + excluded.bytes_received, 9007199254740991),
    billed_bytes = least(o.billed_bytes + excluded.billed_bytes, 9007199254740991);
end
$$;
comment on function proxy_private.repair_outcome_usage is
  'Applies the corrections to the rows by outcome. A row without events stays, with zeros.';


-- Revoke everything, even if default privileges are open.
revoke all on function
  proxy_private.outcome_usage_drift, proxy_private.repair_outcome_usage
from public, anon, authenticated, service_role;


-- 1120_reconciling_months.sql

-- The monthly rollup, checked against the hourly one, and its last use against the events.

create function proxy_private.monthly_usage_drift(
  month date, corrections proxy_private.usage_correction[]
) returns setof proxy_private.usage_correction
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_custom_plan
-- to hash in memory instead of sorting on disk
set work_mem = '64MB'
as $$
declare
  begins timestamptz := monthly_usage_drift.month;
  ends timestamptz := monthly_usage_drift.month + interval '1 month';
  -- of dropped events, only this last use is known
  all_events_are_here boolean := not exists (
    select from proxy_private.dropped_usage_days as d where d.day >= begins and d.day < ends
  );
begin
  return query
  with counted as (
    select
      u.api_key_id,
      sum(u.requests)::bigint as requests,
      least(sum(u.bytes_sent), 9007199254740991)::bigint as bytes_sent,
      least(sum(u.bytes_received), 9007199254740991)::bigint as bytes_received,
      max(u.hour) as last_hour,
      max(u.last_used_at) as last_used_at
    from (
      select
        h.api_key_id, h.hour, h.requests, h.bytes_sent, h.bytes_received,
        null::timestamptz as last_used_at, 1 as rows
      from proxy_private.proxy_usage_hourly as h
      where h.hour >= begins and h.hour < ends
      union all
      select
        c.api_key_id, c.period, c.requests, c.bytes_sent, c.bytes_received, c.last_used_at,
        case c.found when 'missing' then 1 when 'surplus' then -1 else 0 end
      from unnest(monthly_usage_drift.corrections) as c
      where c.rollup in ('hourly', 'monthly') and c.period >= begins and c.period < ends
    ) as u
    group by 1
    having sum(u.rows) > 0
  ),
  kept as (
    select m.* from proxy_private.proxy_usage_monthly as m where m.month = monthly_usage_drift.month
  ),
  compared as (
    select
      api_key_id,
      case
        when k.requests is null then 'missing' when c.requests is null then 'surplus'
        else 'different'
      end as found,
      coalesce(c.requests, 0) - coalesce(k.requests, 0) as requests,
      coalesce(c.bytes_sent, 0) - coalesce(k.bytes_sent, 0) as bytes_sent,
      coalesce(c.bytes_received, 0) - coalesce(k.bytes_received, 0) as bytes_received,
      k.last_used_at as kept_last_used_at,
      -- for a surplus row, the row itself is the only source
      coalesce(
        case
          when k.requests is null and newest.last_used_at is null then c.last_hour
          when k.requests is null and not all_events_are_here
            then greatest(newest.last_used_at, c.last_hour)
          when all_events_are_here then newest.last_used_at
          else greatest(k.last_used_at, newest.last_used_at)
        end,
        k.last_used_at
      ) as last_used_at,
      k.user_id as kept_user_id,
      -- as in proxy_private.hourly_usage_drift
      coalesce(o.user_id, k.user_id) as user_id
    from counted as c
    full join kept as k using (api_key_id)
    left join proxy_private.proxy_keys as o on o.id = api_key_id
    -- usually an event that started in the hour before confirms the last use
    left join lateral (
      select true as stands
      from proxy_private.counted_usage_events as e
      where all_events_are_here and c.last_used_at is null
        and e.api_key_id = k.api_key_id
        and e.occurred_at >= begins and e.occurred_at < ends
        and e.occurred_at >= k.last_used_at - interval '1 hour' and e.occurred_at <= k.last_used_at
        and e.occurred_at + e.duration_ms * interval '1 ms' = k.last_used_at
      limit 1
    ) as probe on true
    left join lateral (
      select max(e.occurred_at + e.duration_ms * interval '1 ms') as last_used_at
      from proxy_private.counted_usage_events as e
      where probe.stands is null
        and (all_events_are_here or k.requests is null or c.last_used_at is not null)
        and e.api_key_id = c.api_key_id and e.occurred_at >= begins and e.occurred_at < ends
    ) as newest on true
  )
  select
    'monthly', d.api_key_id, begins, null::text, d.found, d.requests, d.bytes_sent,
    d.bytes_received, d.kept_last_used_at, d.last_used_at, d.kept_user_id, d.user_id,
    null::bigint, null::bigint
  from compared as d
  where d.found <> 'different'
    or (d.requests, d.bytes_sent, d.bytes_received) <> (0, 0, 0)
    or d.kept_last_used_at <> d.last_used_at
    or d.kept_user_id is distinct from d.user_id;
end
$$;
comment on function proxy_private.monthly_usage_drift is
  'Returns the monthly rows that differ from the corrected hourly rows, and those whose last use '
  'is not the end of their newest event. If days were dropped, no last use counts as too late.';


create function proxy_private.repair_monthly_usage(corrections proxy_private.usage_correction[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  insert into proxy_private.proxy_usage_monthly as m (
    api_key_id, month, user_id, requests, bytes_sent, bytes_received, last_used_at
  )
  select
    c.api_key_id, c.period::date, c.user_id, c.requests, c.bytes_sent, c.bytes_received,
    c.last_used_at
  from unnest(corrections) as c
  where c.rollup = 'monthly'
  order by c.api_key_id, c.period
  on conflict on constraint proxy_usage_monthly_pkey do update set
    user_id = excluded.user_id,
    requests = m.requests + excluded.requests,
    bytes_sent = least(m.bytes_sent + excluded.bytes_sent, 9007199254740991),
    bytes_received = least(m.bytes_received + excluded.bytes_received, 9007199254740991),
    last_used_at = greatest(m.last_used_at, excluded.last_used_at);

  -- The rows are locked now: transactions that raised them have committed, and new ones wait. So a
  -- last use that was too late can be set, and rows without events can be found.
  update proxy_private.proxy_usage_monthly as m set last_used_at = u.last_used_at
  from unnest(corrections) as c
  cross join lateral (
    select max(e.occurred_at + e.duration_ms * interval '1 ms') as last_used_at
    from proxy_private.counted_usage_events as e
    where e.api_key_id = c.api_key_id
      and e.occurred_at >= c.period and e.occurred_at < c.period + interval '1 month'
  ) as u
  where c.rollup = 'monthly' and c.last_used_at < c.kept_last_used_at
    and m.api_key_id = c.api_key_id and m.month = c.period::date
    and m.last_used_at <> u.last_used_at;

  delete from proxy_private.proxy_usage_monthly as m using unnest(corrections) as c
  where c.rollup = 'monthly' and c.found = 'surplus'
    and m.api_key_id = c.api_key_id and m.month = c.period::date
    and (m.requests, m.bytes_sent, m.bytes_received) = (0, 0, 0)
    and not exists (
      select from proxy_private.counted_usage_events as e
      where e.api_key_id = m.api_key_id
        and e.occurred_at >= c.period and e.occurred_at < c.period + interval '1 month'
    );
end
$$;
comment on function proxy_private.repair_monthly_usage is
  'Applies the corrections to the monthly rows, sets last uses that are too late, and deletes rows '
  'of keys without events.';


-- Revoke everything, even if default privileges are open.
revoke all on function
  proxy_private.monthly_usage_drift, proxy_private.repair_monthly_usage
from public, anon, authenticated, service_role;


-- 1125_reconciling_accounts.sql

-- The rollups by account, checked against those by key: an account has the sum of its keys.

-- as for the hourly rollup by key
create index proxy_account_hourly_hour on proxy_private.proxy_account_hourly using brin (hour);


create type proxy_private.account_sum as (
  user_id uuid,
  period timestamptz,
  part text,
  requests bigint,
  bytes_sent bigint,
  bytes_received bigint
);
comment on type proxy_private.account_sum is
  'A row of a rollup by account. part is the mode, live or test; in a monthly rollup it is the '
  'tier and the mode.';


-- Built by column name, because the type has columns that only other rollups use.
create function proxy_private.account_corrections(
  rollup text, counted proxy_private.account_sum[], kept proxy_private.account_sum[]
) returns setof proxy_private.usage_correction
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select c.*
  from (
    select
      user_id, period, part,
      case
        when k.requests is null then 'missing' when n.requests is null then 'surplus'
        else 'different'
      end as found,
      coalesce(n.requests, 0) - coalesce(k.requests, 0) as requests,
      coalesce(n.bytes_sent, 0) - coalesce(k.bytes_sent, 0) as bytes_sent,
      coalesce(n.bytes_received, 0) - coalesce(k.bytes_received, 0) as bytes_received
    from unnest(counted) as n
    full join unnest(kept) as k using (user_id, period, part)
  ) as d
  cross join lateral jsonb_populate_record(
    null::proxy_private.usage_correction,
    jsonb_build_object(
      'rollup', account_corrections.rollup, 'api_key_id', d.user_id, 'period', d.period,
      'part', d.part, 'found', d.found, 'requests', d.requests, 'bytes_sent', d.bytes_sent,
      'bytes_received', d.bytes_received
    )
  ) as c
  where (d.found <> 'different' or (d.requests, d.bytes_sent, d.bytes_received) <> (0, 0, 0))
    -- the usage of a removed account stays as it is
    and exists (select from auth.users as u where u.id = d.user_id);
end
$$;
comment on function proxy_private.account_corrections is
  'Returns the rows of a rollup by account that differ, with the user as api_key_id.';


create function proxy_private.account_hourly_usage_drift(
  day date, corrections proxy_private.usage_correction[]
) returns setof proxy_private.usage_correction
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_custom_plan
as $$
declare
  begins timestamptz := account_hourly_usage_drift.day;
  ends timestamptz := account_hourly_usage_drift.day + 1;
  counted proxy_private.account_sum[];
  kept proxy_private.account_sum[];
begin
  counted := array(
    select (
      k.user_id, u.hour, case when k.live_mode then 'live' else 'test' end, sum(u.requests),
      -- bounded as in record_usage
      least(sum(u.bytes_sent), 9007199254740991), least(sum(u.bytes_received), 9007199254740991)
    )::proxy_private.account_sum
    from (
      select h.api_key_id, h.hour, h.requests, h.bytes_sent, h.bytes_received, 1 as rows
      from proxy_private.proxy_usage_hourly as h
      where h.hour >= begins and h.hour < ends
      union all
      select
        c.api_key_id, c.period, c.requests, c.bytes_sent, c.bytes_received,
        case c.found when 'missing' then 1 when 'surplus' then -1 else 0 end
      from unnest(account_hourly_usage_drift.corrections) as c
      where c.rollup = 'hourly'
    ) as u
    join proxy_private.proxy_keys as k on k.id = u.api_key_id
    where k.user_id is not null
    group by k.user_id, u.hour, k.live_mode
    having sum(u.rows) > 0
  );
  kept := array(
    select (
      h.user_id, h.hour, case when h.live_mode then 'live' else 'test' end, h.requests,
      h.bytes_sent, h.bytes_received
    )::proxy_private.account_sum
    from proxy_private.proxy_account_hourly as h
    where h.hour >= begins and h.hour < ends
  );
  return query select * from proxy_private.account_corrections('account_hourly', counted, kept);
end
$$;
comment on function proxy_private.account_hourly_usage_drift is
  'Returns the hourly rows by account of a day (UTC) that differ from the corrected rows by key.';


create function proxy_private.account_monthly_usage_drift(
  month date, corrections proxy_private.usage_correction[]
) returns setof proxy_private.usage_correction
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_custom_plan
as $$
declare
  counted proxy_private.account_sum[];
  kept proxy_private.account_sum[];
begin
  counted := array(
    select (
      k.user_id, account_monthly_usage_drift.month,
      k.tier || case when k.live_mode then ' live' else ' test' end, sum(u.requests),
      least(sum(u.bytes_sent), 9007199254740991), least(sum(u.bytes_received), 9007199254740991)
    )::proxy_private.account_sum
    from (
      select m.api_key_id, m.requests, m.bytes_sent, m.bytes_received, 1 as rows
      from proxy_private.proxy_usage_monthly as m
      where m.month = account_monthly_usage_drift.month
      union all
      select
        c.api_key_id, c.requests, c.bytes_sent, c.bytes_received,
        case c.found when 'missing' then 1 when 'surplus' then -1 else 0 end
      from unnest(account_monthly_usage_drift.corrections) as c
      where c.rollup = 'monthly'
    ) as u
    join proxy_private.proxy_keys as k on k.id = u.api_key_id
    where k.user_id is not null
    group by k.user_id, k.tier, k.live_mode
    having sum(u.rows) > 0
  );
  kept := array(
    select (
      m.user_id, m.month, m.tier || case when m.live_mode then ' live' else ' test' end,
      m.requests, m.bytes_sent, m.bytes_received
    )::proxy_private.account_sum
    from proxy_private.proxy_account_monthly as m
    where m.month = account_monthly_usage_drift.month
  );
  return query select * from proxy_private.account_corrections('account_monthly', counted, kept);
end
$$;
comment on function proxy_private.account_monthly_usage_drift is
  'Returns the monthly rows by account that differ from the corrected rows by key. Each key counts '
  'for its current tier.';


create function proxy_private.repair_account_usage(corrections proxy_private.usage_correction[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  insert into proxy_private.proxy_account_monthly as m (
    user_id, month, tier, live_mode, requests, bytes_sent, bytes_received
  )
  select
    c.api_key_id, c.period::date, split_part(c.part, ' ', 1), split_part(c.part, ' ', 2) = 'live',
    c.requests, c.bytes_sent, c.bytes_received
  from unnest(corrections) as c
  where c.rollup = 'account_monthly'
  order by 1, 2, 3, 4
  on conflict on constraint proxy_account_monthly_pkey do update set
    requests = m.requests + excluded.requests,
    bytes_sent = least(m.bytes_sent + excluded.bytes_sent, 9007199254740991),
    bytes_received = least(m.bytes_received + excluded.bytes_received, 9007199254740991);

  insert into proxy_private.proxy_account_hourly as h (
    user_id, hour, live_mode, requests, bytes_sent, bytes_received
  )
  select c.api_key_id, c.period, c.part = 'live', c.requests, c.bytes_sent, c.bytes_received
  from unnest(corrections) as c
  where c.rollup = 'account_hourly'
  order by 1, 2, 3
  on conflict on constraint proxy_account_hourly_pkey do update set
    requests = h.requests + excluded.requests,
    bytes_sent = least(h.bytes_sent + excluded.bytes_sent, 9007199254740991),
    bytes_received = least(h.bytes_received + excluded.bytes_received, 9007199254740991);

  -- Locked first, then added up: a transaction that raised an account row not visible here yet
  -- waits for this lock.
  insert into proxy_private.proxy_user_monthly as s (user_id, month, bytes)
  select distinct c.api_key_id, c.period::date, 0
  from unnest(corrections) as c
  where c.rollup = 'account_monthly'
  order by 1, 2
  on conflict on constraint proxy_user_monthly_pkey do update set bytes = s.bytes;
  update proxy_private.proxy_user_monthly as s
  set bytes = least(
    (
      select coalesce(sum(m.bytes_sent + m.bytes_received), 0)
      from proxy_private.proxy_account_monthly as m
      where m.user_id = s.user_id and m.month = s.month
    ),
    9007199254740991
  )
  where (s.user_id, s.month) in (
    select c.api_key_id, c.period::date from unnest(corrections) as c
    where c.rollup = 'account_monthly'
  );

  -- The rows are locked now: transactions that raised them have committed, and new ones wait.
  delete from proxy_private.proxy_account_monthly as m using unnest(corrections) as c
  where c.rollup = 'account_monthly' and c.found = 'surplus'
    and (m.user_id, m.month) = (c.api_key_id, c.period::date)
    and (m.tier, m.live_mode) = (split_part(c.part, ' ', 1), split_part(c.part, ' ', 2) = 'live')
    and (m.requests, m.bytes_sent, m.bytes_received) = (0, 0, 0)
    and not exists (
      select from proxy_private.proxy_usage_monthly as u
      join proxy_private.proxy_keys as k on k.id = u.api_key_id
      where k.user_id = m.user_id and k.tier = m.tier and k.live_mode = m.live_mode
        and u.month = m.month
    );
  delete from proxy_private.proxy_account_hourly as h using unnest(corrections) as c
  where c.rollup = 'account_hourly' and c.found = 'surplus'
    and (h.user_id, h.hour, h.live_mode) = (c.api_key_id, c.period, c.part = 'live')
    and (h.requests, h.bytes_sent, h.bytes_received) = (0, 0, 0)
    and not exists (
      select from proxy_private.proxy_usage_hourly as u
      join proxy_private.proxy_keys as k on k.id = u.api_key_id
      where k.user_id = h.user_id and k.live_mode = h.live_mode and u.hour = h.hour
    );
end
$$;
comment on function proxy_private.repair_account_usage is
  'Applies the corrections to the rows by account, deletes rows for which no key has a row, and '
  'adds up the months of their users again.';


-- Revoke everything, even if default privileges are open.
revoke all on function
  proxy_private.account_corrections, proxy_private.account_hourly_usage_drift,
  proxy_private.account_monthly_usage_drift, proxy_private.repair_account_usage
from public, anon, authenticated, service_role;


-- 1130_days_to_reconcile.sql

-- Which days to recount: those that may have changed since the last recount.

create table proxy_private.reconciled_usage_days (
  day date primary key,
  checked_at timestamptz not null,
  changes bigint not null,
  counted_since timestamptz
);
comment on table proxy_private.reconciled_usage_days is
  'Days whose rollups were checked, and how many changes to their events Postgres had counted by '
  'then.';
comment on column proxy_private.reconciled_usage_days.changes is
  'Rows inserted, updated and deleted in the partition, from the statistics before the check.';
comment on column proxy_private.reconciled_usage_days.counted_since is
  'When these statistics started: a crash or a reset restarts them.';
alter table proxy_private.reconciled_usage_days enable row level security;


-- Postgres counts a change within a minute after its commit: the check that follows sees every
-- change counted so far, and a change counted later makes the next count differ.
create function proxy_private.check_of_usage_day(day date) returns proxy_private.reconciled_usage_days
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  partition oid := proxy_private.usage_partition(check_of_usage_day.day);
begin
  return (
    check_of_usage_day.day,
    clock_timestamp(),
    coalesce(
      pg_stat_get_tuples_inserted(partition) + pg_stat_get_tuples_updated(partition)
        + pg_stat_get_tuples_deleted(partition),
      0
    ),
    greatest(
      pg_stat_get_bgwriter_stat_reset_time(),
      (
        select pg_stat_get_db_stat_reset_time(d.oid)
        from pg_database as d where d.datname = current_database()
      )
    )
  );
end
$$;
comment on function proxy_private.check_of_usage_day is
  'Returns the row of proxy_private.reconciled_usage_days for a check of that day that starts now.';


create function proxy_private.usage_days_to_check() returns setof date
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  today date := (now() at time zone 'UTC')::date;
begin
  return query
  select d
  from proxy_private.partitioned_usage_days() as d
  cross join lateral proxy_private.check_of_usage_day(d) as c
  left join proxy_private.reconciled_usage_days as r on r.day = d
  where d < today - 1
    and ((r.changes, r.counted_since) is distinct from (c.changes, c.counted_since)
      or not current_setting('track_counts')::boolean)
    and not exists (select from proxy_private.dropped_usage_days as o where o.day = d)
  union all
  values (today - 1), (today);
end
$$;
comment on function proxy_private.usage_days_to_check is
  'Returns today, yesterday, and older days whose events changed since their rollups were checked.';


-- Revoke everything, even if default privileges are open.
revoke all on table proxy_private.reconciled_usage_days from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.check_of_usage_day, proxy_private.usage_days_to_check
from public, anon, authenticated, service_role;


-- 1200_retention.sql

-- Retention: old days' events are dropped, a whole partition at a time; rollups stay.

create table proxy_private.archived_usage_days (
  day date primary key,
  archived_at timestamptz not null default clock_timestamp(),
  events bigint not null,
  bytes_sent numeric not null,
  bytes_received numeric not null,
  location text not null
);
comment on table proxy_private.archived_usage_days is
  'Days whose events were archived elsewhere, with their totals, which retention compares before '
  'it drops a day.';
comment on column proxy_private.archived_usage_days.location is
  'Where the archive is, for an operator to find it.';
alter table proxy_private.archived_usage_days enable row level security;


-- Each day in the default partition gets its own partition, and its events move there. Newest
-- first, because those are read most.
create function proxy_private.empty_default_partition() returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  started timestamptz := clock_timestamp();
  caught date;
  made integer := 0;
begin
  for caught in
    select distinct e.occurred_at::date as day
    from proxy_private.proxy_usage_events_default as e
    order by day desc
    -- a partition takes about 10 of the cluster's 6,400 or more locks
    limit 200
  loop
    made := made + proxy_private.make_usage_partitions(caught, caught);
    -- recording waits meanwhile
    exit when clock_timestamp() > started + interval '10 s';
  end loop;
  return made;
end
$$;
comment on function proxy_private.empty_default_partition is
  'Creates the partitions of days whose events are in the default partition, and returns how many: '
  'up to 200, for about 10 s; the next call continues. Fails in the same cases as '
  'proxy_private.make_usage_partitions.';


create type proxy_private.usage_retention as (
  day date,
  action text,
  reason text,
  events bigint,
  bytes bigint,
  disk_bytes bigint,
  drift bigint
);
comment on type proxy_private.usage_retention is
  'What retention did with an old day: action is dropped, kept or skipped. reason for kept: drift '
  '(its rollups differ from its events), not archived, archive is stale (the archive has other '
  'events) or restored (it was dropped before); for skipped: in use (a lock timed out; without a '
  'day, on the default partition). bytes are metered in and out; drift is the number of rollup '
  'rows that differ.';


create function proxy_private.archive_lacks(day date, events bigint, bytes_sent numeric, bytes_received numeric)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  archived proxy_private.archived_usage_days;
begin
  if archive_lacks.events = 0 or not (select s.require_archive from proxy_private.maintenance_settings as s)
  then
    return null;
  end if;
  select * into archived from proxy_private.archived_usage_days as a where a.day = archive_lacks.day;
  if archived is null then
    return 'not archived';
  end if;
  if (archived.events, archived.bytes_sent, archived.bytes_received)
    <> (archive_lacks.events, archive_lacks.bytes_sent, archive_lacks.bytes_received)
  then
    return 'archive is stale';
  end if;
  return null;
end
$$;
comment on function proxy_private.archive_lacks is
  'Returns why a day with these totals must not be dropped yet, if days must be archived first; '
  'otherwise null.';


-- All days are checked before the first is dropped: from then on, events can be neither read nor
-- recorded until the transaction ends.
create function proxy_private.drop_old_usage() returns setof proxy_private.usage_retention
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- none at first, because other maintenance may take minutes; the one set below ends with the call
set lock_timeout = 0
as $$
declare
  old_day date;
  old proxy_private.usage_retention;
  sent numeric;
  received numeric;
  standing proxy_private.usage_retention[] := '{}';
  in_use boolean := false;
begin
  perform proxy_private.take_maintenance_lock();
  -- recording waits behind this for as long
  perform set_config('lock_timeout', '1s', true);

  begin
    perform proxy_private.empty_default_partition();
  exception when lock_not_available then
    old := (null, 'skipped', 'in use', null, null, null, null);
    return next old;
  end;

  for old_day in
    select d from proxy_private.partitioned_usage_days() as d
    where d < now()::date - (select s.keep_days from proxy_private.maintenance_settings as s)
  loop
    old := (old_day, 'kept', null, null, null, null, null);
    if exists (select from proxy_private.dropped_usage_days as d where d.day = old_day) then
      old.reason := 'restored';
      return next old;
      continue;
    end if;
    begin
      -- blocks writes while it is counted
      execute format('lock table %s in share mode', proxy_private.usage_partition(old_day));
    exception when lock_not_available then
      old.action := 'skipped';
      old.reason := 'in use';
      return next old;
      continue;
    end;
    old.disk_bytes := pg_total_relation_size(proxy_private.usage_partition(old_day));
    execute format(
      'select count(*), coalesce(sum(bytes_sent), 0), coalesce(sum(bytes_received), 0) from %s',
      proxy_private.usage_partition(old_day)
    )
    into old.events, sent, received;
    -- a stolen gateway login can report more than a bigint holds; that must not block retention
    old.bytes := least(sent + received, 9223372036854775807);
    select count(*) into old.drift from proxy_private.usage_drift(old_day);
    old.reason := case
      when old.drift > 0 then 'drift'
      else proxy_private.archive_lacks(old_day, old.events, sent, received)
    end;
    if old.reason is null then
      standing := standing || old;
    else
      return next old;
    end if;
  end loop;

  foreach old in array standing loop
    begin
      -- after one that is in use, skip the others: each try would make recording wait again
      if in_use then
        raise lock_not_available;
      end if;
      execute format('drop table %s', proxy_private.usage_partition(old.day));
      insert into proxy_private.dropped_usage_days (day, events, bytes)
      values (old.day, old.events, old.bytes);
      old.action := 'dropped';
    exception when lock_not_available or deadlock_detected then
      in_use := true;
      old.action := 'skipped';
      old.reason := 'in use';
    end;
    return next old;
  end loop;
end
$$;
comment on function proxy_private.drop_old_usage is
  'Drops the partitions of days older than proxy_private.maintenance_settings keeps, oldest first, '
  'each only if its rollups match its events and it is archived if required, and records them in '
  'proxy_private.dropped_usage_days; rollups stay. Returns one row per old day; recording waits at '
  'most about 1 s for a lock that cannot be taken. Fails (25000) unless the transaction is read '
  'committed.';


-- Revoke everything, even if default privileges are open.
revoke all on table proxy_private.archived_usage_days from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.empty_default_partition, proxy_private.archive_lacks, proxy_private.drop_old_usage
from public, anon, authenticated, service_role;


-- 1210_target_retention.sql

-- Retention of the rollups by target and by outcome, which have a separate retention period.

create function proxy_private.drop_old_targets(most integer default 1000000) returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  piece constant integer := 20000;
  first_kept constant date := proxy_private.first_kept_target_day();
  removed bigint := 0;
  found_rows bigint;
  statement text;
begin
  -- not an array: `supabase db lint` takes the whole array for the statement
  for statement in values
    ('delete from proxy_private.proxy_usage_targets where ctid = any (array(
       select t.ctid from proxy_private.proxy_usage_targets as t where t.day < $1 limit $2))'),
    ('delete from proxy_private.proxy_usage_target_days where ctid = any (array(
       select d.ctid from proxy_private.proxy_usage_target_days as d where d.day < $1 limit $2))'),
    ('delete from proxy_private.proxy_usage_outcomes where ctid = any (array(
       select o.ctid from proxy_private.proxy_usage_outcomes as o where o.hour < $1::timestamptz limit $2))')
  loop
    loop
      exit when removed >= drop_old_targets.most;
      execute statement using first_kept, least(piece, drop_old_targets.most - removed);
      get diagnostics found_rows = row_count;
      removed := removed + found_rows;
      exit when found_rows = 0;
    end loop;
  end loop;
  return removed;
end
$$;
comment on function proxy_private.drop_old_targets is
  'Deletes the rollups by target and outcome of days older than proxy_private.maintenance_settings '
  'keeps, at most `most` rows, and returns how many. No event raises these rows any more.';


-- Revoke everything, even if default privileges are open.
revoke all on function proxy_private.drop_old_targets from public, anon, authenticated, service_role;


-- 1300_maintenance.sql

-- Maintenance: what runs each night, by pg_cron if available, otherwise by `npm run maintain`.

create table proxy_private.maintenance_log (
  id uuid primary key default proxy_private.uuid_v7(),
  -- the same for all reports of a run
  ran_at timestamptz not null default now(),
  task text not null,
  day date,
  outcome text not null,
  detail text not null
);
comment on table proxy_private.maintenance_log is
  'The reports of each run of proxy_private.maintain_usage, kept for 400 days: pg_cron does not '
  'keep results.';
alter table proxy_private.maintenance_log enable row level security;


create type proxy_private.maintenance_report as (
  task text,
  day date,
  outcome text,
  detail text
);
comment on type proxy_private.maintenance_report is
  'The result of a maintenance task. outcome is unchanged, made, repaired or dropped; or, if an '
  'operator should look, found, kept, skipped or failed.';


create function proxy_private.report_reconciling(days date[]) returns setof proxy_private.maintenance_report
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  -- before the events are read, so that a day that changes meanwhile is checked again
  checks proxy_private.reconciled_usage_days[] := array(
    select proxy_private.check_of_usage_day(d) from unnest(report_reconciling.days) as d order by d
  );
  corrections proxy_private.usage_correction[] := array(
    select c from proxy_private.reconcile_usage(variadic report_reconciling.days) as c
  );
begin
  insert into proxy_private.reconciled_usage_days as r
  select c.* from unnest(checks) as c
  on conflict (day) do update set
    checked_at = excluded.checked_at,
    changes = excluded.changes,
    counted_since = excluded.counted_since;
  return query
  select
    'reconcile', k.day, case when count(c.rollup) = 0 then 'unchanged' else 'repaired' end,
    case
      when count(c.rollup) = 0 then 'No drift.'
      else format(
        'Drift in %s rows: %s requests and %s bytes.',
        count(*), sum(c.requests), sum(c.bytes_sent + c.bytes_received)
      )
    end
  from unnest(checks) as k
  left join unnest(corrections) as c on c.rollup <> 'monthly' and c.period::date = k.day
  group by k.day
  order by k.day;
  return query
  select
    'reconcile', null::date, 'repaired',
    format(
      'Drift in %s monthly rows: %s changes by %s requests and %s bytes.', count(*),
      to_char(c.period, 'YYYY-MM'), sum(c.requests), sum(c.bytes_sent + c.bytes_received)
    )
  from unnest(corrections) as c
  where c.rollup = 'monthly'
  group by c.period
  order by c.period;
end
$$;
comment on function proxy_private.report_reconciling is
  'Runs proxy_private.reconcile_usage, reports what it found, and records the days as checked.';


create function proxy_private.report_retention() returns setof proxy_private.maintenance_report
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  -- before the events are locked
  removed bigint := proxy_private.drop_old_targets();
begin
  if removed > 0 then
    return query
    select
      'retention', null::date, 'dropped',
      format('%s rows by target and outcome older than %s days.', removed, s.keep_targets_days)
    from proxy_private.maintenance_settings as s;
  end if;
  return query
  select
    'retention', r.day, r.action,
    case
      when r.action = 'dropped' then format(
        '%s events of %s bytes (%s on disk); their rollups stay.',
        r.events, r.bytes, pg_size_pretty(r.disk_bytes)
      )
      when r.reason = 'drift' then format('Drift in %s rows of its rollups: reconcile it.', r.drift)
      when r.reason = 'not archived' then 'Not archived: archive it.'
      when r.reason = 'archive is stale' then 'Its archive has other events: archive it again.'
      when r.reason = 'restored' then 'Dropped before, then restored.'
      else 'In use: run retention again.'
    end
  from proxy_private.drop_old_usage() as r;
  if not found then
    return query
    select
      'retention', null::date, 'unchanged', format('Nothing is older than %s days.', s.keep_days)
    from proxy_private.maintenance_settings as s;
  end if;
end
$$;
comment on function proxy_private.report_retention is
  'Runs proxy_private.drop_old_targets and proxy_private.drop_old_usage, and reports what they '
  'did.';


create function proxy_private.report_partitions(today date) returns proxy_private.maintenance_report
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  last_day date := report_partitions.today + 40;
  made integer := proxy_private.make_usage_partitions(report_partitions.today - 1, last_day)
    + proxy_private.empty_default_partition();
begin
  return (
    'partitions', null, case when made = 0 then 'unchanged' else 'made' end,
    format('%s partitions were missing up to %s.', made, last_day)
  )::proxy_private.maintenance_report;
end
$$;
comment on function proxy_private.report_partitions is
  'Creates the missing partitions from the day before `today` to 40 days after it, and those of '
  'the days in the default partition.';


-- Reconciling takes long and locks little, so it comes first; tasks that lock the events come last,
-- because locks are held until the end. With each task in its own statement, they are held for
-- less.
create function proxy_private.maintain_usage(
  tasks text[] default '{reconcile,retention,partitions,accounts,privileges,alerts}',
  days date[] default null
) returns setof proxy_private.maintenance_report
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  next_task text;
  reports proxy_private.maintenance_report[] := '{}';
  outcomes proxy_private.maintenance_report[];
  failure text;
begin
  if not maintain_usage.tasks <@ '{reconcile,retention,partitions,accounts,privileges,alerts}' then
    raise exception 'Unknown maintenance task.'
      using errcode = 'invalid_parameter_value',
        hint = 'The tasks are reconcile, retention, partitions, accounts, privileges and alerts.';
  end if;
  perform from proxy_private.maintenance_settings for update skip locked;
  if not found then
    return query
    select t, null::date, 'skipped', 'Other maintenance is running.'
    from unnest(maintain_usage.tasks) as t;
    return;
  end if;

  foreach next_task in array maintain_usage.tasks loop
    -- a task that fails does not stop the others
    begin
      if next_task = 'reconcile' then
        outcomes := array(
          select r
          from proxy_private.report_reconciling(
            coalesce(maintain_usage.days, array(select proxy_private.usage_days_to_check()))
          ) as r
        );
      elsif next_task = 'retention' then
        outcomes := array(select r from proxy_private.report_retention() as r);
      elsif next_task = 'accounts' then
        outcomes := array[proxy_private.report_accounts()];
      elsif next_task = 'privileges' then
        outcomes := array(select r from proxy_private.report_privileges() as r);
      elsif next_task = 'alerts' then
        outcomes := array[proxy_private.report_alerts()];
      else
        outcomes := array[proxy_private.report_partitions(now()::date)];
      end if;
    exception when others then
      get stacked diagnostics failure = message_text;
      outcomes := array[
        (next_task, null, 'failed', sqlstate || ': ' || failure)::proxy_private.maintenance_report
      ];
    end;
    reports := reports || outcomes;
  end loop;

  insert into proxy_private.maintenance_log (task, day, outcome, detail)
  select r.task, r.day, r.outcome, r.detail from unnest(reports) as r;
  delete from proxy_private.maintenance_log as l where l.ran_at < now() - interval '400 days';
  return query select r.* from unnest(reports) as r;
end
$$;
comment on function proxy_private.maintain_usage is
  'Reconciles yesterday, today and older days whose events changed since (or `days`), drops usage '
  'that is older than proxy_private.maintenance_settings keeps, creates the partitions of the next '
  '40 days, checks the owners'' accounts and the gateways'' privileges, and raises the hourly '
  'alerts. Returns the result of each task and logs it in proxy_private.maintenance_log; a task '
  'that fails is reported and does not stop the others. If another run is in progress, all tasks '
  'are skipped.';


-- One job per task, so that each task has its own transaction. No error here may fail a migration:
-- a database without jobs is maintained by `npm run maintain`.
create function proxy_private.schedule_maintenance() returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  failure text;
begin
  if to_regnamespace('cron') is null then
    if not exists (select from pg_available_extensions as e where e.name = 'pg_cron') then
      return false;
    end if;
    create extension if not exists pg_cron with schema pg_catalog;
  end if;
  perform cron.schedule(
    j.name,
    j.schedule,
    -- a hosted database cancels statements after two minutes
    format('set statement_timeout = 0; select * from proxy_private.maintain_usage(tasks => %L)', j.tasks)
  )
  from (
    values
      -- each hour: keys that expire soon, and unusual usage
      ('proxy_alerts', '5 * * * *', '{alerts}'),
      ('proxy_usage_partitions', '7 2 * * *', '{partitions}'),
      ('proxy_usage_reconcile', '17 2 * * *', '{reconcile}'),
      ('proxy_usage_retention', '47 3 * * *', '{retention}'),
      ('proxy_accounts', '52 3 * * *', '{accounts}'),
      ('proxy_gateway_privileges', '57 3 * * *', '{privileges}')
  ) as j (name, schedule, tasks);
  -- pg_cron's own log gets one row per run of this job
  perform cron.schedule('proxy_deliver', '* * * * *', 'select proxy_private.kick_delivery()');
  return true;
exception when others then
  get stacked diagnostics failure = message_text;
  raise notice 'Maintenance is not scheduled: %', failure;
  return false;
end
$$;
comment on function proxy_private.schedule_maintenance is
  'Schedules proxy_private.maintain_usage each night (UTC), its alerts each hour and deliveries '
  'each minute, if pg_cron is available; it may be called again. Returns whether it did; a failure '
  'raises a notice.';

select proxy_private.schedule_maintenance();


-- Revoke everything, even if default privileges are open.
revoke all on table proxy_private.maintenance_log from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.report_reconciling, proxy_private.report_retention, proxy_private.report_partitions,
  proxy_private.maintain_usage, proxy_private.schedule_maintenance
from public, anon, authenticated, service_role;


-- 1310_hourly_alerts.sql

-- Hourly alerts, which no change of a row triggers: a key that expires soon, and an hour unlike the
-- key's other hours. Run by pg_cron, `npm run maintain`, or the local stack.

create index proxy_keys_expiring on proxy_private.proxy_keys (expires_at)
  where deleted_at is null and expires_at is not null;


create function proxy_private.alert_expiring_keys() returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  alerts proxy_private.new_alert[];
begin
  select array_agg(
    (
      k.user_id, k.id, 'key.expiring',
      format('expiry:%s:%s:%s', k.id, extract(epoch from k.expires_at), d.days), null,
      proxy_private.describe_key(k.id, k.key_id, k.label) || jsonb_build_object(
        'expiresAt', proxy_private.json_time(k.expires_at), 'days', d.days
      )
    )::proxy_private.new_alert
  ) into alerts
  from proxy_private.proxy_keys as k
  cross join lateral (
    -- the smallest that applies: a key created for one day gets only the alert for one day
    select min(d) as days from unnest(array[1, 7]) as d where k.expires_at <= now() + d * interval '1 day'
  ) as d
  where k.deleted_at is null and k.user_id is not null
    and k.expires_at > now() and k.expires_at <= now() + interval '7 days';
  if alerts is not null then
    perform proxy_private.raise_alerts(alerts);
  end if;
end
$$;
comment on function proxy_private.alert_expiring_keys is
  'Raises one alert for each key that expires within seven days, and one when it expires within '
  'one day.';


-- Checks the last two full hours, because events of the last minute may arrive late.
create function proxy_private.alert_unusual_usage() returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  least_bytes constant bigint := 100000000;
  alerts proxy_private.new_alert[];
begin
  select array_agg(
    (
      k.user_id, k.id, 'key.unusual_usage', format('unusual:%s:%s', k.id, extract(epoch from h.hour)),
      null,
      proxy_private.describe_key(k.id, k.key_id, k.label) || jsonb_build_object(
        'hour', proxy_private.json_time(h.hour), 'bytes', h.bytes_sent + h.bytes_received,
        'medianBytes', m.bytes::bigint
      )
    )::proxy_private.new_alert
  ) into alerts
  from proxy_private.proxy_usage_hourly as h
  join proxy_private.proxy_keys as k on k.id = h.api_key_id and k.user_id is not null
  cross join lateral (
    select
      percentile_cont(0.5) within group (order by w.bytes_sent + w.bytes_received) as bytes,
      count(*) as hours
    from proxy_private.proxy_usage_hourly as w
    where w.api_key_id = h.api_key_id and w.hour >= h.hour - interval '7 days' and w.hour < h.hour
      and w.bytes_sent + w.bytes_received > 0
  ) as m
  where h.hour >= date_trunc('hour', now()) - interval '2 hours'
    and h.hour < date_trunc('hour', now())
    and h.bytes_sent + h.bytes_received > least_bytes
    and m.hours >= 24
    and h.bytes_sent + h.bytes_received > 5 * m.bytes;
  if alerts is not null then
    perform proxy_private.raise_alerts(alerts);
  end if;
end
$$;
comment on function proxy_private.alert_unusual_usage is
  'Raises an alert for each key that, in an hour that just ended, transferred over 100 MB and over '
  'five times the median of its non-empty hours in the seven days before. A key needs 24 such '
  'hours first.';


create function proxy_private.drop_old_alerts() returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  dropped bigint;
begin
  delete from proxy_private.proxy_alerts as a where a.occurred_at < now() - interval '90 days';
  get diagnostics dropped = row_count;
  return dropped;
end
$$;
comment on function proxy_private.drop_old_alerts is
  'Deletes alerts older than 90 days, with their deliveries, and returns how many.';


create function proxy_private.report_alerts() returns proxy_private.maintenance_report
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  dropped bigint;
begin
  perform proxy_private.alert_expiring_keys();
  perform proxy_private.alert_unusual_usage();
  dropped := proxy_private.drop_old_alerts();
  return (
    'alerts', null, case when dropped = 0 then 'unchanged' else 'dropped' end,
    format('%s alerts were older than 90 days.', dropped)
  )::proxy_private.maintenance_report;
end
$$;
comment on function proxy_private.report_alerts is
  'Raises the hourly alerts, deletes old alerts, and reports how many it deleted.';


-- Revoke everything, even if default privileges are open.
revoke all on function
  proxy_private.alert_expiring_keys, proxy_private.alert_unusual_usage, proxy_private.drop_old_alerts,
  proxy_private.report_alerts
from public, anon, authenticated, service_role;


-- 1320_kicking_delivery.sql

-- Kicking the delivery: each minute, pg_cron calls the Edge Function `deliver` through pg_net, if
-- the database has both; otherwise another scheduler must, with the secret key.

create index proxy_deliveries_due on proxy_private.proxy_deliveries (next_attempt_at)
  where state = 'pending';


create function proxy_private.count_due_deliveries(most integer) returns integer
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select count(*)
    from (
      select
      from proxy_private.proxy_deliveries as d
      -- deliveries to a disabled webhook are not attempted
      join proxy_private.proxy_webhooks as h on h.id = d.webhook_id and h.disabled_at is null
      where d.state = 'pending' and d.next_attempt_at <= now()
        and (d.claimed_until is null or d.claimed_until <= now())
      limit count_due_deliveries.most
    ) as due
  );
end
$$;
comment on function proxy_private.count_due_deliveries is
  'Returns how many deliveries are due and not claimed, up to `most`.';


-- One invocation attempts 400, so a burst starts several at once.
create function proxy_private.kick_delivery() returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  due constant integer := proxy_private.count_due_deliveries(4000);
  function_url constant text := (select s.function_url from proxy_private.delivery_settings as s);
  key text;
begin
  if due = 0 then
    return 'Nothing is due.';
  end if;
  if function_url is null
    or to_regclass('vault.decrypted_secrets') is null
    or not exists (select from pg_proc as p where p.pronamespace = to_regnamespace('net') and p.proname = 'http_post')
  then
    return 'Not set up: see docs/alerts.md.';
  end if;
  execute 'select s.decrypted_secret from vault.decrypted_secrets as s where s.name = $1'
  into key using 'proxy_keys_deliver';
  if key is null then
    return 'Vault has no secret proxy_keys_deliver: see docs/alerts.md.';
  end if;
  execute
    'select net.http_post(
       url := $1, body := ''{}''::jsonb, timeout_milliseconds := 60000,
       headers := jsonb_build_object(''apikey'', $2, ''Content-Type'', ''application/json'')
     )
     from generate_series(1, $3)'
  using function_url, key, ceil(due / 400.0)::integer;
  return format('Deliveries due: %s.', due);
end
$$;
comment on function proxy_private.kick_delivery is
  'Calls the Edge Function deliver through pg_net if deliveries are due, with the key that Vault '
  'stores as proxy_keys_deliver. Returns a sentence on what it did.';


-- Revoke everything, even if default privileges are open.
revoke all on function proxy_private.count_due_deliveries, proxy_private.kick_delivery
from public, anon, authenticated, service_role;


-- 1330_maintenance_state.sql

-- The state of maintenance, for gateways: operators' alerts watch the gateways' metrics.

create index maintenance_log_task_idx on proxy_private.maintenance_log (task, ran_at desc);
comment on index proxy_private.maintenance_log_task_idx is 'Finds the last run of a task.';

create type gateway.maintenance_state_row as (finished_at timestamptz, problems integer);
comment on type gateway.maintenance_state_row is
  'The oldest of the maintenance tasks'' last runs (finished_at, null if a task has never run), '
  'and how many reports of those runs need an operator (problems).';

-- Security definer: the gateway may not read tables.
create function gateway.maintenance_state() returns gateway.maintenance_state_row
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  answer gateway.maintenance_state_row;
begin
  -- null if any task has never run
  select
    case when count(r.ran_at) = count(*) then min(r.ran_at) end,
    coalesce(sum(r.problems), 0)
  into answer.finished_at, answer.problems
  from unnest(
    array['reconcile', 'retention', 'partitions', 'accounts', 'privileges', 'alerts']
  ) as t
  left join lateral (
    select
      l.ran_at,
      count(*) filter (where l.outcome in ('found', 'kept', 'skipped', 'failed')) as problems
    from proxy_private.maintenance_log as l
    where l.task = t
    group by l.ran_at
    order by l.ran_at desc
    limit 1
  ) as r on true;
  return answer;
end
$$;
comment on function gateway.maintenance_state is
  'Returns the oldest of the maintenance tasks'' last runs, and how many reports of those runs '
  'need an operator. Read only.';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function gateway.maintenance_state from public, anon, authenticated, service_role;
grant execute on function gateway.maintenance_state to proxy_gateway;


-- 1400_maintenance_checks.sql

-- Checks: what a dump, a copy or an operator may have changed outside the migrations.

-- A dump of the project omits the trigger in Supabase Auth's own schema.
create function proxy_private.report_accounts() returns proxy_private.maintenance_report
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  repaired integer;
begin
  update proxy_private.proxy_keys as k
  set owner_barred_until = proxy_private.barred_until(u.banned_until, u.deleted_at)
  from auth.users as u
  where u.id = k.user_id
    and k.deleted_at is null
    and k.owner_barred_until is distinct from proxy_private.barred_until(u.banned_until, u.deleted_at);
  get diagnostics repaired = row_count;
  if not exists (
    select from pg_trigger as t
    where t.tgrelid = 'auth.users'::regclass and t.tgname = 'bar_keys' and t.tgenabled in ('O', 'A')
  ) then
    return (
      'accounts', null, 'found',
      'The trigger bar_keys on auth.users is missing: bans reach keys only through maintenance.'
    )::proxy_private.maintenance_report;
  end if;
  return (
    'accounts', null, case when repaired = 0 then 'unchanged' else 'repaired' end,
    format('%s keys did not match their owner''s account.', repaired)
  )::proxy_private.maintenance_report;
end
$$;
comment on function proxy_private.report_accounts is
  'Updates what keys store about their owners'' accounts from Supabase Auth, and reports the '
  'trigger there if it is missing.';


-- Neither `create database … template` nor `pg_dump` without `--create` copies roles and the
-- privileges on a database, and no migration runs again.
create function proxy_private.report_privileges() returns setof proxy_private.maintenance_report
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  repaired boolean := proxy_private.withhold_temporary_objects();
begin
  if repaired then
    return query
    select
      'privileges', null::date, 'repaired', 'PUBLIC had TEMPORARY on this database.';
  end if;
  return query
  with logins as (
    select r.*
    from pg_roles as r
    join pg_auth_members as m on m.member = r.oid
    where m.roleid = 'proxy_gateway'::regrole and m.inherit_option
  ),
  wrong as (
    select 'Role proxy_gateway can log in, but must only be a group.' as detail
    from pg_roles as r where r.rolname = 'proxy_gateway' and r.rolcanlogin
    union all
    select format('%s may create temporary objects in this database.', l.rolname)
    from logins as l
    where has_database_privilege(l.oid, current_database(), 'TEMPORARY')
    union all
    select format('%s may create objects in schema %s.', l.rolname, n.nspname)
    from logins as l
    join pg_namespace as n on n.nspname in ('public', 'proxy_private', 'gateway')
    where has_schema_privilege(l.oid, n.oid, 'CREATE')
    union all
    select format('%s has no connection limit.', l.rolname)
    from logins as l where l.rolconnlimit < 0
    union all
    select format('%s has a role attribute that a gateway does not need.', l.rolname)
    from logins as l
    where l.rolsuper or l.rolcreaterole or l.rolcreatedb or l.rolreplication or l.rolbypassrls
    union all
    select format('%s is also a member of %s.', l.rolname, m.roleid::regrole)
    from logins as l join pg_auth_members as m on m.member = l.oid
    where m.roleid <> 'proxy_gateway'::regrole
    union all
    select format(
      '%s owns %s large objects, which no gateway creates.', l.rolname, count(*)
    )
    from logins as l
    join pg_largeobject_metadata as o on o.lomowner = l.oid
    group by l.rolname
  )
  select 'privileges', null::date, 'found', w.detail from wrong as w;
  if not found and not repaired then
    return query
    select
      'privileges', null::date, 'unchanged',
      'The gateways'' logins have only the privileges that they need.';
  end if;
end
$$;
comment on function proxy_private.report_privileges is
  'Runs proxy_private.withhold_temporary_objects, and reports each right that a gateway''s login '
  'should not have, and large objects that it created.';


-- Revoke everything, even if default privileges are open.
revoke all on function
  proxy_private.report_accounts, proxy_private.report_privileges
from public, anon, authenticated, service_role;


-- 1410_restoring.sql

-- Restoring: a restore to an earlier moment loses later changes to keys.

-- Run as role postgres, by `npm run maintain -- --revoke-since`, without a user's token.
create function proxy_private.suspend_restored_keys(key_ids text[], restored_to timestamptz)
returns table (key_id text, outcome text)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  why constant text := format(
    'The database was restored to its state of %s UTC, and this key was changed after that.',
    to_char(suspend_restored_keys.restored_to at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')
  );
  named text;
  key proxy_private.proxy_keys;
begin
  -- in one order, so that concurrent calls do not deadlock
  for named in select distinct n from unnest(suspend_restored_keys.key_ids) as n order by n loop
    select * into key from proxy_private.proxy_keys as k where k.key_id = named for update;
    key_id := named;
    if not found then
      outcome := 'unknown';
    elsif exists (
      select from proxy_private.proxy_key_audit as a
      where a.api_key_id = key.id and a.action = 'suspended' and a.reason = why
    ) then
      -- an admin may have reactivated it since
      outcome := 'done_before';
    elsif key.deleted_at is not null or key.suspended_at is not null then
      outcome := 'out_of_service';
    else
      perform proxy_private.give_reason(why);
      update proxy_private.proxy_keys as k
      set suspended_at = clock_timestamp(), suspended_reason = why
      where k.id = key.id;
      perform proxy_private.give_reason(null);
      outcome := 'suspended';
    end if;
    return next;
  end loop;
end
$$;
comment on function proxy_private.suspend_restored_keys is
  'Suspends keys that were changed after the moment to which the database was restored, and '
  'returns for each keyId: suspended; out_of_service (already deleted or suspended); done_before '
  '(for the same moment); or unknown. The owners can read the reason, and admins can reactivate '
  'the keys.';


-- Revoke everything, even if default privileges are open.
revoke all on function proxy_private.suspend_restored_keys
from public, anon, authenticated, service_role;


-- 1500_applied.sql

-- The end. These functions exist only if all earlier files were applied, which is how Edge
-- Functions and `npm run verify` see from outside that nothing is missing. A new file goes before
-- this one.

create type public.proxy_schema_version as (version integer, oldest_functions_version integer);
comment on type public.proxy_schema_version is
  'The version of the schema, and the oldest version of the Edge Functions that it supports.';

-- Security definer: callers may not read tables of proxy_private.
create function proxy_private.schema_version() returns public.proxy_schema_version
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  answer public.proxy_schema_version;
begin
  perform proxy_private.require_user();
  select s.version, s.oldest_functions_version into answer from proxy_private.schema_version as s;
  return answer;
end
$$;
comment on function proxy_private.schema_version is 'Does the work of public.proxy_schema_version.';

create function public.proxy_schema_version() returns public.proxy_schema_version
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.schema_version();
end
$$;
comment on function public.proxy_schema_version is
  'For signed-in users: the version of the schema and the oldest version of the Edge Functions '
  'that it supports, once all migrations were applied. Refusals: unauthorized.';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function proxy_private.schema_version, public.proxy_schema_version
from public, anon, authenticated, service_role;
grant execute on function proxy_private.schema_version, public.proxy_schema_version to authenticated;
