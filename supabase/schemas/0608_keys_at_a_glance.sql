-- Keys at a glance: how many are in each state, and which of them need attention.

create type public.proxy_key_attention as (has_keys boolean, states json, reasons json, keys json);
comment on type public.proxy_key_attention is
  'A summary of a user''s undeleted keys. states: [{state, keys}], how many keys are in each '
  'state; reasons: [{reason, keys}], why keys need attention, the most pressing reason first, and '
  'how many keys it concerns; keys: the most pressing of these keys, as proxy_key_summaries with '
  'the reason. has_keys: whether the user has any keys, including deleted ones.';

create type proxy_private.pressing_key as (reason text, rank integer, place double precision);
comment on type proxy_private.pressing_key is
  'Why a key needs attention. The most pressing keys have the smallest rank and, within a rank, '
  'the smallest place.';

create function proxy_private.pressing(key proxy_private.key_summaries) returns proxy_private.pressing_key
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  week constant interval := interval '7 days';
  used constant double precision := key.bandwidth_used_this_period_bytes;
begin
  return case
    when key.state = 'quota_used_up' then (key.state, 1, -used)::proxy_private.pressing_key
    when key.state in ('suspended', 'expired') then (
      key.state,
      case when coalesce(key.suspended_at, key.expires_at) >= now() - week then 2 else 5 end,
      -extract(epoch from coalesce(key.suspended_at, key.expires_at))
    )::proxy_private.pressing_key
    when key.state <> 'active' then null
    when used >= 0.8 * key.bandwidth_limit_bytes then
      ('quota_nearly_used_up', 3, -used / key.bandwidth_limit_bytes)::proxy_private.pressing_key
    when key.expires_at <= now() + week then
      ('expires_soon', 4, extract(epoch from key.expires_at))::proxy_private.pressing_key
  end;
end
$$;
comment on function proxy_private.pressing is
  'Why a key needs attention, or null if it does not. Keys that stopped working this month or week '
  'come first, then keys that soon will, then keys that stopped earlier.';


-- SECURITY DEFINER: callers may not read tables.
create function proxy_private.own_key_attention(most integer) returns public.proxy_key_attention
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id constant uuid := proxy_private.require_user();
  most_keys constant integer := proxy_private.require_limit(coalesce(own_key_attention.most, 5));
  undeleted constant proxy_private.key_summaries[] := proxy_private.undeleted_keys(
    owner_id, null, 'infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff'
  );
  answer public.proxy_key_attention;
begin
  answer.has_keys := cardinality(undeleted) > 0
    or exists (select from proxy_private.proxy_keys as k where k.user_id = owner_id);
  select json_agg(json_build_object('state', s.state, 'keys', s.keys) order by s.place) into answer.states
  from (
    select n.state, n.place, count(k.id) as keys
    from unnest(proxy_private.key_state_names()) with ordinality as n (state, place)
    left join unnest(undeleted) as k on k.state = n.state
    where n.state not in ('owner_barred', 'deleted')
    group by n.state, n.place
  ) as s;
  with found as materialized (
    select k::proxy_private.key_summaries as key, p.reason, p.rank, p.place
    from unnest(undeleted) as k
    cross join lateral proxy_private.pressing(k) as p
    where p.reason is not null
  ),
  first as (
    select f.* from found as f order by f.rank, f.place, (f.key).id limit most_keys
  )
  select
    (
      select coalesce(
        json_agg(json_build_object('reason', r.reason, 'keys', r.keys) order by r.rank, r.reason), '[]'
      )
      from (select f.reason, min(f.rank) as rank, count(*) as keys from found as f group by 1) as r
    ),
    (
      select coalesce(json_agg(e order by e.rank, e.place, e.id), '[]')
      from (select (f.key).*, f.reason, f.rank, f.place from first as f) as e
    )
  into answer.reasons, answer.keys;
  return answer;
end
$$;
comment on function proxy_private.own_key_attention is
  'Does the work of public.proxy_key_attention.';

create function public.proxy_key_attention("limit" integer default 5)
returns public.proxy_key_attention
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.own_key_attention(proxy_key_attention."limit");
end
$$;
comment on function public.proxy_key_attention is
  'The caller''s keys at a glance: how many are in each state, how many need attention and why, '
  'and the most pressing of these, up to `limit` (1 to 200, default 5). Refusals: unauthorized, '
  'invalid_request (detail: limit).';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on function
  proxy_private.pressing, proxy_private.own_key_attention, public.proxy_key_attention
from public, anon, authenticated, service_role;
grant execute on function proxy_private.own_key_attention, public.proxy_key_attention to authenticated;
