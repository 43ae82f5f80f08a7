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
  if not exists (select from pg_catalog.pg_roles where rolname = 'proxy_gateway') then
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
  return pg_catalog.encode(
    pg_catalog.set_bit(
      pg_catalog.set_bit(
        overlay(
          pg_catalog.uuid_send(pg_catalog.gen_random_uuid())
          placing substring(
            pg_catalog.int8send((extract(epoch from pg_catalog.clock_timestamp()) * 1000)::bigint)
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
comment on function private.uuid_v7() is
  'A version 7 UUID (RFC 9562): 48 bits of Unix time in milliseconds, then 74 random bits.';
revoke all on function private.uuid_v7() from public, anon, authenticated, service_role;


-- The one table of refusals: each code that a caller can meet, with its SQLSTATE. PostgREST answers
-- a SQLSTATE PTnnn with HTTP status nnn.
create table private.refusals (
  code text primary key,
  sql_state text not null,
  message text not null,
  constraint "a code is snake case" check (code ~ '^[a-z]+(_[a-z]+)*$'),
  constraint "a refusal has an http status" check (sql_state ~ '^PT4[0-9]{2}$')
);
comment on table private.refusals is
  'Every refusal of this schema: the stable code (sent as hint), its SQLSTATE, and its sentence.';
alter table private.refusals enable row level security;
revoke all on table private.refusals from public, anon, authenticated, service_role;

insert into private.refusals (code, sql_state, message) values
  ('invalid_request', 'PT400', 'The request is not valid.'),
  ('unauthorized', 'PT401', 'Sign in: this needs the access token of an active account.'),
  ('forbidden', 'PT403', 'Only an admin may do this.'),
  ('tier_not_granted', 'PT403', 'This tier needs a grant: ask an admin for it.'),
  ('append_only', 'PT403', 'These rows are kept: they cannot be changed or removed.'),
  ('not_found', 'PT404', 'You have no such key.'),
  ('user_not_found', 'PT404', 'There is no such user.'),
  ('key_deleted', 'PT409', 'This key is deleted: only an admin can reactivate it.'),
  ('key_suspended', 'PT409', 'This key is suspended: ask an admin.'),
  ('key_limit_reached', 'PT409', 'The tier''s number of keys is reached: delete one first.'),
  ('key_expired', 'PT409', 'This key has expired: give it another expiry first.'),
  (
    'already_done', 'PT409',
    'This was done already, and its secret cannot be shown again: rotate the key for a new one.'
  ),
  ('idempotency_mismatch', 'PT422', 'This idempotency key was used for another request.'),
  ('rate_limited', 'PT429', 'Too many requests of this kind: wait before the next.');


-- Raises a refusal of the table above.
create function private.refuse(code text, detail text default null) returns void
language plpgsql stable
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
  raise exception using
    errcode = refusal.sql_state, message = refusal.message, hint = refusal.code,
    detail = refuse.detail;
end
$$;
comment on function private.refuse(text, text) is
  'Raises the refusal `code`: its SQLSTATE, its sentence, the code as hint, and `detail`, which is '
  'the field''s name for invalid_request.';
revoke all on function private.refuse(text, text) from public, anon, authenticated, service_role;


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
    message = pg_catalog.json_build_object(
      'code', refusal.sql_state,
      'message', refusal.message,
      'details', refuse_until.retry_after_seconds::text,
      'hint', refusal.code
    )::text,
    detail = pg_catalog.json_build_object(
      'status', 429,
      'headers', refuse_until.headers
        || pg_catalog.jsonb_build_object('Retry-After', refuse_until.retry_after_seconds::text)
    )::text,
    hint = refusal.code;
end
$$;
comment on function private.refuse_until(integer, jsonb) is
  'Raises rate_limited: HTTP 429 with Retry-After and these headers, and the seconds as detail. '
  'SQLSTATE PGRST in SQL, PT429 over the REST API.';
revoke all on function private.refuse_until(integer, jsonb)
  from public, anon, authenticated, service_role;


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
comment on function private.require_size(bigint, text) is
  'Refuses (invalid_request) the argument `name` if it has more than 16,384 bytes.';
revoke all on function private.require_size(bigint, text)
  from public, anon, authenticated, service_role;


-- Which request made a change, for the audit. Only a sane id is kept: the header is the caller's.
create function private.request_id() returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  id text :=
    nullif(pg_catalog.current_setting('request.headers', true), '')::jsonb ->> 'x-request-id';
begin
  -- a bound in the pattern would make it twenty times as slow
  return case when id ~ '^[A-Za-z0-9_=-]+$' and pg_catalog.char_length(id) <= 64 then id end;
end
$$;
comment on function private.request_id() is
  'The X-Request-Id that the request came with, or null when it had none or one that is not sane.';
revoke all on function private.request_id() from public, anon, authenticated, service_role;


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
comment on function private.refuse_change() is
  'Trigger: refuses (append_only) the statement it is fired for, also for owners and definers.';
revoke all on function private.refuse_change() from public, anon, authenticated, service_role;


-- The cheapest question that only a working database answers.
create function public.proxy_health() returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'ok'
$$;
comment on function public.proxy_health() is
  'Answers `ok`. For health checks: needs no user.';
revoke all on function public.proxy_health() from public, service_role;
grant execute on function public.proxy_health() to anon, authenticated;
