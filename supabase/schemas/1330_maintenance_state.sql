-- The state of maintenance, for gateways: their metrics are where an operator's alerts look.

create index maintenance_log_task_idx on proxy_private.maintenance_log (task, ran_at desc);
comment on index proxy_private.maintenance_log_task_idx is 'Finds the last run of a task.';

create type gateway.maintenance_state_row as (finished_at timestamptz, problems integer);
comment on type gateway.maintenance_state_row is
  'When the task of maintenance that waits longest ran last, null where one never ran; and how many '
  'reports of the tasks'' last runs need a person.';

-- A definer: the gateway may read no table.
create function gateway.maintenance_state() returns gateway.maintenance_state_row
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  answer gateway.maintenance_state_row;
begin
  -- null in a task that never ran makes the whole null
  select
    case when count(r.ran_at) = count(*) then min(r.ran_at) end,
    coalesce(sum(r.problems), 0)
  into answer.finished_at, answer.problems
  from unnest(
    array['reconcile', 'retention', 'partitions', 'accounts', 'privileges', 'alerts']
  ) as t
  left join lateral (
    select
      l.ran_at,
      count(*) filter (where l.outcome in ('found', 'kept', 'skipped', 'failed')) as problems
    from proxy_private.maintenance_log as l
    where l.task = t
    group by l.ran_at
    order by l.ran_at desc
    limit 1
  ) as r on true;
  return answer;
end
$$;
comment on function gateway.maintenance_state is
  'When the task of maintenance that waits longest ran last, and how many reports of the tasks'' last '
  'runs need a person. Reads only.';


-- All of this is closed, then opened to those who need it: also where default privileges are open.
revoke all on function gateway.maintenance_state from public, anon, authenticated, service_role;
grant execute on function gateway.maintenance_state to proxy_gateway;
