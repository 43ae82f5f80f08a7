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
