-- Retention of the rollups by target and by outcome, which have a separate retention period.

create function proxy_private.drop_old_targets(most integer default 1000000) returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  piece constant integer := 20000;
  first_kept constant date := proxy_private.first_kept_target_day();
  removed bigint := 0;
  found_rows bigint;
  statement text;
begin
  -- not an array: `supabase db lint` takes the whole array for the statement
  for statement in values
    ('delete from proxy_private.proxy_usage_targets where ctid = any (array(
       select t.ctid from proxy_private.proxy_usage_targets as t where t.day < $1 limit $2))'),
    ('delete from proxy_private.proxy_usage_target_days where ctid = any (array(
       select d.ctid from proxy_private.proxy_usage_target_days as d where d.day < $1 limit $2))'),
    ('delete from proxy_private.proxy_usage_outcomes where ctid = any (array(
       select o.ctid from proxy_private.proxy_usage_outcomes as o where o.hour < $1::timestamptz limit $2))')
  loop
    loop
      exit when removed >= drop_old_targets.most;
      execute statement using first_kept, least(piece, drop_old_targets.most - removed);
      get diagnostics found_rows = row_count;
      removed := removed + found_rows;
      exit when found_rows = 0;
    end loop;
  end loop;
  return removed;
end
$$;
comment on function proxy_private.drop_old_targets is
  'Deletes the rollups by target and outcome of days older than proxy_private.maintenance_settings '
  'keeps, at most `most` rows, and returns how many. No event raises these rows any more.';


-- Revoke everything, even if default privileges are open.
revoke all on function proxy_private.drop_old_targets from public, anon, authenticated, service_role;
