-- Data plane: what the CONNECT gateway may do, and nothing else.

create type gateway.proxy_key_lookup as (
  id uuid,
  key_id text,
  secret_hash bytea,
  active boolean,
  suspended boolean,
  live_mode boolean,
  rate_limit integer,
  tunnel_limit integer,
  bandwidth_limit_bytes bigint,
  bandwidth_used_bytes bigint,
  allowed_ips text[],
  expires_in_ms bigint,
  previous_hash bytea,
  previous_ends_in_ms bigint,
  account_id text,
  account_limit_bytes bigint,
  account_used_bytes bigint
);
comment on type gateway.proxy_key_lookup is
  'What a gateway needs to accept or refuse a CONNECT. Future times are in milliseconds from now, '
  'so that a gateway''s own clock need not be right; allowed_ips is empty if any client may '
  'connect, and previous_hash is null except in a grace period. account_… describe the bytes that '
  'all keys of its user, tier and mode share, null once the user''s account is removed.';

-- Security definer: the gateway may not read tables. In plpgsql, which caches the plan between
-- calls.
create function gateway.lookup_proxy_key(key_id text) returns setof gateway.proxy_key_lookup
language plpgsql stable security definer rows 1
set search_path = pg_catalog, pg_temp
as $$
declare
  this_month constant date := date_trunc('month', now() at time zone 'UTC');
begin
  return query
  select
    k.id,
    k.key_id,
    s.secret_hash,
    k.active,
    k.suspended_at is not null,
    k.live_mode,
    k.rate_limit,
    k.tunnel_limit,
    k.bandwidth_limit_bytes,
    -- the largest integer that a JSON number holds exactly
    least(coalesce(m.bytes_sent + m.bytes_received, 0), 9007199254740991),
    k.allowed_ips::text[],
    floor(extract(epoch from k.expires_at - now()) * 1000)::bigint,
    case when k.grace_ends_at > now() then s.previous_hash end,
    case when k.grace_ends_at > now()
      then floor(extract(epoch from k.grace_ends_at - now()) * 1000)::bigint
    end,
    k.user_id || '/' || k.tier || case when k.live_mode then '/live' else '/test' end,
    case when k.user_id is not null then k.account_limit_bytes end,
    case when k.user_id is not null
      then least(coalesce(a.bytes_sent + a.bytes_received, 0), 9007199254740991)
    end
  from proxy_private.key_states as k
  join proxy_private.proxy_key_secrets as s on s.api_key_id = k.id
  left join proxy_private.proxy_usage_monthly as m
    on m.api_key_id = k.id and m.month = this_month
  left join proxy_private.proxy_account_monthly as a
    on a.user_id = k.user_id and a.month = this_month and a.tier = k.tier
    and a.live_mode = k.live_mode
  where k.key_id = lookup_proxy_key.key_id;
end
$$;
comment on function gateway.lookup_proxy_key is
  'Returns the key with its hashes, state, limits and this month''s bytes, and those of its '
  'account; no row for an unknown keyId. The gateway compares the hash itself, so that no secret '
  'reaches the database. Read only.';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function gateway.lookup_proxy_key from public, anon, authenticated, service_role;
grant execute on function gateway.lookup_proxy_key to proxy_gateway;
