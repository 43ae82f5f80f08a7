-- Retiring a key and bringing it back: owners delete, admins reactivate.

-- A definer: callers may not write keys.
create function private.delete_proxy_key(id text) returns public.proxy_key_summaries
language plpgsql volatile security definer
set search_path = ''
as $$
declare
  key public.proxy_keys := private.lock_key(delete_proxy_key.id, private.require_user());
  summary public.proxy_key_summaries;
begin
  if key.deleted_at is null then
    update public.proxy_keys as k set deleted_at = pg_catalog.clock_timestamp()
    where k.id = key.id;
  end if;
  select * into summary from public.proxy_key_summaries as s where s.id = key.id;
  return summary;
end
$$;
comment on function private.delete_proxy_key(text) is 'Does the work of public.delete_proxy_key.';
revoke all on function private.delete_proxy_key(text)
  from public, anon, authenticated, service_role;
grant execute on function private.delete_proxy_key(text) to authenticated;

create function public.delete_proxy_key(id text) returns public.proxy_key_summaries
language plpgsql volatile security invoker
set search_path = ''
as $$
begin
  return private.delete_proxy_key(delete_proxy_key.id);
end
$$;
comment on function public.delete_proxy_key(text) is
  'Takes the caller''s key (uuid or keyId) out of service; its row and usage stay. A key already '
  'deleted is returned as it is. Refusals: unauthorized, not_found.';
revoke all on function public.delete_proxy_key(text) from public, anon, authenticated, service_role;
grant execute on function public.delete_proxy_key(text) to authenticated;


-- A definer: it writes another user's key, for an admin.
create function private.reactivate_proxy_key(id text) returns public.proxy_key_summaries
language plpgsql volatile security definer
set search_path = ''
as $$
declare
  key public.proxy_keys;
  summary public.proxy_key_summaries;
begin
  perform private.require_admin();
  key := private.lock_key(reactivate_proxy_key.id, null);
  if key.deleted_at is not null or key.suspended_at is not null then
    if key.user_id is null then
      perform private.refuse('key_deleted', 'The account of its owner is gone.');
    end if;
    if key.deleted_at is not null then
      perform private.claim_key_slot(key.user_id, key.tier);
    end if;
    update public.proxy_keys as k set deleted_at = null, suspended_at = null
    where k.id = key.id;
  end if;
  select * into summary from public.proxy_key_summaries as s where s.id = key.id;
  return summary;
end
$$;
comment on function private.reactivate_proxy_key(text) is
  'Does the work of public.reactivate_proxy_key.';
revoke all on function private.reactivate_proxy_key(text)
  from public, anon, authenticated, service_role;
grant execute on function private.reactivate_proxy_key(text) to authenticated;

create function public.reactivate_proxy_key(id text) returns public.proxy_key_summaries
language plpgsql volatile security invoker
set search_path = ''
as $$
begin
  return private.reactivate_proxy_key(reactivate_proxy_key.id);
end
$$;
comment on function public.reactivate_proxy_key(text) is
  'For admins: puts any user''s deleted or suspended key (uuid or keyId) back in service, with the '
  'secret it had. An active key is returned as it is. Refusals: unauthorized, forbidden, '
  'not_found, key_limit_reached, key_deleted (the owner''s account is gone).';
revoke all on function public.reactivate_proxy_key(text)
  from public, anon, authenticated, service_role;
grant execute on function public.reactivate_proxy_key(text) to authenticated;
