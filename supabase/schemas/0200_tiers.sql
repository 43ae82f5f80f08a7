-- Tiers: what a key may use. They are rows, not code, so a new tier is an insert.

-- The one definition of valid limits, for tiers, keys and accounts.
create function proxy_private.wrong_limit(
  limits jsonb,
  known text[] default array['bandwidth_limit_bytes', 'rate_limit', 'tunnel_limit']
) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if jsonb_typeof(wrong_limit.limits) is distinct from 'object' then
    return 'limits';
  end if;
  return (
    select l.key
    from jsonb_each(wrong_limit.limits) as l
    where case
      when l.key <> all (wrong_limit.known) then true
      when jsonb_typeof(l.value) = 'null' then false
      when jsonb_typeof(l.value) <> 'number' or l.value #>> '{}' !~ '^\d{1,16}$' then true
      -- the largest integer that a JSON number holds exactly
      when right(l.key, 6) = '_bytes' then (l.value #>> '{}')::bigint > 9007199254740991
      else (l.value #>> '{}')::bigint not between 1 and 1000000
    end
    order by l.key
    limit 1
  );
end
$$;
comment on function proxy_private.wrong_limit is
  'The name of the first invalid limit in a JSON object of limits, or null if all are valid; '
  '`limits` if the value is not an object. A limit is invalid if its name is not in `known` (by '
  'default the limits of a key), or if its value is neither null nor in range: 0 to 2^53 - 1 for '
  'bytes, 1 to 1,000,000 for others.';


create table public.proxy_tiers (
  tier text primary key,
  bandwidth_limit_bytes bigint not null,
  rate_limit integer not null,
  tunnel_limit integer not null,
  account_limit_bytes bigint not null,
  test_limit_bytes bigint not null,
  key_limit integer not null default 100,
  self_serve boolean not null,
  constraint "a tier's name is snake case" check (tier ~ '^[a-z][a-z0-9_]{0,30}$'),
  constraint "limits are in their ranges" check (
    proxy_private.wrong_limit(
      jsonb_build_object(
        'bandwidth_limit_bytes', bandwidth_limit_bytes,
        'rate_limit', rate_limit,
        'tunnel_limit', tunnel_limit,
        'account_limit_bytes', account_limit_bytes,
        'test_limit_bytes', test_limit_bytes
      ),
      array[
        'bandwidth_limit_bytes', 'rate_limit', 'tunnel_limit', 'account_limit_bytes',
        'test_limit_bytes'
      ]
    ) is null
  ),
  constraint "a key limit is positive" check (key_limit > 0)
);
comment on table public.proxy_tiers is 'The tiers that a key can belong to, with their limits.';
comment on column public.proxy_tiers.bandwidth_limit_bytes is
  'Bytes in and out per key and calendar month (UTC).';
comment on column public.proxy_tiers.rate_limit is 'CONNECTs per second per key.';
comment on column public.proxy_tiers.tunnel_limit is
  'Tunnels that a key may have open at once on one gateway.';
comment on column public.proxy_tiers.account_limit_bytes is
  'Bytes in and out per user and calendar month (UTC), over all live keys of the tier, including '
  'deleted ones.';
comment on column public.proxy_tiers.test_limit_bytes is
  'Bytes in and out per user and calendar month (UTC), over all test keys of the tier, including '
  'deleted ones.';
comment on column public.proxy_tiers.key_limit is 'Undeleted keys per user.';
comment on column public.proxy_tiers.self_serve is
  'Whether any user may mint keys of the tier. If not, the user needs a row in proxy_tier_grants.';

alter table public.proxy_tiers enable row level security;
create policy "signed-in users read the tiers" on public.proxy_tiers
  for select to authenticated using (true);

insert into public.proxy_tiers (
  tier, bandwidth_limit_bytes, rate_limit, tunnel_limit, account_limit_bytes, test_limit_bytes,
  self_serve
) values
  ('developer', 5000000000, 10, 100, 25000000000, 100000000, true),
  ('team', 50000000000, 50, 1000, 500000000000, 1000000000, true),
  ('enterprise', 1000000000000, 200, 5000, 20000000000000, 1000000000, false);


create table proxy_private.proxy_tier_grants (
  id uuid primary key default proxy_private.uuid_v7(),
  user_id uuid not null references auth.users (id) on delete cascade,
  tier text not null references public.proxy_tiers (tier),
  granted_at timestamptz not null default clock_timestamp(),
  granted_by uuid,
  reason text,
  constraint "a tier is granted to a user once" unique (user_id, tier),
  constraint "a grant is of this century" check (
    granted_at >= '2000-01-01 00:00Z' and granted_at <= '2100-01-01 00:00Z'
  )
);
comment on table proxy_private.proxy_tier_grants is
  'Which users may mint keys of a tier that is not self-serve.';
comment on column proxy_private.proxy_tier_grants.granted_by is
  'The admin whose token granted it; null for a grant made in SQL without a token.';
create index proxy_tier_grants_tier on proxy_private.proxy_tier_grants (tier);

alter table proxy_private.proxy_tier_grants enable row level security;
create policy "users read their own grants" on proxy_private.proxy_tier_grants
  for select to authenticated using ((select auth.uid()) = user_id);


create table proxy_private.proxy_account_limits (
  user_id uuid not null references auth.users (id) on delete cascade,
  tier text not null references public.proxy_tiers (tier),
  limit_overrides jsonb not null,
  primary key (user_id, tier),
  constraint "overridden account limits are known and in their ranges" check (
    proxy_private.wrong_limit(limit_overrides, array['account_limit_bytes', 'test_limit_bytes']) is null
  )
);
comment on table proxy_private.proxy_account_limits is
  'Limits that an admin set over all keys of a user and tier, in place of the tier''s.';
comment on column proxy_private.proxy_account_limits.limit_overrides is
  'The limits by the name of the tier''s column.';
create index proxy_account_limits_tier on proxy_private.proxy_account_limits (tier);
alter table proxy_private.proxy_account_limits enable row level security;


insert into proxy_private.argument_rules (argument, rule) values
  ('limits', 'An object of the limits to change.'),
  ('bandwidth_limit_bytes', 'A whole number of bytes from 0 to 9007199254740991, or null.'),
  ('account_limit_bytes', 'A whole number of bytes from 0 to 9007199254740991, or null.'),
  ('test_limit_bytes', 'A whole number of bytes from 0 to 9007199254740991, or null.'),
  ('rate_limit', 'A whole number of CONNECTs per second from 1 to 1000000, or null.'),
  ('tunnel_limit', 'A whole number of open tunnels from 1 to 1000000, or null.');


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on table
  public.proxy_tiers, proxy_private.proxy_tier_grants, proxy_private.proxy_account_limits
from public, anon, authenticated, service_role;
revoke all on function proxy_private.wrong_limit from public, anon, authenticated, service_role;
grant select on table public.proxy_tiers to authenticated;
