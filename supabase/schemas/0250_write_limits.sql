-- Limits on writes: without them, one user could grow the append-only tables without bound, and
-- monopolize the database.

create table proxy_private.write_limits (
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
comment on table proxy_private.write_limits is
  'How many writes of each kind a user may make within a number of seconds; operators may change '
  'the rows. `change` covers updates and deletions of a user''s own keys, `administer` all writes '
  'by admins. Spans of up to an hour are exact; longer ones are counted in whole hours, and may '
  'refuse a write too early.';
comment on column proxy_private.write_limits.name is 'The policy''s name in the RateLimit headers.';
alter table proxy_private.write_limits enable row level security;

insert into proxy_private.write_limits (name, action, allowed, seconds) values
  ('rotate', 'rotate', 5, 60),
  ('mint', 'mint', 60, 60),
  ('mint_daily', 'mint', 1000, 86400),
  ('change', 'change', 120, 60),
  ('change_daily', 'change', 5000, 86400),
  ('administer', 'administer', 600, 60),
  ('administer_daily', 'administer', 20000, 86400);


create table proxy_private.write_windows (
  user_id uuid not null references auth.users (id) on delete cascade,
  action text not null,
  recent timestamptz[] not null default '{}',
  hour integer not null default 0,
  hourly integer[] not null default '{}',
  primary key (user_id, action)
) with (fillfactor = 70);
comment on table proxy_private.write_windows is
  'A user''s recent writes, one row per kind of write: at most four rows per user, of about 1 kB '
  'each. Each row is also the lock that serializes one user''s writes of that kind.';
comment on column proxy_private.write_windows.recent is
  'The times of the writes within the longest exact span, newest last.';
comment on column proxy_private.write_windows.hour is
  'The hour of the first element of `hourly`, in hours since 1970.';
comment on column proxy_private.write_windows.hourly is
  'The number of writes in that hour and in each of the 24 hours before it, newest first.';
alter table proxy_private.write_windows enable row level security;


create function proxy_private.lock_writes(
  user_id uuid, action text, out recent timestamptz[], out hour integer, out hourly integer[]
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  loop
    select w.recent, w.hour, w.hourly into recent, hour, hourly
    from proxy_private.write_windows as w
    where w.user_id = lock_writes.user_id and w.action = lock_writes.action
    for no key update;
    exit when found;
    insert into proxy_private.write_windows (user_id, action)
    values (lock_writes.user_id, lock_writes.action)
    on conflict on constraint write_windows_pkey do nothing;
  end loop;
end
$$;
comment on function proxy_private.lock_writes is
  'The user''s recent writes of this kind. Blocks the user''s other writes of this kind until the '
  'transaction ends.';


-- Only completed writes count: a refusal later in the transaction rolls the count back. The row is
-- locked first, so the clock is read in the order of the writes.
create function proxy_private.claim_write(
  user_id uuid, action text, out writes_left integer, out reset_seconds integer
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  longest_exact constant integer := 3600;
  written record := proxy_private.lock_writes(claim_write.user_id, claim_write.action);
  before constant integer := cardinality(written.recent);
  -- never earlier than the last write: the search below needs a sorted list
  moment constant timestamptz :=
    greatest(clock_timestamp(), written.recent[before]);
  -- a double: extract returns numeric, which is several times slower
  now_at constant double precision := date_part('epoch', moment);
  this_hour constant integer := floor(now_at / 3600);
  counts integer[] := written.hourly;
  policy text;
  allowed integer;
  span integer;
  -- how many logged writes are older than the span; after the loop, than the longest exact span
  gone integer;
  hours integer;
  used integer;
  -- seconds until the oldest counted write leaves the span; over the limit, until enough writes
  -- have left it
  reset integer;
  longest_wait integer := 0;
  policies text := '';
  states text := '';
begin
  if this_hour > written.hour then
    counts := array_fill(0, array[least(this_hour - written.hour, 25)]) || counts;
    counts := counts[:25];
  end if;
  counts[1] := counts[1] + 1;

  for policy, allowed, span in
    select l.name, l.allowed, l.seconds
    from proxy_private.write_limits as l
    where l.action = claim_write.action
    order by l.seconds
  loop
    if span <= longest_exact then
      gone := width_bucket(moment - make_interval(secs => span), written.recent);
      used := before - gone + 1;
      reset := span + ceil(date_part('epoch', coalesce(written.recent[gone + 1], moment)) - now_at);
    else
      -- whole hours, the oldest of which starts up to an hour before the span
      hours := (span + 3599) / 3600;
      used := 0;
      for place in 1 .. least(hours + 1, cardinality(counts)) loop
        continue when counts[place] = 0;
        used := used + counts[place];
        reset := (hours + 2 - place) * 3600;
      end loop;
      reset := reset - floor(now_at - this_hour * 3600.0::double precision);
    end if;
    if used > allowed then
      if span <= longest_exact then
        reset := span + ceil(date_part('epoch', written.recent[before - allowed + 1]) - now_at);
      end if;
      reset := greatest(reset, 1);
      longest_wait := greatest(longest_wait, reset);
    end if;
    policies := policies || ', "' || policy || '";q=' || allowed || ';w=' || span;
    states := states || ', "' || policy || '";r=' || greatest(allowed - used, 0) || ';t=' || reset;
    writes_left := coalesce(writes_left, allowed - used);
    reset_seconds := coalesce(reset_seconds, reset);
  end loop;
  policies := substring(policies from 3);
  states := substring(states from 3);

  if longest_wait > 0 then
    perform proxy_private.refuse_until(
      longest_wait,
      jsonb_build_object('RateLimit-Policy', policies, 'RateLimit', states)
    );
  end if;
  update proxy_private.write_windows as w
  set recent = written.recent[coalesce(gone, before) + 1:] || moment,
    hour = greatest(w.hour, this_hour), hourly = counts
  where w.user_id = claim_write.user_id and w.action = claim_write.action;
  -- an operator may delete all limits of a kind
  if policies <> '' then
    -- PostgREST adds these headers to its answer
    perform set_config(
      'response.headers',
      json_build_array(
        json_build_object('RateLimit-Policy', policies),
        json_build_object('RateLimit', states)
      )::text,
      true
    );
  end if;
end
$$;
comment on function proxy_private.claim_write is
  'Counts one write of the user and sets the response''s RateLimit headers '
  '(draft-ietf-httpapi-ratelimit-headers-10), or refuses it (rate_limited, with the seconds to '
  'wait). Returns how many writes the shortest limit still allows, and the seconds until that '
  'number grows.';


-- Default privileges may grant too much: revoke all.
revoke all on table
  proxy_private.write_limits, proxy_private.write_windows
from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.lock_writes, proxy_private.claim_write
from public, anon, authenticated, service_role;
