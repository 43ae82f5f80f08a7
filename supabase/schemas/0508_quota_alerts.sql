-- Quota alerts: at percentages of a limit that the owner may set, once per month, threshold and
-- limit, so that a raised limit can alert again.

create table proxy_private.proxy_alert_thresholds (
  id uuid primary key default proxy_private.uuid_v7(),
  user_id uuid not null references auth.users (id) on delete cascade,
  api_key_id uuid references proxy_private.proxy_keys (id),
  percents smallint[] not null,
  least smallint generated always as (percents[1]) stored,
  constraint "thresholds are set once for each key" unique nulls not distinct (user_id, api_key_id),
  constraint "thresholds are up to five, from 10 to 100" check (
    cardinality(percents) <= 5 and 10 <= all (percents) and 100 >= all (percents)
  )
);
comment on table proxy_private.proxy_alert_thresholds is
  'The percentages of a quota at which an owner is alerted: for one key, or without api_key_id for '
  'the account and for all keys without a row. Without any row they are 80, 95 and 100. An empty '
  'list disables the alerts.';
comment on column proxy_private.proxy_alert_thresholds.percents is
  'The percentages, in ascending order.';
comment on column proxy_private.proxy_alert_thresholds.least is 'The lowest percentage.';
create index proxy_alert_thresholds_least on proxy_private.proxy_alert_thresholds (least);
create index proxy_alert_thresholds_key on proxy_private.proxy_alert_thresholds (api_key_id);
alter table proxy_private.proxy_alert_thresholds enable row level security;


create type proxy_private.raised_quota as (
  user_id uuid,
  api_key_id uuid,
  subject jsonb,
  limit_bytes bigint,
  used_before bigint,
  used_bytes bigint
);
comment on type proxy_private.raised_quota is
  'Usage of a quota of this month, before and after a change. subject describes the key or account '
  'in the alert. Without api_key_id, the quota is that of an account''s tier and mode.';


create function proxy_private.least_threshold() returns smallint
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return least(
    80::smallint,
    (select t.least from proxy_private.proxy_alert_thresholds as t order by t.least limit 1)
  );
end
$$;
comment on function proxy_private.least_threshold is
  'The lowest percentage of a quota at which any owner is alerted: usage below it needs no check.';


create function proxy_private.thresholds_of(user_id uuid, api_key_id uuid) returns smallint[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce(
    (
      select t.percents from proxy_private.proxy_alert_thresholds as t
      where t.user_id = thresholds_of.user_id and t.api_key_id = thresholds_of.api_key_id
    ),
    (
      select t.percents from proxy_private.proxy_alert_thresholds as t
      where t.user_id = thresholds_of.user_id and t.api_key_id is null
    ),
    '{80,95,100}'
  );
end
$$;
comment on function proxy_private.thresholds_of is
  'The thresholds of a key, or of the account if api_key_id is null: its own, else the owner''s, '
  'else 80, 95 and 100.';


-- If one change crosses several thresholds, the alert for the highest one is enough.
create function proxy_private.alert_quotas(quotas proxy_private.raised_quota[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  period constant text := to_char(now(), 'YYYY-MM');
  resets_at constant text := proxy_private.json_time(date_trunc('month', now()) + interval '1 month');
  alerts proxy_private.new_alert[];
begin
  select array_agg(
    (
      q.user_id,
      q.api_key_id,
      case when q.api_key_id is null then 'account.quota' else 'key.quota' end,
      format(
        'quota:%s:%s:%s:%s',
        coalesce(q.api_key_id::text, (q.subject ->> 'tier') || ':' || (q.subject ->> 'liveMode')),
        period, t.percent, q.limit_bytes
      ),
      null,
      q.subject || jsonb_build_object(
        'threshold', t.percent, 'limitBytes', q.limit_bytes, 'usedBytes', q.used_bytes,
        'period', period, 'resetsAt', resets_at
      )
    )::proxy_private.new_alert
  ) into alerts
  from unnest(alert_quotas.quotas) as q
  cross join lateral (
    select max(p) as percent
    from unnest(proxy_private.thresholds_of(q.user_id, q.api_key_id)) as p
    -- 2^53 times 100 fits in a bigint
    where q.used_before * 100 < q.limit_bytes * p and q.used_bytes * 100 >= q.limit_bytes * p
  ) as t
  where q.user_id is not null and t.percent is not null;
  if alerts is not null then
    perform proxy_private.raise_alerts(alerts);
  end if;
end
$$;
comment on function proxy_private.alert_quotas is
  'Raises an alert for each quota that crossed a threshold; if it crossed several, for the '
  'highest.';


-- A changed limit or threshold may already be below the current usage.
create function proxy_private.alert_key_quotas(keys uuid[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  perform proxy_private.alert_quotas(array(
    select (
      k.user_id, k.id, proxy_private.describe_key(k.id, k.key_id, k.label), k.bandwidth_limit_bytes, 0,
      m.bytes_sent + m.bytes_received
    )::proxy_private.raised_quota
    from proxy_private.key_states as k
    join proxy_private.proxy_usage_monthly as m
      on m.api_key_id = k.id and m.month = date_trunc('month', now())::date
    where k.id = any (alert_key_quotas.keys) and k.deleted_at is null
      and k.bandwidth_limit_bytes > 0
  ));
end
$$;
comment on function proxy_private.alert_key_quotas is
  'Raises an alert for each of these keys that is now past a threshold of its limit.';


create function proxy_private.alert_account_quotas(user_id uuid) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  perform proxy_private.alert_quotas(array(
    select (
      m.user_id, null, jsonb_build_object('tier', m.tier, 'liveMode', m.live_mode),
      case when m.live_mode
        then coalesce((o.limit_overrides ->> 'account_limit_bytes')::bigint, t.account_limit_bytes)
        else coalesce((o.limit_overrides ->> 'test_limit_bytes')::bigint, t.test_limit_bytes)
      end,
      0, m.bytes_sent + m.bytes_received
    )::proxy_private.raised_quota
    from proxy_private.proxy_account_monthly as m
    join public.proxy_tiers as t on t.tier = m.tier
    left join proxy_private.proxy_account_limits as o on o.user_id = m.user_id and o.tier = m.tier
    where m.user_id = alert_account_quotas.user_id
      and m.month = date_trunc('month', now())::date
  ));
end
$$;
comment on function proxy_private.alert_account_quotas is
  'Raises an alert for each tier and mode of a user''s account that is now past a threshold of its '
  'quota.';


create function proxy_private.alert_of_changed_limit() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.api_key_id is not null then
    perform proxy_private.alert_key_quotas(array[new.api_key_id]);
  else
    perform proxy_private.alert_account_quotas(new.user_id);
  end if;
  return null;
end
$$;
comment on function proxy_private.alert_of_changed_limit is
  'Trigger: alerts the owner if usage is already past a threshold of a changed limit.';

-- the name sorts after alert_of_audit, so that the alert of the change itself comes first
create trigger alert_of_changed_limit after insert on proxy_private.proxy_key_audit
  for each row when (new.action in ('limits_changed', 'account_limits_changed'))
  execute function proxy_private.alert_of_changed_limit();


-- Default privileges may grant too much: revoke all.
revoke all on table proxy_private.proxy_alert_thresholds from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.least_threshold, proxy_private.thresholds_of, proxy_private.alert_quotas, proxy_private.alert_key_quotas,
  proxy_private.alert_account_quotas, proxy_private.alert_of_changed_limit
from public, anon, authenticated, service_role;
