-- The last migration. Its functions are there only where all migrations before it were applied, which is
-- how `npm run verify` sees from outside that none is missing. A new migration goes before it.

-- A definer: callers may read no table of private.
create function private.schema_version() returns integer
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform private.require_user();
  return (select s.version from private.schema_version as s);
end
$$;
comment on function private.schema_version is 'Does the work of public.proxy_schema_version.';

create function public.proxy_schema_version() returns integer
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return private.schema_version();
end
$$;
comment on function public.proxy_schema_version is
  'For users: the version of the schema, once all of its migrations were applied. Refusals: unauthorized.';


-- All of this is closed, then opened to those who need it: also where default privileges are open.
revoke all on function private.schema_version, public.proxy_schema_version
from public, anon, authenticated, service_role;
grant execute on function private.schema_version, public.proxy_schema_version to authenticated;
