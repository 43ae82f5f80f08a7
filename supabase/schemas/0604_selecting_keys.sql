-- Selecting keys: the queries behind lists of keys.

-- One query per case, with the index that suits it and a cached plan: planning takes longer than
-- reading a page.
create function proxy_private.newest_keys(
  one_key uuid,
  owner_id uuid,
  only_deleted boolean,
  filter proxy_private.key_filter,
  moment timestamptz,
  id uuid,
  most integer
) returns proxy_private.key_summaries[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
-- reads in index order: the planner expects few keys per owner, and would sort them all
set enable_sort = off
as $$
begin
  if one_key is not null then
    return array(
      select s from proxy_private.key_summaries as s
      where s.id = one_key
        and (newest_keys.owner_id is null or s.user_id = newest_keys.owner_id)
        and (s.created_at, s.id) < (newest_keys.moment, newest_keys.id)
        and (
          filter is null
          or proxy_private.fits_filter(s.active, s.tier, s.live_mode, s.label, s.key_id, filter)
        )
    );
  end if;
  if owner_id is not null then
    return array(
      select s from proxy_private.key_summaries as s
      where s.user_id = newest_keys.owner_id
        and (not only_deleted or s.deleted_at is not null)
        and (s.created_at, s.id) < (newest_keys.moment, newest_keys.id)
        and (
          filter is null
          or proxy_private.fits_filter(s.active, s.tier, s.live_mode, s.label, s.key_id, filter)
        )
      order by s.created_at desc, s.id desc
      limit most
    );
  end if;
  return array(
    select s from proxy_private.key_summaries as s
    where (s.created_at, s.id) < (newest_keys.moment, newest_keys.id)
      and (
        filter is null
        or proxy_private.fits_filter(s.active, s.tier, s.live_mode, s.label, s.key_id, filter)
      )
    order by s.created_at desc, s.id desc
    limit most
  );
end
$$;
comment on function proxy_private.newest_keys is
  'Up to `most` keys that match the filter apart from their state, newest first, starting after a '
  'position. Reads one key, the keys of an owner (or only the deleted ones), or those of all '
  'users.';


create function proxy_private.oldest_keys(
  owner_id uuid,
  only_deleted boolean,
  filter proxy_private.key_filter,
  after proxy_private.key_place,
  most integer
) returns proxy_private.key_summaries[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_sort = off
as $$
declare
  after_at constant timestamptz :=
    coalesce(timestamptz 'epoch' + after.rank * interval '1 microsecond', '-infinity');
  after_id constant uuid := coalesce(after.id, '00000000-0000-0000-0000-000000000000');
begin
  return array(
    select s from proxy_private.key_summaries as s
    where s.user_id = oldest_keys.owner_id
      and (not only_deleted or s.deleted_at is not null)
      and (s.created_at, s.id) > (after_at, after_id)
      and proxy_private.fits_filter(s.active, s.tier, s.live_mode, s.label, s.key_id, filter)
    order by s.created_at, s.id
    limit most
  );
end
$$;
comment on function proxy_private.oldest_keys is
  'Like newest_keys, but oldest first, and only for an owner.';


-- A tier allows a hundred undeleted keys, so any order and any filter by state is computed over all
-- of them.
create function proxy_private.undeleted_keys(
  owner_id uuid, filter proxy_private.key_filter, moment timestamptz, id uuid
) returns proxy_private.key_summaries[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
  return array(
    select u.key
    from public.proxy_tiers as t
    -- one lookup per tier: the index of undeleted keys starts with the tier
    cross join lateral (
      select s as key
      from proxy_private.key_summaries as s
      where s.user_id = undeleted_keys.owner_id
        and s.deleted_at is null
        and s.tier = t.tier
        and (
          filter is null
          or proxy_private.fits_filter(s.active, s.tier, s.live_mode, s.label, s.key_id, filter)
        )
        and (filter.states is null or s.state = any (filter.states))
      offset 0
    ) as u
    where ((u.key).created_at, (u.key).id) < (undeleted_keys.moment, undeleted_keys.id)
  );
end
$$;
comment on function proxy_private.undeleted_keys is
  'The owner''s undeleted keys that match the filter and were created before a position, in no '
  'particular order.';


-- Default privileges may grant too much: revoke all.
revoke all on function
  proxy_private.newest_keys, proxy_private.oldest_keys, proxy_private.undeleted_keys
from public, anon, authenticated, service_role;
