-- Limits on writes: without them one user could make append-only tables grow without end, and keep
-- the database from the others.

create table private.write_limits (
  name text primary key,
  action text not null,
  allowed integer not null,
  seconds integer not null,
  constraint "an action has one limit for each span" unique (action, seconds),
  constraint "an action is a known one" check (
    action in ('mint', 'rotate', 'change', 'administer')
  ),
  -- a policy's name in the RateLimit header
  constraint "a limit's name is snake case" check (name ~ '^[a-z]+(_[a-z]+)*$'),
  constraint "a limit is positive" check (allowed > 0),
  constraint "a span is at most a day" check (seconds between 1 and 86400)
);
comment on table private.write_limits is
  'How many writes of a kind a user may make in any span of seconds: rows, so an operator may change '
  'them. `change` is updates and deletions of a user''s own keys, `administer` all that admins write. '
  'Spans up to an hour are exact; longer ones are counted by the hour, and err towards refusing.';
comment on column private.write_limits.name is 'The policy''s name in the RateLimit headers.';
alter table private.write_limits enable row level security;
revoke all on table private.write_limits from public, anon, authenticated, service_role;

insert into private.write_limits (name, action, allowed, seconds) values
  ('rotate', 'rotate', 5, 60),
  ('mint', 'mint', 60, 60),
  ('mint_daily', 'mint', 1000, 86400),
  ('change', 'change', 120, 60),
  ('change_daily', 'change', 5000, 86400),
  ('administer', 'administer', 600, 60),
  ('administer_daily', 'administer', 20000, 86400);


create table private.write_windows (
  user_id uuid not null references auth.users (id) on delete cascade,
  action text not null,
  recent timestamptz[] not null default '{}',
  hour integer not null default 0,
  hourly integer[] not null default '{}',
  primary key (user_id, action)
) with (fillfactor = 70);
comment on table private.write_windows is
  'What a user wrote lately, one row per kind of write: at most four rows per user, of about 1 kB. '
  'A row is the lock under which one user''s writes of that kind queue.';
comment on column private.write_windows.recent is 'When, newest last, over the longest exact span.';
comment on column private.write_windows.hour is 'The hour, since 1970, of the first of `hourly`.';
comment on column private.write_windows.hourly is
  'How many in that hour and in each of the 24 before it, newest first.';
alter table private.write_windows enable row level security;
revoke all on table private.write_windows from public, anon, authenticated, service_role;


create function private.lock_writes(user_id uuid, action text) returns private.write_windows
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  written private.write_windows;
begin
  loop
    select * into written from private.write_windows as w
    where w.user_id = lock_writes.user_id and w.action = lock_writes.action
    for no key update;
    exit when found;
    insert into private.write_windows (user_id, action)
    values (lock_writes.user_id, lock_writes.action)
    on conflict on constraint write_windows_pkey do nothing;
  end loop;
  return written;
end
$$;
comment on function private.lock_writes(uuid, text) is
  'What the user wrote of this kind lately; holds off the user''s other writes of this kind until '
  'the transaction ends.';
revoke all on function private.lock_writes(uuid, text)
  from public, anon, authenticated, service_role;


-- Only what is done is counted: a refusal later in the transaction takes the count back. The row is
-- locked first, so the clock is read in the order in which the writes happen.
create function private.claim_write(
  user_id uuid, action text, out writes_left integer, out reset_seconds integer
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  written private.write_windows := private.lock_writes(claim_write.user_id, claim_write.action);
  moment constant timestamptz := pg_catalog.clock_timestamp();
  this_hour constant integer := pg_catalog.floor(extract(epoch from moment) / 3600)::integer;
  limits private.write_limits[] := array(
    select l from private.write_limits as l where l.action = claim_write.action order by l.seconds
  );
  one private.write_limits;
  used integer;
  hours integer;
  oldest integer;
  -- seconds until the first of those that count no longer counts, and until one more is allowed
  reset integer;
  wait integer;
  longest_wait integer := 0;
  policies text[] := '{}';
  states text[] := '{}';
  headers jsonb;
begin
  -- an operator may take all limits of a kind away
  if pg_catalog.cardinality(limits) = 0 then
    return;
  end if;
  written.recent := array(
    select t from pg_catalog.unnest(written.recent) as t
    where t > moment - pg_catalog.make_interval(
      secs => (select max(l.seconds) from pg_catalog.unnest(limits) as l where l.seconds <= 3600)
    )
    order by t
  ) || moment;
  if this_hour > written.hour then
    written.hourly :=
      pg_catalog.array_fill(0, array[least(this_hour - written.hour, 25)]) || written.hourly;
    written.hourly := written.hourly[:25];
    written.hour := this_hour;
  end if;
  written.hourly[1] := written.hourly[1] + 1;

  foreach one in array limits loop
    if one.seconds <= 3600 then
      used := (
        select pg_catalog.count(*) from pg_catalog.unnest(written.recent) as t
        where t > moment - pg_catalog.make_interval(secs => one.seconds)
      );
      reset := pg_catalog.ceil(
        extract(epoch from written.recent[cardinality(written.recent) - used + 1] - moment)
      ) + one.seconds;
      wait := pg_catalog.ceil(
        extract(
          epoch from
          written.recent[greatest(cardinality(written.recent) - one.allowed, 1)] - moment
        )
      ) + one.seconds;
    else
      -- whole hours, the oldest of which began up to an hour before the span
      hours := pg_catalog.ceil(one.seconds / 3600.0);
      select sum(h.written), max(h.place) filter (where h.written > 0)
      into used, oldest
      from pg_catalog.unnest(written.hourly) with ordinality as h (written, place)
      where h.place <= hours + 1;
      reset := (hours + 2 - oldest) * 3600
        - pg_catalog.floor(extract(epoch from moment))::bigint % 3600;
      wait := reset;
    end if;
    if used > one.allowed then
      longest_wait := greatest(longest_wait, wait, 1);
      reset := greatest(wait, 1);
    end if;
    policies := policies
      || pg_catalog.format('"%s";q=%s;w=%s', one.name, one.allowed, one.seconds);
    states := states
      || pg_catalog.format('"%s";r=%s;t=%s', one.name, greatest(one.allowed - used, 0), reset);
    if writes_left is null then
      writes_left := one.allowed - used;
      reset_seconds := reset;
    end if;
  end loop;

  headers := pg_catalog.jsonb_build_object(
    'RateLimit-Policy', pg_catalog.array_to_string(policies, ', '),
    'RateLimit', pg_catalog.array_to_string(states, ', ')
  );
  if longest_wait > 0 then
    perform private.refuse_until(longest_wait, headers);
  end if;
  update private.write_windows as w
  set recent = written.recent, hour = written.hour, hourly = written.hourly
  where w.user_id = written.user_id and w.action = written.action;
  -- PostgREST adds them to its answer
  perform pg_catalog.set_config(
    'response.headers',
    (
      select pg_catalog.json_agg(pg_catalog.json_build_object(h.key, h.value))
      from pg_catalog.jsonb_each(headers) as h
    )::text,
    true
  );
end
$$;
comment on function private.claim_write(uuid, text) is
  'Counts one write of the user, and sets the RateLimit headers (draft-ietf-httpapi-ratelimit-'
  'headers-10) of the answer; or refuses (rate_limited, with the seconds to wait). Returns how many '
  'are left by the shortest limit, and the seconds until that grows.';
revoke all on function private.claim_write(uuid, text)
  from public, anon, authenticated, service_role;
