-- Foundation: nothing is reachable unless a line in these migrations grants it.

-- A hosted project opens each new object in `public` to the API roles, and Postgres opens each new
-- function to PUBLIC. Both end here; the first must be global, as a per-schema revoke from PUBLIC
-- does nothing.
alter default privileges revoke execute on functions from public;
alter default privileges in schema public
  revoke all on tables from anon, authenticated, service_role;
alter default privileges in schema public
  revoke all on sequences from anon, authenticated, service_role;
alter default privileges in schema public
  revoke all on functions from anon, authenticated, service_role;

create extension if not exists pgcrypto with schema extensions;

create schema private;
comment on schema private is
  'Hashes, helpers and the definer functions that do the work. Not exposed by the REST API.';
-- the thin functions in `public` run as the caller and call into this schema
grant usage on schema private to authenticated;

create schema gateway;
comment on schema gateway is
  'The data plane''s functions, for role proxy_gateway alone. Not exposed by the REST API.';

do $$
begin
  if not exists (select from pg_roles where rolname = 'proxy_gateway') then
    create role proxy_gateway with nologin noinherit;
  end if;
end
$$;
comment on role proxy_gateway is
  'The group of the CONNECT gateways'' logins, which private.create_gateway_login makes.';
grant usage on schema gateway to proxy_gateway;


-- Time-ordered ids keep inserts at the end of an index and sort as they were made.
-- In plpgsql, as all that a change of a key calls: plans are kept between calls, where a sql
-- function with a search_path is planned anew in each.
create function private.uuid_v7() returns uuid
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
comment on function private.uuid_v7 is
  'A version 7 UUID (RFC 9562): 48 bits of Unix time in milliseconds, then 74 random bits.';


-- The one table of refusals: each code that a caller can meet, with its SQLSTATE. PostgREST answers
-- a SQLSTATE PTnnn with HTTP status nnn. `npm run types` makes the codes of the functions and the
-- table of docs/errors.md from it.
create table private.refusals (
  code text primary key,
  sql_state text not null,
  message text not null,
  occurs_when text not null,
  detail text not null default '',
  constraint "a code is snake case" check (code ~ '^[a-z]+(_[a-z]+)*$'),
  constraint "a refusal has an http status" check (sql_state ~ '^PT4[0-9]{2}$')
);
comment on table private.refusals is
  'Every refusal of this schema: the stable code (sent as hint), its SQLSTATE, and its sentence.';
comment on column private.refusals.message is
  'For the caller: up to the colon the title of the problem, after it what to do.';
comment on column private.refusals.occurs_when is 'For the documentation.';
comment on column private.refusals.detail is 'What the error''s detail is; empty without one.';
alter table private.refusals enable row level security;

insert into private.refusals (sql_state, code, message, occurs_when, detail) values
  (
    'PT400', 'invalid_request', 'The request is not valid.',
    'a field or parameter is missing, unknown, or breaks a rule', 'the argument'
  ),
  (
    'PT401', 'unauthorized', 'A valid access token is needed: sign in with an active account.',
    'no valid access token of a user, or one of an account that is banned or deleted', ''
  ),
  (
    'PT403', 'forbidden', 'Only an admin may do this.',
    'the token is not an admin''s, or the account no longer is', ''
  ),
  (
    'PT403', 'tier_not_granted',
    'The tier is not granted: ask an admin for it, or choose another.',
    'the tier is not self-serve, and was not granted', ''
  ),
  (
    'PT403', 'append_only', 'These rows are kept: they cannot be changed or removed.',
    'keys and audit rows are never removed, audit rows and grants never changed', 'the table'
  ),
  (
    'PT404', 'not_found', 'Not found: you have no such key.', 'no such key, or not yours', ''
  ),
  (
    'PT404', 'user_not_found',
    'No such user exists: an e-mail address counts once it is confirmed.',
    'an admin names a user who does not exist', ''
  ),
  (
    'PT409', 'key_deleted', 'The key is deleted: only an admin can reactivate it.',
    'a deleted key cannot be rotated, changed, suspended or limited; one whose account is gone not '
      'reactivated', ''
  ),
  (
    'PT409', 'key_suspended', 'The key is suspended: ask an admin to reactivate it.',
    'a suspended key cannot be rotated', ''
  ),
  (
    'PT409', 'key_expired', 'The key has expired: give it another expiry first.',
    'an expired key cannot be rotated: give it another expiry first', ''
  ),
  (
    'PT409', 'key_limit_reached', 'The tier''s number of keys is reached: delete one first.',
    'the tier''s number of undeleted keys is reached', ''
  ),
  (
    'PT409', 'already_done',
    'Done already: the secret cannot be shown again, rotate the key for a new one.',
    'this idempotency key was used for this mint or rotation: rotate the key for a secret',
    'the key''s id'
  ),
  (
    'PT422', 'idempotency_mismatch',
    'The idempotency key was used for another request: choose a new one.',
    'this idempotency key was used for another request', ''
  ),
  (
    'PT429', 'rate_limited', 'Too many requests of this kind: try again in %s s.',
    'over a [limit on writes](api.md#limits)', 'seconds to wait'
  );


create table private.argument_rules (
  argument text primary key,
  rule text not null
);
comment on table private.argument_rules is
  'What an argument may be, in a sentence: the message of invalid_request for it. Each row is inserted '
  'where the rule stands.';
alter table private.argument_rules enable row level security;


-- A definer, so that callers need no right to read these tables.
create function private.refuse(code text, detail text default null) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  refusal private.refusals;
begin
  select * into strict refusal from private.refusals as r where r.code = refuse.code;
  if refuse.detail is null then
    raise exception using
      errcode = refusal.sql_state, message = refusal.message, hint = refusal.code;
  end if;
  if refuse.code = 'invalid_request' then
    refusal.message := coalesce(
      (select a.rule from private.argument_rules as a where a.argument = refuse.detail),
      refusal.message
    );
  end if;
  raise exception using
    errcode = refusal.sql_state, message = refusal.message, hint = refusal.code,
    detail = refuse.detail;
end
$$;
comment on function private.refuse is
  'Raises the refusal `code`: its SQLSTATE, its sentence, the code as hint, and `detail`, which for '
  'invalid_request is the name of the argument, whose rule then is the sentence.';


-- Raises rate_limited with headers, which PostgREST takes from a PGRST raise alone.
create function private.refuse_until(retry_after_seconds integer, headers jsonb) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  refusal private.refusals;
begin
  select * into strict refusal from private.refusals as r where r.code = 'rate_limited';
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
comment on function private.refuse_until is
  'Raises rate_limited: HTTP 429 with Retry-After and these headers, and the seconds as detail. '
  'SQLSTATE PGRST in SQL, PT429 over the REST API.';


-- What the routes take as a body is the most that any argument may be: it is refused by its size,
-- before anything reads it.
create function private.require_size(bytes bigint, name text) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if require_size.bytes > 16384 then
    perform private.refuse('invalid_request', require_size.name);
  end if;
end
$$;
comment on function private.require_size is
  'Refuses (invalid_request) the argument `name` if it has more than 16,384 bytes.';


-- Which request made a change, for the audit. Only a sane id is kept: the header is the caller's.
create function private.request_id() returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  id text :=
    nullif(current_setting('request.headers', true), '')::jsonb ->> 'x-request-id';
begin
  -- a bound in the pattern would make it twenty times as slow
  return case when id ~ '^[A-Za-z0-9_=-]+$' and char_length(id) <= 64 then id end;
end
$$;
comment on function private.request_id is
  'The X-Request-Id that the request came with, or null when it had none or one that is not sane.';


-- Makes history stay: for tables whose rows are never changed or removed, whoever asks.
create function private.refuse_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform private.refuse('append_only', tg_table_name);
  return null;
end
$$;
comment on function private.refuse_change is
  'Trigger: refuses (append_only) the statement it is fired for, also for owners and definers.';


-- The cheapest question that only a working database answers.
create function public.proxy_health() returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'ok'
$$;
comment on function public.proxy_health is 'Answers `ok`. For health checks: needs no user.';


-- All of this is closed, then opened to those who need it: also where default privileges are open.
revoke all on table private.refusals, private.argument_rules
  from public, anon, authenticated, service_role;
revoke all on function
  private.uuid_v7, private.refuse, private.refuse_until, private.require_size, private.request_id,
  private.refuse_change, public.proxy_health
from public, anon, authenticated, service_role;
grant execute on function public.proxy_health to anon, authenticated;
grant execute on function private.refuse, private.require_size to authenticated;
