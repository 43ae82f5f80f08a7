-- The state of maintenance, for gateways: operators' alerts watch the gateways' metrics.

create index maintenance_log_task_idx on proxy_private.maintenance_log (task, ran_at desc);
comment on index proxy_private.maintenance_log_task_idx is 'Finds the last run of a task.';

create type gateway.maintenance_state_row as (finished_at timestamptz, problems integer);
comment on type gateway.maintenance_state_row is
  'The oldest of the maintenance tasks'' last runs (finished_at, null if a task has never run), '
  'and how many reports of those runs need an operator (problems).';

-- Security definer: the gateway may not read tables.
create function gateway.maintenance_state() returns gateway.maintenance_state_row
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  answer gateway.maintenance_state_row;
begin
  -- null if any task has never run
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
  'Returns the oldest of the maintenance tasks'' last runs, and how many reports of those runs '
  'need an operator. Read only.';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function gateway.maintenance_state from public, anon, authenticated, service_role;
grant execute on function gateway.maintenance_state to proxy_gateway;
