-- Tiers: what a key may use. Rows, not code, so a new tier is an insert.

create table public.proxy_tiers (
  tier text primary key,
  bandwidth_limit_bytes bigint not null,
  rate_limit integer not null,
  tunnel_limit integer not null,
  key_limit integer not null default 100,
  self_serve boolean not null,
  constraint "a tier's name is snake case" check (tier ~ '^[a-z][a-z0-9_]{0,30}$'),
  -- what a number in JSON holds exactly
  constraint "a bandwidth limit is 0 to 2^53 - 1" check (
    bandwidth_limit_bytes between 0 and 9007199254740991
  ),
  constraint "a rate limit is positive" check (rate_limit > 0),
  constraint "a tunnel limit is 1 to 1,000,000" check (tunnel_limit between 1 and 1000000),
  constraint "a key limit is positive" check (key_limit > 0)
);
comment on table public.proxy_tiers is 'The tiers a key can be of, with their limits.';
comment on column public.proxy_tiers.bandwidth_limit_bytes is
  'Bytes in and out per calendar month (UTC) and key.';
comment on column public.proxy_tiers.rate_limit is 'CONNECTs per second and key.';
comment on column public.proxy_tiers.tunnel_limit is
  'Tunnels that a key may have open at once on one gateway.';
comment on column public.proxy_tiers.key_limit is 'Undeleted keys per user.';
comment on column public.proxy_tiers.self_serve is
  'Whether any user may mint keys of it; otherwise a row of proxy_tier_grants is needed.';

alter table public.proxy_tiers enable row level security;
create policy "signed-in users read the tiers" on public.proxy_tiers
  for select to authenticated using (true);
revoke all on table public.proxy_tiers from public, anon, authenticated, service_role;
grant select on table public.proxy_tiers to authenticated;

insert into public.proxy_tiers (
  tier, bandwidth_limit_bytes, rate_limit, tunnel_limit, self_serve
) values
  ('developer', 5000000000, 10, 100, true),
  ('team', 50000000000, 50, 1000, true),
  ('enterprise', 1000000000000, 200, 5000, false);


create table private.proxy_tier_grants (
  id uuid primary key default private.uuid_v7(),
  user_id uuid not null references auth.users (id) on delete cascade,
  tier text not null references public.proxy_tiers (tier),
  granted_at timestamptz not null default pg_catalog.clock_timestamp(),
  granted_by uuid,
  reason text,
  constraint "a tier is granted to a user once" unique (user_id, tier),
  constraint "a grant is of this century" check (
    granted_at >= '2000-01-01 00:00Z' and granted_at <= '2100-01-01 00:00Z'
  )
);
comment on table private.proxy_tier_grants is
  'Which users may mint keys of a tier that is not self-serve.';
comment on column private.proxy_tier_grants.granted_by is
  'The admin whose token granted it; null for a grant made in SQL without one.';
create index proxy_tier_grants_tier on private.proxy_tier_grants (tier);

alter table private.proxy_tier_grants enable row level security;
create policy "users read their own grants" on private.proxy_tier_grants
  for select to authenticated using ((select auth.uid()) = user_id);
revoke all on table private.proxy_tier_grants from public, anon, authenticated, service_role;
