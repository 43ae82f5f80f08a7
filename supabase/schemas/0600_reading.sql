-- Reading: keys, as the dashboard and the API show them.

create view proxy_private.key_summaries with (security_invoker = true) as
select
  k.id,
  k.key_id,
  k.user_id,
  k.label,
  k.tier,
  k.live_mode,
  u.used_bytes as bandwidth_used_this_period_bytes,
  k.bandwidth_limit_bytes,
  k.rate_limit,
  k.tunnel_limit,
  k.limit_overrides,
  k.active,
  k.allowed_ips::text[] as allowed_ips,
  m.last_used_at,
  k.created_at,
  k.rotated_at,
  case when k.grace_ends_at > now() then k.grace_ends_at end as grace_ends_at,
  k.expires_at,
  k.suspended_at,
  k.suspended_reason,
  k.deleted_at,
  s.state,
  case when s.state = 'quota_used_up'
    then case when u.used_bytes >= k.bandwidth_limit_bytes then 'key' else 'account' end
  end as quota_used_up_by
from proxy_private.key_states as k
-- the newest month serves both columns: this period's bytes if it is this month, and the last use
left join lateral (
  select u.month, u.bytes_sent, u.bytes_received, u.last_used_at
  from proxy_private.proxy_usage_monthly as u
  where u.api_key_id = k.id and u.month <= date_trunc('month', now() at time zone 'UTC')::date
  order by u.month desc
  limit 1
) as m on true
cross join lateral (
  select
    case when m.month = date_trunc('month', now() at time zone 'UTC')::date
      -- the largest integer that a JSON number holds exactly
      then least(m.bytes_sent + m.bytes_received, 9007199254740991)
      else 0
    end as used_bytes
) as u
-- in the order of the gateway's own checks; proxy_private.key_state_names() lists all states
cross join lateral (
  select
    case
      when k.deleted_at is not null then 'deleted'
      when k.suspended_at is not null then 'suspended'
      when k.expires_at <= now() then 'expired'
      when not k.active then 'owner_barred'
      when u.used_bytes >= k.bandwidth_limit_bytes then 'quota_used_up'
      when coalesce(
        (
          select a.bytes_sent + a.bytes_received
          from proxy_private.proxy_account_monthly as a
          where a.user_id = k.user_id and a.month = date_trunc('month', now() at time zone 'UTC')::date
            and a.tier = k.tier and a.live_mode = k.live_mode
        ),
        0
      ) >= k.account_limit_bytes then 'quota_used_up'
      else 'active'
    end as state
  -- computed once for the two columns that use it
  offset 0
) as s;
comment on view proxy_private.key_summaries is
  'All users'' keys with their limits, state and usage in the current calendar month (UTC), '
  'without secrets or hashes. state: how the gateway treats the key now. quota_used_up_by: `key` '
  'if the key''s own quota is used up, `account` if it is the quota that all keys of its user, '
  'tier and mode share.';


-- Default privileges may grant too much: revoke all.
revoke all on table proxy_private.key_summaries from public, anon, authenticated, service_role;
