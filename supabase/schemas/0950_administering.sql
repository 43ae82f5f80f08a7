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
