-- The rollups by account, checked against those by key: an account has the sum of its keys.

-- as for the hourly rollup by key
create index proxy_account_hourly_hour on proxy_private.proxy_account_hourly using brin (hour);


create type proxy_private.account_sum as (
  user_id uuid,
  period timestamptz,
  part text,
  requests bigint,
  bytes_sent bigint,
  bytes_received bigint
);
comment on type proxy_private.account_sum is
  'A row of a rollup by account. part is the mode, live or test; in a monthly rollup it is the '
  'tier and the mode.';


-- Built by column name, because the type has columns that only other rollups use.
create function proxy_private.account_corrections(
  rollup text, counted proxy_private.account_sum[], kept proxy_private.account_sum[]
) returns setof proxy_private.usage_correction
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select c.*
  from (
    select
      user_id, period, part,
      case
        when k.requests is null then 'missing' when n.requests is null then 'surplus'
        else 'different'
      end as found,
      coalesce(n.requests, 0) - coalesce(k.requests, 0) as requests,
      coalesce(n.bytes_sent, 0) - coalesce(k.bytes_sent, 0) as bytes_sent,
      coalesce(n.bytes_received, 0) - coalesce(k.bytes_received, 0) as bytes_received
    from unnest(counted) as n
    full join unnest(kept) as k using (user_id, period, part)
  ) as d
  cross join lateral jsonb_populate_record(
    null::proxy_private.usage_correction,
    jsonb_build_object(
      'rollup', account_corrections.rollup, 'api_key_id', d.user_id, 'period', d.period,
      'part', d.part, 'found', d.found, 'requests', d.requests, 'bytes_sent', d.bytes_sent,
      'bytes_received', d.bytes_received
    )
  ) as c
  where (d.found <> 'different' or (d.requests, d.bytes_sent, d.bytes_received) <> (0, 0, 0))
    -- the usage of a removed account stays as it is
    and exists (select from auth.users as u where u.id = d.user_id);
end
$$;
comment on function proxy_private.account_corrections is
  'Returns the rows of a rollup by account that differ, with the user as api_key_id.';


create function proxy_private.account_hourly_usage_drift(
  day date, corrections proxy_private.usage_correction[]
) returns setof proxy_private.usage_correction
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_custom_plan
as $$
declare
  begins timestamptz := account_hourly_usage_drift.day;
  ends timestamptz := account_hourly_usage_drift.day + 1;
  counted proxy_private.account_sum[];
  kept proxy_private.account_sum[];
begin
  counted := array(
    select (
      k.user_id, u.hour, case when k.live_mode then 'live' else 'test' end, sum(u.requests),
      -- bounded as in record_usage
      least(sum(u.bytes_sent), 9007199254740991), least(sum(u.bytes_received), 9007199254740991)
    )::proxy_private.account_sum
    from (
      select h.api_key_id, h.hour, h.requests, h.bytes_sent, h.bytes_received, 1 as rows
      from proxy_private.proxy_usage_hourly as h
      where h.hour >= begins and h.hour < ends
      union all
      select
        c.api_key_id, c.period, c.requests, c.bytes_sent, c.bytes_received,
        case c.found when 'missing' then 1 when 'surplus' then -1 else 0 end
      from unnest(account_hourly_usage_drift.corrections) as c
      where c.rollup = 'hourly'
    ) as u
    join proxy_private.proxy_keys as k on k.id = u.api_key_id
    where k.user_id is not null
    group by k.user_id, u.hour, k.live_mode
    having sum(u.rows) > 0
  );
  kept := array(
    select (
      h.user_id, h.hour, case when h.live_mode then 'live' else 'test' end, h.requests,
      h.bytes_sent, h.bytes_received
    )::proxy_private.account_sum
    from proxy_private.proxy_account_hourly as h
    where h.hour >= begins and h.hour < ends
  );
  return query select * from proxy_private.account_corrections('account_hourly', counted, kept);
end
$$;
comment on function proxy_private.account_hourly_usage_drift is
  'Returns the hourly rows by account of a day (UTC) that differ from the corrected rows by key.';


create function proxy_private.account_monthly_usage_drift(
  month date, corrections proxy_private.usage_correction[]
) returns setof proxy_private.usage_correction
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_custom_plan
as $$
declare
  counted proxy_private.account_sum[];
  kept proxy_private.account_sum[];
begin
  counted := array(
    select (
      k.user_id, account_monthly_usage_drift.month,
      k.tier || case when k.live_mode then ' live' else ' test' end, sum(u.requests),
      least(sum(u.bytes_sent), 9007199254740991), least(sum(u.bytes_received), 9007199254740991)
    )::proxy_private.account_sum
    from (
      select m.api_key_id, m.requests, m.bytes_sent, m.bytes_received, 1 as rows
      from proxy_private.proxy_usage_monthly as m
      where m.month = account_monthly_usage_drift.month
      union all
      select
        c.api_key_id, c.requests, c.bytes_sent, c.bytes_received,
        case c.found when 'missing' then 1 when 'surplus' then -1 else 0 end
      from unnest(account_monthly_usage_drift.corrections) as c
      where c.rollup = 'monthly'
    ) as u
    join proxy_private.proxy_keys as k on k.id = u.api_key_id
    where k.user_id is not null
    group by k.user_id, k.tier, k.live_mode
    having sum(u.rows) > 0
  );
  kept := array(
    select (
      m.user_id, m.month, m.tier || case when m.live_mode then ' live' else ' test' end,
      m.requests, m.bytes_sent, m.bytes_received
    )::proxy_private.account_sum
    from proxy_private.proxy_account_monthly as m
    where m.month = account_monthly_usage_drift.month
  );
  return query select * from proxy_private.account_corrections('account_monthly', counted, kept);
end
$$;
comment on function proxy_private.account_monthly_usage_drift is
  'Returns the monthly rows by account that differ from the corrected rows by key. Each key counts '
  'for its current tier.';


create function proxy_private.repair_account_usage(corrections proxy_private.usage_correction[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  insert into proxy_private.proxy_account_monthly as m (
    user_id, month, tier, live_mode, requests, bytes_sent, bytes_received
  )
  select
    c.api_key_id, c.period::date, split_part(c.part, ' ', 1), split_part(c.part, ' ', 2) = 'live',
    c.requests, c.bytes_sent, c.bytes_received
  from unnest(corrections) as c
  where c.rollup = 'account_monthly'
  order by 1, 2, 3, 4
  on conflict on constraint proxy_account_monthly_pkey do update set
    requests = m.requests + excluded.requests,
    bytes_sent = least(m.bytes_sent + excluded.bytes_sent, 9007199254740991),
    bytes_received = least(m.bytes_received + excluded.bytes_received, 9007199254740991);

  insert into proxy_private.proxy_account_hourly as h (
    user_id, hour, live_mode, requests, bytes_sent, bytes_received
  )
  select c.api_key_id, c.period, c.part = 'live', c.requests, c.bytes_sent, c.bytes_received
  from unnest(corrections) as c
  where c.rollup = 'account_hourly'
  order by 1, 2, 3
  on conflict on constraint proxy_account_hourly_pkey do update set
    requests = h.requests + excluded.requests,
    bytes_sent = least(h.bytes_sent + excluded.bytes_sent, 9007199254740991),
    bytes_received = least(h.bytes_received + excluded.bytes_received, 9007199254740991);

  -- Locked first, then added up: a transaction that raised an account row not visible here yet
  -- waits for this lock.
  insert into proxy_private.proxy_user_monthly as s (user_id, month, bytes)
  select distinct c.api_key_id, c.period::date, 0
  from unnest(corrections) as c
  where c.rollup = 'account_monthly'
  order by 1, 2
  on conflict on constraint proxy_user_monthly_pkey do update set bytes = s.bytes;
  update proxy_private.proxy_user_monthly as s
  set bytes = least(
    (
      select coalesce(sum(m.bytes_sent + m.bytes_received), 0)
      from proxy_private.proxy_account_monthly as m
      where m.user_id = s.user_id and m.month = s.month
    ),
    9007199254740991
  )
  where (s.user_id, s.month) in (
    select c.api_key_id, c.period::date from unnest(corrections) as c
    where c.rollup = 'account_monthly'
  );

  -- The rows are locked now: transactions that raised them have committed, and new ones wait.
  delete from proxy_private.proxy_account_monthly as m using unnest(corrections) as c
  where c.rollup = 'account_monthly' and c.found = 'surplus'
    and (m.user_id, m.month) = (c.api_key_id, c.period::date)
    and (m.tier, m.live_mode) = (split_part(c.part, ' ', 1), split_part(c.part, ' ', 2) = 'live')
    and (m.requests, m.bytes_sent, m.bytes_received) = (0, 0, 0)
    and not exists (
      select from proxy_private.proxy_usage_monthly as u
      join proxy_private.proxy_keys as k on k.id = u.api_key_id
      where k.user_id = m.user_id and k.tier = m.tier and k.live_mode = m.live_mode
        and u.month = m.month
    );
  delete from proxy_private.proxy_account_hourly as h using unnest(corrections) as c
  where c.rollup = 'account_hourly' and c.found = 'surplus'
    and (h.user_id, h.hour, h.live_mode) = (c.api_key_id, c.period, c.part = 'live')
    and (h.requests, h.bytes_sent, h.bytes_received) = (0, 0, 0)
    and not exists (
      select from proxy_private.proxy_usage_hourly as u
      join proxy_private.proxy_keys as k on k.id = u.api_key_id
      where k.user_id = h.user_id and k.live_mode = h.live_mode and u.hour = h.hour
    );
end
$$;
comment on function proxy_private.repair_account_usage is
  'Applies the corrections to the rows by account, deletes rows for which no key has a row, and '
  'adds up the months of their users again.';


-- Revoke everything, even if default privileges are open.
revoke all on function
  proxy_private.account_corrections, proxy_private.account_hourly_usage_drift,
  proxy_private.account_monthly_usage_drift, proxy_private.repair_account_usage
from public, anon, authenticated, service_role;
