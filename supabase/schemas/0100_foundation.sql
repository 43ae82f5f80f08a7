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
