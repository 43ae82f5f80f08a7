-- Rollups by outcome: how requests ended in each hour, including refusals, for each key and for all
-- keys of a user.

create table proxy_private.outcomes (
  outcome text primary key,
  kind text not null,
  how_to_fix text,
  constraint "an outcome is snake case" check (outcome ~ '^[a-z]+(_[a-z]+)*$'),
  constraint "an outcome is served, refused or failed" check (kind in ('ok', 'refused', 'failed')),
  constraint "what was not served can be fixed" check ((kind = 'ok') = (how_to_fix is null))
);
comment on table proxy_private.outcomes is
  'Every possible outcome of a request with a key in service: ok, the code of a refusal or '
  'failure, or other for a code that is not listed.';
comment on column proxy_private.outcomes.how_to_fix is 'What the developer can do about it.';
alter table proxy_private.outcomes enable row level security;

insert into proxy_private.outcomes (kind, outcome, how_to_fix) values
  ('ok', 'ok', null),
  (
    'failed', 'target_unreachable',
    'Check that the host exists and accepts connections on this port. If it does, it may block the '
      'addresses of the gateway.'
  ),
  (
    'failed', 'target_timeout',
    'The target did not accept a connection within 15 seconds: try again later, and less often.'
  ),
  (
    'failed', 'target_response_invalid',
    'The target did not answer with valid HTTP: check the port, and use CONNECT if it speaks TLS.'
  ),
  (
    'failed', 'client_closed_request',
    'Your client closed the connection before the gateway answered: set its timeout to more than '
      '15 seconds.'
  ),
  (
    'refused', 'malformed_request',
    'Send CONNECT host:port or an absolute http:// URL, with a valid host name or address.'
  ),
  (
    'refused', 'quota_exceeded',
    'The bandwidth of this key is used up: wait for the next month, use another key of your '
      'account, or ask the operator for more.'
  ),
  (
    'refused', 'account_quota_exceeded',
    'The bandwidth of all your keys of this tier is used up: wait for the next month, or ask the '
      'operator for more.'
  ),
  ('refused', 'port_forbidden', 'Connect to port 80, 443, 8080 or 8443.'),
  (
    'refused', 'target_forbidden',
    'Connect to a public address: private, loopback and link-local addresses are always refused.'
  ),
  (
    'refused', 'address_forbidden',
    'Connect from an address that the key allows, or add yours to its allowed ranges.'
  ),
  (
    'refused', 'rate_limited',
    'Start fewer requests per second, wait for the time in Retry-After, or use a tier with a '
      'higher rate limit.'
  ),
  (
    'refused', 'tunnel_limit_reached',
    'Close tunnels that you no longer use, and reuse open ones.'
  ),
  ('refused', 'internal', 'Try again. If it happens again, send the request id to the operator.'),
  ('refused', 'unavailable', 'Wait for the time in Retry-After, then try again.'),
  ('refused', 'other', 'Look at the code in the events.');


create table proxy_private.proxy_usage_outcomes (
  subject uuid not null,
  hour timestamptz not null,
  requests bigint not null,
  bytes_sent bigint not null,
  bytes_received bigint not null,
  billed_bytes bigint not null,
  outcome text collate "C" not null,
  primary key (subject, hour, outcome)
) with (fillfactor = 70);
comment on table proxy_private.proxy_usage_outcomes is
  'Requests per hour (UTC) and outcome, for each key and for all keys of a user. Every event adds '
  'to it: refusals count as requests here.';
comment on column proxy_private.proxy_usage_outcomes.subject is
  'The id of a key or of a user. Both are random, so they do not collide.';
comment on column proxy_private.proxy_usage_outcomes.billed_bytes is
  'The part of the bytes sent and received that live keys moved.';
comment on column proxy_private.proxy_usage_outcomes.outcome is 'A row of proxy_private.outcomes.';
alter table proxy_private.proxy_usage_outcomes enable row level security;
-- finds old rows; hours arrive in order, so the index is tiny
create index proxy_usage_outcomes_hour on proxy_private.proxy_usage_outcomes using brin (hour);


create function proxy_private.outcome_of(code text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return case
    when outcome_of.code is null then 'ok'
    when exists (
      select from proxy_private.outcomes as o where o.outcome = outcome_of.code and o.kind <> 'ok'
    ) then outcome_of.code
    else 'other'
  end;
end
$$;
comment on function proxy_private.outcome_of is
  'The outcome of an event with this code. An unknown code becomes other, so that the number of '
  'rows stays bounded.';

create function proxy_private.raise_outcome_rollups(raised proxy_private.raised_usage[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  most_bytes constant bigint := 9007199254740991;
  first_at constant timestamptz := proxy_private.first_kept_target_day();
begin
  with by_code as materialized (
    select
      c.api_key_id, date_trunc('hour', c.occurred_at) as hour, c.code,
      sum(c.requests) as requests, sum(c.bytes_sent) as bytes_sent,
      sum(c.bytes_received) as bytes_received
    from (
      -- if the row's code changed, everything moves to the new code, else only the difference
      -- counts
      select
        r.api_key_id, r.occurred_at, r.code,
        r.count - case when m.moved then 0 else r.count_before end as requests,
        r.bytes_sent + case when m.moved then r.sent_before else 0 end as bytes_sent,
        r.bytes_received + case when m.moved then r.received_before else 0 end as bytes_received
      from unnest(raised) as r
      cross join lateral (select r.code is distinct from r.code_before as moved) as m
      union all
      select
        r.api_key_id, r.occurred_at, r.code_before,
        -r.count_before, -r.sent_before, -r.received_before
      from unnest(raised) as r
      where r.code is distinct from r.code_before
        and (r.count_before, r.sent_before, r.received_before) <> (0, 0, 0)
    ) as c
    where c.occurred_at >= first_at
    group by 1, 2, 3
  ),
  by_key as materialized (
    select
      b.api_key_id, b.hour,
      case when b.code is null then 'ok' else proxy_private.outcome_of(b.code) end collate "C" as outcome,
      least(sum(b.requests), most_bytes) as requests,
      least(sum(b.bytes_sent), most_bytes) as bytes_sent,
      least(sum(b.bytes_received), most_bytes) as bytes_received
    from by_code as b
    where (b.requests, b.bytes_sent, b.bytes_received) <> (0, 0, 0)
    group by 1, 2, 3
  ),
  owned as materialized (
    select
      b.*, k.user_id,
      case when k.live_mode then least(b.bytes_sent + b.bytes_received, most_bytes) else 0 end
        as billed_bytes
    from by_key as b
    join proxy_private.proxy_keys as k on k.id = b.api_key_id
  )
  insert into proxy_private.proxy_usage_outcomes as o (
    subject, hour, outcome, requests, bytes_sent, bytes_received, billed_bytes
  )
  select s.* from (
    select
      w.api_key_id, w.hour, w.outcome, w.requests, w.bytes_sent, w.bytes_received, w.billed_bytes
    from owned as w
    union all
    select
      w.user_id, w.hour, w.outcome, sum(w.requests), least(sum(w.bytes_sent), most_bytes),
      least(sum(w.bytes_received), most_bytes), least(sum(w.billed_bytes), most_bytes)
    from owned as w
    where w.user_id is not null
    group by 1, 2, 3
  ) as s (subject, hour, outcome, requests, bytes_sent, bytes_received, billed_bytes)
  order by s.subject, s.hour, s.outcome
  on conflict (subject, hour, outcome) do update set
    requests = greatest(o.requests + excluded.requests, 0),
    bytes_sent = greatest(least(o.bytes_sent + excluded.bytes_sent, most_bytes), 0),
    bytes_received = greatest(least(o.bytes_received + excluded.bytes_received, most_bytes), 0),
    billed_bytes = greatest(least(o.billed_bytes + excluded.billed_bytes, most_bytes), 0);
end
$$;
comment on function proxy_private.raise_outcome_rollups is
  'Raises the rollups by outcome for each key and its user, in the hours that are kept. If the '
  'code of a row has changed, its usage moves to the new outcome.';


-- Default privileges may grant too much: revoke all.
revoke all on table
  proxy_private.outcomes, proxy_private.proxy_usage_outcomes
from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.outcome_of, proxy_private.raise_outcome_rollups
from public, anon, authenticated, service_role;
