-- Rollups by target: the usage per host and day, of each key and of all keys of a user. The number
-- of rows, and so the cost of reading them, is bounded regardless of how many hosts a key connects
-- to.

create table proxy_private.proxy_usage_targets (
  subject uuid not null,
  day date not null,
  kind smallint not null,
  site_length smallint,
  requests bigint not null,
  errors bigint not null,
  bytes_sent bigint not null,
  bytes_received bigint not null,
  billed_bytes bigint not null,
  name text collate "C" not null,
  primary key (subject, day, kind, name),
  constraint "a kind is a host, a site or other" check (kind between 0 and 2),
  constraint "what is other has no name" check ((kind = 2) = (name = '')),
  constraint "a site is the end of its name" check (site_length between 1 and char_length(name))
) with (fillfactor = 80);
comment on table proxy_private.proxy_usage_targets is
  'Usage per target and day (UTC), for each key and for all keys of a user: at most 1,000 hosts, '
  'then 1,000 sites, then one row for all others. Every event except a refusal adds to it.';
comment on column proxy_private.proxy_usage_targets.subject is
  'The id of a key or of a user. Both are random, so they do not collide.';
comment on column proxy_private.proxy_usage_targets.kind is
  '0: a host. 1: a site, for its hosts that came after 1,000 hosts had a row. 2: other, for later '
  'hosts that have no site or came after 1,000 sites had a row.';
comment on column proxy_private.proxy_usage_targets.name is
  'The host or site in lower case; empty for other.';
comment on column proxy_private.proxy_usage_targets.site_length is
  'How many characters at the end of the name form its site; null for a host that has none.';
comment on column proxy_private.proxy_usage_targets.errors is
  'How many of the requests failed: no connection to the target, or no valid answer from it.';
comment on column proxy_private.proxy_usage_targets.billed_bytes is
  'The part of the bytes sent and received that live keys moved.';
-- finds old rows; days arrive in order, so the index is tiny
create index proxy_usage_targets_day on proxy_private.proxy_usage_targets using brin (day);

create table proxy_private.proxy_usage_target_days (
  subject uuid not null,
  day date not null,
  hosts integer not null default 0,
  sites integer not null default 0,
  primary key (subject, day),
  constraint "hosts are bounded" check (hosts between 0 and 1000),
  constraint "sites are bounded" check (sites between 0 and 1000)
) with (fillfactor = 70);
comment on table proxy_private.proxy_usage_target_days is
  'How many hosts and sites have a row in proxy_usage_targets. Locked while a host or site gets a '
  'row, so that the limits are exact. Rows are removed only with their whole day, so a host keeps '
  'counting where it was first placed.';
create index proxy_usage_target_days_day on proxy_private.proxy_usage_target_days using brin (day);

alter table proxy_private.proxy_usage_targets enable row level security;
alter table proxy_private.proxy_usage_target_days enable row level security;


-- SECURITY DEFINER: callers may not read the settings.
create function proxy_private.first_kept_target_day() returns date
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  return now()::date - (select s.keep_targets_days from proxy_private.maintenance_settings as s);
end
$$;
comment on function proxy_private.first_kept_target_day is
  'The first day (UTC) whose rollups by target and outcome are kept.';

create function proxy_private.is_target_error(code text) returns boolean
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return is_target_error.code in (
    'target_unreachable', 'target_timeout', 'target_response_invalid'
  );
end
$$;
comment on function proxy_private.is_target_error is
  'Whether an event with this code is an attempt that failed at its target. Null without a code.';


create type proxy_private.target_use as (
  subject uuid,
  day date,
  kind smallint,
  host text,
  site_length smallint,
  requests bigint,
  errors bigint,
  bytes_sent bigint,
  bytes_received bigint,
  billed_bytes bigint
);
comment on type proxy_private.target_use is
  'By how much to raise the usage of a host by a key or user on a day. kind: where it counts; null '
  'if a new row may be needed.';

create type proxy_private.target_day as (subject uuid, day date);
comment on type proxy_private.target_day is
  'Identifies a row of proxy_private.proxy_usage_target_days.';

-- Two statements: the second sees what was committed before the first got its locks.
create function proxy_private.place_targets(uses proxy_private.target_use[]) returns proxy_private.target_use[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  most constant integer := 1000;
  new_days proxy_private.target_day[];
  placed proxy_private.target_use[];
begin
  -- a new day has no rows yet, so its hosts are counted at once
  with inserted as (
    insert into proxy_private.proxy_usage_target_days as d (subject, day, hosts)
    select u.subject, u.day, least(count(distinct u.host), most)
    from unnest(uses) as u
    group by u.subject, u.day
    order by u.subject, u.day
    -- locks the row without writing it
    on conflict (subject, day) do update set hosts = d.hosts where false
    returning d.subject, d.day
  )
  select array_agg((i.subject, i.day)::proxy_private.target_day) into new_days from inserted as i;

  with known as materialized (
    select
      u.*, right(u.host, u.site_length) as site, d.hosts, d.sites,
      -- hashed, where a join could become a nested loop
      (u.subject, u.day) in (select b.subject, b.day from unnest(new_days) as b) as begins
    from unnest(uses) as u
    join proxy_private.proxy_usage_target_days as d on d.subject = u.subject and d.day = u.day
  ),
  sought as materialized (
    select
      k.subject, k.day, k.host, k.site_length, k.site, k.requests, k.errors, k.bytes_sent,
      k.bytes_received, k.billed_bytes, k.sites,
      case when k.begins then 0 else k.hosts end as hosts,
      k.begins or not exists (
        select from proxy_private.proxy_usage_targets as t
        where t.subject = k.subject and t.day = k.day and t.kind = 0 and t.name = k.host
        -- forces one lookup per host instead of a join
        offset 0
      ) as is_new_host
    from known as k
  ),
  hosts as materialized (
    select
      s.*,
      not s.is_new_host or s.hosts + dense_rank() over (
        partition by s.subject, s.day, s.is_new_host order by s.host collate "C"
      ) <= most as has_row
    from sought as s
  ),
  sites as materialized (
    select
      h.*,
      not h.has_row and h.site is not null and not exists (
        select from proxy_private.proxy_usage_targets as t
        where t.subject = h.subject and t.day = h.day and t.kind = 1 and t.name = h.site
        offset 0
      ) as is_new_site
    from hosts as h
  ),
  decided as materialized (
    select
      s.*,
      case
        when s.has_row then 0
        when s.site is null then 2
        when not s.is_new_site then 1
        when s.sites + dense_rank() over (
          partition by s.subject, s.day, s.is_new_site order by s.site collate "C"
        ) <= most then 1
        else 2
      end as place
    from sites as s
  ),
  counted as (
    update proxy_private.proxy_usage_target_days as d
    set hosts = n.hosts, sites = n.sites
    from (
      select
        c.subject, c.day,
        c.hosts + count(distinct c.host) filter (where c.is_new_host and c.place = 0) as hosts,
        c.sites + count(distinct c.site) filter (where c.is_new_site and c.place = 1) as sites
      from decided as c
      group by c.subject, c.day, c.hosts, c.sites
    ) as n
    where d.subject = n.subject and d.day = n.day and (d.hosts, d.sites) <> (n.hosts, n.sites)
  )
  select array_agg(
    (
      c.subject, c.day, c.place, c.host, c.site_length, c.requests, c.errors, c.bytes_sent,
      c.bytes_received, c.billed_bytes
    )::proxy_private.target_use
  )
  into placed
  from decided as c;
  return placed;
end
$$;
comment on function proxy_private.place_targets is
  'Decides where each use counts: as its host, as its site, or as other. Locks the day''s counts '
  'of the key or user, and raises them by the rows that are to be created.';

create function proxy_private.add_target_uses(uses proxy_private.target_use[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
-- use the indexes, even in a plan that was made while the tables were empty
set enable_seqscan = off
as $$
declare
  most_bytes constant bigint := 9007199254740991;
  unplaced constant proxy_private.target_use[] := array(select u from unnest(uses) as u where u.kind is null);
begin
  if cardinality(unplaced) > 0 then
    uses := array(select u from unnest(uses) as u where u.kind is not null)
      || proxy_private.place_targets(unplaced);
  end if;
  insert into proxy_private.proxy_usage_targets as t (
    subject, day, kind, name, site_length, requests, errors, bytes_sent, bytes_received, billed_bytes
  )
  select
    u.subject, u.day, u.kind, u.name, max(u.site_length), sum(u.requests), sum(u.errors),
    least(sum(u.bytes_sent), most_bytes), least(sum(u.bytes_received), most_bytes),
    least(sum(u.billed_bytes), most_bytes)
  from (
    select
      a.subject, a.day, a.kind, a.requests, a.errors, a.bytes_sent, a.bytes_received,
      a.billed_bytes,
      case a.kind when 0 then a.host when 1 then right(a.host, a.site_length) else '' end
        collate "C" as name,
      case when a.kind < 2 then a.site_length end as site_length
    from unnest(uses) as a
  ) as u
  group by u.subject, u.day, u.kind, u.name
  order by u.subject, u.day, u.kind, u.name
  on conflict (subject, day, kind, name) do update set
    requests = greatest(t.requests + excluded.requests, 0),
    errors = greatest(t.errors + excluded.errors, 0),
    bytes_sent = greatest(least(t.bytes_sent + excluded.bytes_sent, most_bytes), 0),
    bytes_received = greatest(least(t.bytes_received + excluded.bytes_received, most_bytes), 0),
    billed_bytes = greatest(least(t.billed_bytes + excluded.billed_bytes, most_bytes), 0);
end
$$;
comment on function proxy_private.add_target_uses is
  'Raises the rollups by target: first the counts of hosts and sites, if one is new, then the '
  'targets, each in order.';

create function proxy_private.raise_target_rollups(raised proxy_private.raised_usage[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- use the indexes, even in a plan that was made while the tables were empty
set enable_seqscan = off
as $$
declare
  most constant integer := 1000;
  most_bytes constant bigint := 9007199254740991;
  first_at constant timestamptz := proxy_private.first_kept_target_day();
  used proxy_private.target_use[];
begin
  with by_key as materialized (
    select
      r.api_key_id, r.occurred_at::date as day,
      -- lowercases ASCII only, which is all that a connected host contains: lowercasing other
      -- letters could change the length
      lower(r.target_host collate "C") as host, r.site_length,
      sum(r.requests) as requests,
      sum(
        case when r.code is null and r.code_before is null then 0 else
          case when proxy_private.is_target_error(r.code) then r.count else 0 end
          - case when proxy_private.is_target_error(r.code_before) then r.count_before else 0 end
        end
      ) as errors,
      least(sum(r.bytes_sent), most_bytes) as bytes_sent,
      least(sum(r.bytes_received), most_bytes) as bytes_received
    from unnest(raised) as r
    where r.counts and r.occurred_at >= first_at
    group by 1, 2, 3, 4
  ),
  owned as materialized (
    select
      b.*, k.user_id,
      case when k.live_mode then b.bytes_sent + b.bytes_received else 0 end as billed_bytes
    from by_key as b
    join proxy_private.proxy_keys as k on k.id = b.api_key_id
  ),
  by_subject as materialized (
    select
      o.api_key_id as subject, o.day, o.host, o.site_length, o.requests, o.errors, o.bytes_sent,
      o.bytes_received, o.billed_bytes
    from owned as o
    union all
    select
      o.user_id, o.day, o.host, o.site_length, sum(o.requests), sum(o.errors),
      least(sum(o.bytes_sent), most_bytes), least(sum(o.bytes_received), most_bytes),
      least(sum(o.billed_bytes), most_bytes)
    from owned as o
    where o.user_id is not null
    group by o.user_id, o.day, o.host, o.site_length
  )
  select array_agg(
    (
      s.subject, s.day,
      case
        when exists (
          select from proxy_private.proxy_usage_targets as t
          where t.subject = s.subject and t.day = s.day and t.kind = 0 and t.name = s.host
          offset 0
        ) then 0
        -- a full day stays full, so nothing needs a lock
        else (
          select
            case
              when d.hosts < most then null
              when s.site_length is null then 2
              when exists (
                select from proxy_private.proxy_usage_targets as t
                where t.subject = s.subject and t.day = s.day and t.kind = 1
                  and t.name = right(s.host, s.site_length)
                offset 0
              ) then 1
              when d.sites = most then 2
            end
          from proxy_private.proxy_usage_target_days as d
          where d.subject = s.subject and d.day = s.day
        )
      end,
      s.host, s.site_length, s.requests, s.errors, s.bytes_sent, s.bytes_received, s.billed_bytes
    )::proxy_private.target_use
  )
  into used
  from by_subject as s
  where (s.requests, s.errors, s.bytes_sent, s.bytes_received) <> (0, 0, 0, 0);

  if used is not null then
    perform proxy_private.add_target_uses(used);
  end if;
end
$$;
comment on function proxy_private.raise_target_rollups is
  'Raises the rollups by target for each key and its user, on the days that are kept.';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on table
  proxy_private.proxy_usage_targets, proxy_private.proxy_usage_target_days
from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.first_kept_target_day, proxy_private.is_target_error, proxy_private.place_targets,
  proxy_private.add_target_uses, proxy_private.raise_target_rollups
from public, anon, authenticated, service_role;
-- readers need the first day that is kept
grant execute on function proxy_private.first_kept_target_day to authenticated;
