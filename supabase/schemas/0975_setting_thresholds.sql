-- Setting thresholds: the percentages of a quota at which a user gets alerts.

create type public.proxy_alert_threshold as (
  api_key_id uuid, key_id text, percents integer[], label text
);
comment on type public.proxy_alert_threshold is
  'The percentages of a quota at which a user is alerted, in ascending order. A row with a key, '
  'and that key''s label, is for that key; the row without a key is for the account and for all '
  'keys that are not listed.';


-- Security definer: callers may not read tables.
create function proxy_private.own_alert_thresholds() returns setof public.proxy_alert_threshold
language plpgsql stable security definer rows 10
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_user();
begin
  return query select
    null::uuid, null::text, proxy_private.thresholds_of(owner_id, null)::integer[], null::text;
  return query
  select k.id, k.key_id, t.percents::integer[], k.label
  from proxy_private.proxy_alert_thresholds as t
  join proxy_private.proxy_keys as k on k.id = t.api_key_id
  where t.user_id = owner_id and k.deleted_at is null
  order by k.key_id;
end
$$;
comment on function proxy_private.own_alert_thresholds is
  'Does the work of public.list_proxy_alert_thresholds.';

create function public.list_proxy_alert_thresholds() returns setof public.proxy_alert_threshold
language plpgsql stable security invoker rows 10
set search_path = pg_catalog, pg_temp
as $$
begin
  return query select t.* from proxy_private.own_alert_thresholds() as t;
end
$$;
comment on function public.list_proxy_alert_thresholds is
  'Returns the percentages of a quota at which the caller is alerted: first the row for the '
  'account and for all keys without their own (default 80, 95 and 100), then one row per key with '
  'its own. Refusals: unauthorized.';


-- Security definer: callers may not write tables.
create function proxy_private.set_alert_thresholds(percents integer[], reference text)
returns public.proxy_alert_threshold
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_writer();
  wanted smallint[];
  key proxy_private.proxy_keys;
  answer public.proxy_alert_threshold;
begin
  if cardinality(set_alert_thresholds.percents) > 5
    or array_ndims(set_alert_thresholds.percents) > 1
    or array_position(set_alert_thresholds.percents, null) is not null
    or 10 > any (set_alert_thresholds.percents)
    or 100 < any (set_alert_thresholds.percents)
  then
    perform proxy_private.refuse('invalid_request', 'percents');
  end if;
  if set_alert_thresholds.reference is not null then
    key := proxy_private.lock_key(set_alert_thresholds.reference, owner_id);
    if key.deleted_at is not null then
      perform proxy_private.refuse('key_deleted');
    end if;
  end if;
  perform proxy_private.claim_write(owner_id, 'change');
  if set_alert_thresholds.percents is null then
    delete from proxy_private.proxy_alert_thresholds as t
    where t.user_id = owner_id and t.api_key_id is not distinct from key.id;
  else
    wanted := array(
      select distinct p::smallint from unnest(set_alert_thresholds.percents) as p order by 1
    );
    insert into proxy_private.proxy_alert_thresholds (user_id, api_key_id, percents)
    values (owner_id, key.id, wanted)
    on conflict on constraint "thresholds are set once for each key"
      do update set percents = excluded.percents;
  end if;
  -- alert at once about thresholds that are already passed
  if key.id is not null then
    perform proxy_private.alert_key_quotas(array[key.id]);
  else
    perform proxy_private.alert_key_quotas(array(
      select k.id from proxy_private.proxy_keys as k where k.user_id = owner_id and k.deleted_at is null
    ));
    perform proxy_private.alert_account_quotas(owner_id);
  end if;
  answer.api_key_id := key.id;
  answer.key_id := key.key_id;
  answer.percents := proxy_private.thresholds_of(owner_id, key.id);
  answer.label := key.label;
  return answer;
end
$$;
comment on function proxy_private.set_alert_thresholds is
  'Does the work of public.set_proxy_alert_thresholds.';

create function public.set_proxy_alert_thresholds(percents integer[], id text default null)
returns public.proxy_alert_threshold
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.set_alert_thresholds(
    set_proxy_alert_thresholds.percents, set_proxy_alert_thresholds.id
  );
end
$$;
comment on function public.set_proxy_alert_thresholds is
  'Sets the percentages of a quota (up to five, 10 to 100) at which the caller is alerted: for one '
  'key (uuid or keyId), or, without one, for the account and all keys without their own. An empty '
  'list turns alerts off, null removes the setting, and a threshold that is already passed raises '
  'an alert at once. Refusals: unauthorized, not_found, key_deleted, invalid_request (detail: '
  'percents), rate_limited (detail: seconds to wait).';


insert into proxy_private.argument_rules (argument, rule) values
  (
    'percents',
    'Up to five whole numbers from 10 to 100: an empty list for no alerts, null for the default.'
  );


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.own_alert_thresholds, public.list_proxy_alert_thresholds, proxy_private.set_alert_thresholds,
  public.set_proxy_alert_thresholds
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.own_alert_thresholds, public.list_proxy_alert_thresholds, proxy_private.set_alert_thresholds,
  public.set_proxy_alert_thresholds
to authenticated;
