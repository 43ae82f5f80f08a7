-- Sets up a new database like Supabase's own image, so that the same migrations run on both.
-- Run once by the superuser, before the first migration. Never part of a migration.
-- Roles and privileges are as in https://github.com/supabase/postgres (migrations/db).

-- 1. roles

create role postgres with login createdb createrole replication bypassrls;
create role anon with nologin noinherit;
create role authenticated with nologin noinherit;
create role service_role with nologin noinherit bypassrls;
create role authenticator with login noinherit;
create role supabase_auth_admin with login noinherit createrole;

grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role, authenticator to postgres with admin option;
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres;

alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
alter role postgres set search_path = '$user', public, extensions;
alter role supabase_auth_admin set search_path = auth;

alter database postgres owner to postgres;

-- 2. schemas and extensions

create schema extensions authorization postgres;
grant usage on schema extensions to anon, authenticated, service_role, supabase_auth_admin;
create extension pgcrypto with schema extensions;
create extension "uuid-ossp" with schema extensions;

grant usage on schema public to postgres, anon, authenticated, service_role;

-- a hosted project starts with everything in `public` open to the API roles, which migrations must revoke
alter default privileges for role postgres in schema public
  grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  grant all on sequences to postgres, anon, authenticated, service_role;

-- 3. auth: the caller, from the claims that PostgREST sets

-- owned by the superuser, as `supabase db reset` drops all other users' schemas
create schema auth authorization supabase_admin;
grant usage, create on schema auth to supabase_auth_admin;
grant usage on schema auth to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_auth_admin in schema auth
  grant all on tables to postgres;
alter default privileges for role supabase_auth_admin in schema auth
  grant all on sequences to postgres;

create function auth.jwt() returns jsonb
language sql stable
as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')
  )::jsonb
$$;

create function auth.uid() returns uuid
language sql stable
as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')
  )::uuid
$$;

create function auth.role() returns text
language sql stable
as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.role', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role')
  )::text
$$;

alter function auth.jwt() owner to supabase_auth_admin;
alter function auth.uid() owner to supabase_auth_admin;
alter function auth.role() owner to supabase_auth_admin;

-- 4. PostgREST is notified of each schema change, so that `supabase migration up` needs no restart

create function extensions.pgrst_ddl_watch() returns event_trigger
language plpgsql
as $$
begin
  notify pgrst, 'reload schema';
end
$$;

create event trigger pgrst_ddl_watch on ddl_command_end
  when tag in (
    'CREATE SCHEMA', 'ALTER SCHEMA', 'CREATE TABLE', 'ALTER TABLE', 'CREATE VIEW', 'ALTER VIEW',
    'CREATE FUNCTION', 'ALTER FUNCTION', 'DROP TABLE', 'DROP VIEW', 'DROP FUNCTION', 'GRANT',
    'REVOKE', 'CREATE TYPE', 'ALTER TYPE', 'COMMENT'
  )
  execute function extensions.pgrst_ddl_watch();
