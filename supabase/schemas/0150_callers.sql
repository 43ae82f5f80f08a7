-- Callers: who may act is who may act now, whatever a token that is still good says.

create view proxy_private.active_accounts with (security_invoker = true) as
select u.id, u.raw_app_meta_data ->> 'role' as role
from auth.users as u
where u.deleted_at is null and (u.banned_until is null or u.banned_until <= now());
comment on view proxy_private.active_accounts is
  'The accounts of Supabase Auth that are neither banned nor deleted, with their role (app_metadata).';


-- Who calls: the token's subject, never the database role. PostgREST takes a token for 30 s after
-- its end, and the routes do not: here it ends for both.
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
  'The id of the user whose token this request carries; refuses (unauthorized) without one, and with '
  'one that has ended.';


-- A definer, so that callers need no right to read the accounts.
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
  'The id of the user whose token this request carries; refuses (unauthorized) without one, with one '
  'that has ended, and with one of an account that is banned or deleted.';


-- A ban or a removal of the account waits for this lock, or this waits for it and then finds no active
-- account. It comes before all other locks: else the two could wait for each other.
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
  'As proxy_private.require_user, for what writes: holds off a ban and the removal of the caller''s account '
  'until the transaction ends.';


create table proxy_private.admin_settings (
  -- one row
  id boolean primary key default true check (id),
  second_factor_required boolean not null default false
);
comment on table proxy_private.admin_settings is 'One row: what the operator asks of admins.';
comment on column proxy_private.admin_settings.second_factor_required is
  'Whether an admin''s token must be of a sign-in with a second factor (aal2).';
alter table proxy_private.admin_settings enable row level security;
insert into proxy_private.admin_settings default values;


-- An admin is who Supabase Auth says, in the token and now: app_metadata can be set by the secret
-- key alone.
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
  'Refuses (forbidden) a caller whose account has another role than `admin`, or whose token does; and one '
  'without a second factor (second_factor_required) where the operator requires it.';


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
  'The id of the admin whose token this request carries; refuses (unauthorized, forbidden) every '
  'request but one of an account that is an admin''s now.';


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
  'As proxy_private.require_admin, for what writes: holds off the removal of the admin''s account until '
  'the transaction ends.';


-- All of this is closed, then opened to those who need it: also where default privileges are open.
revoke all on table proxy_private.active_accounts, proxy_private.admin_settings
from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.token_subject, proxy_private.require_user, proxy_private.require_writer,
  proxy_private.require_admin_role, proxy_private.require_admin,
  proxy_private.require_admin_writer
from public, anon, authenticated, service_role;
grant execute on function proxy_private.require_user to authenticated;
