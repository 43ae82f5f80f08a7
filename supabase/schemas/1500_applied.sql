-- The end. These functions exist only if all earlier files were applied, which is how Edge
-- Functions and `npm run verify` see from outside that nothing is missing. A new file goes before
-- this one.

create type public.proxy_schema_version as (version integer, oldest_functions_version integer);
comment on type public.proxy_schema_version is
  'The version of the schema, and the oldest version of the Edge Functions that it supports.';

-- Security definer: callers may not read tables of proxy_private.
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
  'For signed-in users: the version of the schema and the oldest version of the Edge Functions '
  'that it supports, once all migrations were applied. Refusals: unauthorized.';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function proxy_private.schema_version, public.proxy_schema_version
from public, anon, authenticated, service_role;
grant execute on function proxy_private.schema_version, public.proxy_schema_version to authenticated;
