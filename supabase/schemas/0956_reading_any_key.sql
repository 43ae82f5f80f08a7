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
