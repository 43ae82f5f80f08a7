-- The end. These functions are there only where all files before this one were applied, which is how Edge
-- Functions and `npm run verify` see from outside that nothing is missing. A new file goes before it.

create type public.proxy_schema_version as (version integer, oldest_functions_version integer);
comment on type public.proxy_schema_version is
  'The version of the schema, and the oldest Edge Functions that it still serves.';

-- A definer: callers may read no table of proxy_private.
create function proxy_private.schema_version() returns public.proxy_schema_version
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  answer public.proxy_schema_version;
begin
  perform proxy_private.require_user();
  select s.version, s.oldest_functions_version into answer from proxy_private.schema_version as s;
  return answer;
end
$$;
comment on function proxy_private.schema_version is 'Does the work of public.proxy_schema_version.';

create function public.proxy_schema_version() returns public.proxy_schema_version
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.schema_version();
end
$$;
comment on function public.proxy_schema_version is
  'For users: the version of the schema, and of the oldest Edge Functions that it serves, once all of its '
  'migrations were applied. Refusals: unauthorized.';


-- All of this is closed, then opened to those who need it: also where default privileges are open.
revoke all on function proxy_private.schema_version, public.proxy_schema_version
from public, anon, authenticated, service_role;
grant execute on function proxy_private.schema_version, public.proxy_schema_version to authenticated;
