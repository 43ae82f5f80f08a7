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
