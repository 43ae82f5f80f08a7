-- Restoring: a restore to an earlier moment loses later changes to keys.

-- Run as role postgres, by `npm run maintain -- --revoke-since`, without a user's token.
create function proxy_private.suspend_restored_keys(key_ids text[], restored_to timestamptz)
returns table (key_id text, outcome text)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  why constant text := format(
    'The database was restored to its state of %s UTC, and this key was changed after that.',
    to_char(suspend_restored_keys.restored_to at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')
  );
  named text;
  key proxy_private.proxy_keys;
begin
  -- in one order, so that concurrent calls do not deadlock
  for named in select distinct n from unnest(suspend_restored_keys.key_ids) as n order by n loop
    select * into key from proxy_private.proxy_keys as k where k.key_id = named for update;
    key_id := named;
    if not found then
      outcome := 'unknown';
    elsif exists (
      select from proxy_private.proxy_key_audit as a
      where a.api_key_id = key.id and a.action = 'suspended' and a.reason = why
    ) then
      -- an admin may have reactivated it since
      outcome := 'done_before';
    elsif key.deleted_at is not null or key.suspended_at is not null then
      outcome := 'out_of_service';
    else
      perform proxy_private.give_reason(why);
      update proxy_private.proxy_keys as k
      set suspended_at = clock_timestamp(), suspended_reason = why
      where k.id = key.id;
      perform proxy_private.give_reason(null);
      outcome := 'suspended';
    end if;
    return next;
  end loop;
end
$$;
comment on function proxy_private.suspend_restored_keys is
  'Suspends keys that were changed after the moment to which the database was restored, and '
  'returns for each keyId: suspended; out_of_service (already deleted or suspended); done_before '
  '(for the same moment); or unknown. The owners can read the reason, and admins can reactivate '
  'the keys.';


-- Revoke everything, even if default privileges are open.
revoke all on function proxy_private.suspend_restored_keys
from public, anon, authenticated, service_role;
