-- Selecting keys: the statements by which lists of keys are read.

-- Each question with the index that suits it, and a plan that is kept: making one takes longer than
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
-- in the order of an index: of an owner with few keys, as the planner expects them, it would sort all
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
  'Up to `most` keys that the filter asks for, of any state, newest first, from after a place on: '
  'one key, those of an owner (or only the deleted ones), or those of all users.';


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
  'As newest_keys, of an owner, from the oldest on.';


-- Of what is not deleted a tier allows a hundred: any order and any state is sorted out among all of them.
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
    -- each tier by itself, for the index of what is not deleted, which begins with it
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
  'The owner''s keys that are not deleted and that the filter asks for, made before a place, in no '
  'order.';


-- All of this is closed, then opened to those who need it: also where default privileges are open.
revoke all on function
  proxy_private.newest_keys, proxy_private.oldest_keys, proxy_private.undeleted_keys
from public, anon, authenticated, service_role;
