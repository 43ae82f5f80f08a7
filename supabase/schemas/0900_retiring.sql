-- Retiring: owners take a key out of service.

-- Security definer: callers may not write keys.
create function proxy_private.delete_proxy_key(id text) returns proxy_private.key_summaries
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_writer();
  key proxy_private.proxy_keys := proxy_private.lock_key(delete_proxy_key.id, owner_id);
  summary proxy_private.key_summaries;
begin
  if key.deleted_at is null then
    perform proxy_private.claim_write(owner_id, 'change');
    update proxy_private.proxy_keys as k
    set deleted_at = clock_timestamp(), grace_ends_at = null
    where k.id = key.id;
  end if;
  select * into summary from proxy_private.key_summaries as s where s.id = key.id;
  return summary;
end
$$;
comment on function proxy_private.delete_proxy_key is 'Does the work of public.delete_proxy_key.';

create function public.delete_proxy_key(id text) returns public.proxy_key_summaries
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.delete_proxy_key(delete_proxy_key.id);
end
$$;
comment on function public.delete_proxy_key is
  'Takes the caller''s key (uuid or keyId) out of service; its row and usage stay. A key that is '
  'already deleted is returned unchanged. Refusals: unauthorized, not_found, rate_limited (detail: '
  'seconds to wait).';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.delete_proxy_key, public.delete_proxy_key
from public, anon, authenticated, service_role;
grant execute on function proxy_private.delete_proxy_key, public.delete_proxy_key to authenticated;
