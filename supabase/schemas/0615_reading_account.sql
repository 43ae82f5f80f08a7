-- Reading an account: what all keys of a user and tier may use together, and have used.

create type public.proxy_account_state as (
  user_id uuid,
  period text,
  resets_at timestamptz,
  tiers jsonb
);
comment on type public.proxy_account_state is
  'What an account may use in the current calendar month (UTC), including the usage of deleted '
  'keys. tiers: for each tier, smallest first, tier, keys (undeleted), key_limit, limit_overrides, '
  'and used_bytes, limit_bytes, left_bytes, requests and billed for all its live keys; `test` has '
  'the latter five for all its test keys.';

create function proxy_private.account_quota(
  used proxy_private.proxy_account_monthly, limit_bytes bigint, billed boolean
) returns jsonb
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  -- the largest integer that a JSON number holds exactly
  used_bytes constant bigint := least(
    coalesce((account_quota.used).bytes_sent + (account_quota.used).bytes_received, 0),
    9007199254740991
  );
begin
  return jsonb_build_object(
    'used_bytes', used_bytes,
    'limit_bytes', account_quota.limit_bytes,
    'left_bytes', greatest(account_quota.limit_bytes - used_bytes, 0),
    'requests', coalesce((account_quota.used).requests, 0),
    'billed', account_quota.billed
  );
end
$$;
comment on function proxy_private.account_quota is
  'How much of a limit is used, and how much is left; `used` is null if nothing is.';


create function proxy_private.account_of(user_id uuid) returns public.proxy_account_state
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  this_month constant date := date_trunc('month', now());
  account public.proxy_account_state;
begin
  account.user_id := account_of.user_id;
  account.period := to_char(this_month, 'YYYY-MM');
  account.resets_at := this_month + interval '1 month';
  select
    coalesce(
      jsonb_agg(
        proxy_private.account_quota(
          live,
          coalesce((o.limit_overrides ->> 'account_limit_bytes')::bigint, t.account_limit_bytes),
          true
        ) || jsonb_build_object(
          'tier', t.tier,
          'keys', k.keys,
          'key_limit', t.key_limit,
          'limit_overrides', coalesce(o.limit_overrides, '{}'),
          'test', proxy_private.account_quota(
            test,
            coalesce((o.limit_overrides ->> 'test_limit_bytes')::bigint, t.test_limit_bytes),
            false
          )
        ) order by t.bandwidth_limit_bytes, t.tier
      ),
      '[]'
    )
  into account.tiers
  from public.proxy_tiers as t
  left join proxy_private.proxy_account_limits as o
    on o.user_id = account_of.user_id and o.tier = t.tier
  left join proxy_private.proxy_account_monthly as live
    on live.user_id = account_of.user_id and live.month = this_month and live.tier = t.tier
    and live.live_mode
  left join proxy_private.proxy_account_monthly as test
    on test.user_id = account_of.user_id and test.month = this_month and test.tier = t.tier
    and not test.live_mode
  cross join lateral (
    select count(*) as keys
    from proxy_private.proxy_keys as p
    where p.tier = t.tier and p.user_id = account_of.user_id and p.deleted_at is null
  ) as k
  where t.self_serve or k.keys > 0 or o.tier is not null or live.tier is not null
    or test.tier is not null
    or exists (
      select from proxy_private.proxy_tier_grants as g
      where g.user_id = account_of.user_id and g.tier = t.tier
    );
  return account;
end
$$;
comment on function proxy_private.account_of is
  'The account of a user: each tier that is self-serve or granted, in which the user has keys or '
  'usage of this month, or whose limits an admin has set.';


-- SECURITY DEFINER: callers may not read keys.
create function proxy_private.own_account() returns public.proxy_account_state
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.account_of(proxy_private.require_user());
end
$$;
comment on function proxy_private.own_account is 'Does the work of public.proxy_account.';

create function public.proxy_account() returns public.proxy_account_state
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.own_account();
end
$$;
comment on function public.proxy_account is
  'What the caller''s account may use in this calendar month (UTC), by tier: the used, allowed and '
  'remaining bytes that all live keys share, and those that all test keys share, including deleted '
  'keys. Also the number of keys, and when the usage resets. Refusals: unauthorized.';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on function
  proxy_private.account_quota, proxy_private.account_of, proxy_private.own_account, public.proxy_account
from public, anon, authenticated, service_role;
grant execute on function proxy_private.own_account, public.proxy_account to authenticated;
