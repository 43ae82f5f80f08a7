-- Restoring: a restore to an earlier moment forgets what was done to keys after it.

-- Run as role postgres, by `npm run maintain -- --revoke-since`: no user's token is behind it.
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
  -- in one order, so that two of these never wait for each other
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
  'Suspends keys that were changed after the moment to which the database was restored, and says of each '
  'keyId: suspended; out_of_service, deleted or suspended already; done_before, for the same moment; or '
  'unknown. Their owners read why, and admins reactivate them.';


-- All of this is closed, then opened to those who need it: also where default privileges are open.
revoke all on function proxy_private.suspend_restored_keys
from public, anon, authenticated, service_role;
