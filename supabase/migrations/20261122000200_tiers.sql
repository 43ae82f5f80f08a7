-- Tiers: what a key may use. Rows, not code, so a new tier is an insert.

create table public.proxy_tiers (
  tier text primary key,
  bandwidth_limit_bytes bigint not null,
  rate_limit integer not null,
  key_limit integer not null default 100,
  self_serve boolean not null,
  constraint "a tier's name is snake case" check (tier ~ '^[a-z][a-z0-9_]{0,30}$'),
  constraint "a bandwidth limit is not negative" check (bandwidth_limit_bytes >= 0),
  constraint "a rate limit is positive" check (rate_limit > 0),
  constraint "a key limit is positive" check (key_limit > 0)
);
comment on table public.proxy_tiers is 'The tiers a key can be of, with their limits.';
comment on column public.proxy_tiers.bandwidth_limit_bytes is
  'Bytes in and out per calendar month (UTC) and key.';
comment on column public.proxy_tiers.rate_limit is 'CONNECTs per second and key.';
comment on column public.proxy_tiers.key_limit is 'Undeleted keys per user.';
comment on column public.proxy_tiers.self_serve is
  'Whether any user may mint keys of it; otherwise a row of proxy_tier_grants is needed.';

alter table public.proxy_tiers enable row level security;
create policy "signed-in users read the tiers" on public.proxy_tiers
  for select to authenticated using (true);
revoke all on table public.proxy_tiers from public, anon, authenticated, service_role;
grant select on table public.proxy_tiers to authenticated;

insert into public.proxy_tiers (tier, bandwidth_limit_bytes, rate_limit, self_serve) values
  ('developer', 5000000000, 10, true),
  ('team', 50000000000, 50, true),
  ('enterprise', 1000000000000, 200, false);


create table public.proxy_tier_grants (
  id uuid primary key default private.uuid_v7(),
  user_id uuid not null references auth.users (id) on delete cascade,
  tier text not null references public.proxy_tiers (tier),
  granted_at timestamptz not null default pg_catalog.clock_timestamp(),
  granted_by uuid,
  reason text,
  constraint "a tier is granted to a user once" unique (user_id, tier)
);
comment on table public.proxy_tier_grants is
  'Which users may mint keys of a tier that is not self-serve.';
comment on column public.proxy_tier_grants.granted_by is
  'The admin whose token granted it; null for a grant made in SQL without one.';
create index proxy_tier_grants_tier on public.proxy_tier_grants (tier);

alter table public.proxy_tier_grants enable row level security;
create policy "users read their own grants" on public.proxy_tier_grants
  for select to authenticated using ((select auth.uid()) = user_id);
revoke all on table public.proxy_tier_grants from public, anon, authenticated, service_role;
grant select on table public.proxy_tier_grants to authenticated;
