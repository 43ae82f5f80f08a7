-- Exporting keys: the list as CSV, in parts, so that no program holds more than one at a time.

create function public.export_proxy_keys(
  cursor text default null,
  active boolean default null,
  tier text default null,
  live_mode boolean default null,
  label text default null,
  state text default null,
  search text default null,
  sort text default null
) returns public.proxy_csv_part
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  time_form constant text := 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"';
  page record;
  part public.proxy_csv_part;
begin
  page := proxy_private.page_of_keys(
    200, export_proxy_keys.cursor, export_proxy_keys.active, export_proxy_keys.tier,
    export_proxy_keys.live_mode, export_proxy_keys.label, export_proxy_keys.state,
    export_proxy_keys.search, export_proxy_keys.sort
  );
  select
    case when export_proxy_keys.cursor is null then
      'id,keyId,label,tier,liveMode,state,quotaUsedUpBy,bandwidthUsedThisPeriodBytes,'
        || 'bandwidthLimitBytes,rateLimit,tunnelLimit,allowedIps,lastUsedAt,createdAt,rotatedAt,expiresAt,'
        || E'suspendedAt,suspendedReason,deletedAt\r\n'
      else '' end
    || coalesce(
      string_agg(
        concat_ws(
          ',',
          k.id, k.key_id, proxy_private.csv_field(k.label), proxy_private.csv_field(k.tier), k.live_mode::text, k.state,
          coalesce(k.quota_used_up_by, ''), k.bandwidth_used_this_period_bytes, k.bandwidth_limit_bytes,
          k.rate_limit, k.tunnel_limit, array_to_string(k.allowed_ips, ' '),
          coalesce(to_char(k.last_used_at, time_form), ''), to_char(k.created_at, time_form),
          coalesce(to_char(k.rotated_at, time_form), ''), coalesce(to_char(k.expires_at, time_form), ''),
          coalesce(to_char(k.suspended_at, time_form), ''),
          coalesce(proxy_private.csv_field(k.suspended_reason), ''),
          coalesce(to_char(k.deleted_at, time_form), '')
        ) || E'\r\n',
        '' order by k.place
      ),
      ''
    )
  into part.csv
  from unnest(page.keys) with ordinality as k (
    id, key_id, user_id, label, tier, live_mode, bandwidth_used_this_period_bytes,
    bandwidth_limit_bytes, rate_limit, tunnel_limit, limit_overrides, active, allowed_ips, last_used_at,
    created_at, rotated_at, grace_ends_at, expires_at, suspended_at, suspended_reason, deleted_at,
    state, quota_used_up_by, place
  );
  part.next_cursor := page.next_cursor;
  return part;
end
$$;
comment on function public.export_proxy_keys is
  'The caller''s keys as CSV: up to 200 lines from `cursor` on, with a header line before the '
  'first. The filters and sorts are those of list_proxy_keys. Refusals: unauthorized, '
  'invalid_request (detail: the argument).';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on function public.export_proxy_keys from public, anon, authenticated, service_role;
grant execute on function public.export_proxy_keys to authenticated;
