-- Schema version: gateways and Edge Functions check it, so that they do not run against a
-- schema that they do not know. A migration that changes what they rely on (the functions of schema
-- gateway, the channel proxy_key_changed, the RPCs) raises `version`. If earlier gateways or Edge
-- Functions would no longer work, it also raises `oldest_gateway_version` or
-- `oldest_functions_version`.

create table proxy_private.schema_version (
  -- one row
  id boolean primary key default true check (id),
  version integer not null check (version > 0),
  oldest_gateway_version integer not null check (oldest_gateway_version > 0),
  oldest_functions_version integer not null check (oldest_functions_version > 0)
);
comment on table proxy_private.schema_version is
  'One row: the version of what gateways and Edge Functions rely on, and the oldest version of '
  'each that still works with it.';
comment on column proxy_private.schema_version.version is
  'Each migration that changes what gateways or Edge Functions rely on raises it.';
comment on column proxy_private.schema_version.oldest_gateway_version is
  'Gateways with a lower version report not ready: they would misread the schema, or miss a part '
  'of it.';
comment on column proxy_private.schema_version.oldest_functions_version is
  'Edge Functions with a lower version answer 503: they would misread the schema, or miss a part '
  'of it.';
alter table proxy_private.schema_version enable row level security;
insert into proxy_private.schema_version (version, oldest_gateway_version, oldest_functions_version)
values (1, 1, 1);


create function proxy_private.keep_schema_version() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'The schema has exactly one version: update its row.'
    using errcode = 'check_violation';
end
$$;
comment on function proxy_private.keep_schema_version is
  'Trigger: refuses (23514) to delete the row of proxy_private.schema_version.';

create trigger keep_schema_version before delete or truncate on proxy_private.schema_version
for each statement execute function proxy_private.keep_schema_version();
comment on trigger keep_schema_version on proxy_private.schema_version is
  'Without the row, gateways report not ready.';


create type gateway.schema_version_row as (version integer, oldest_gateway_version integer);
comment on type gateway.schema_version_row is
  'The version of what gateways rely on, and the oldest gateway version that still works with it.';

-- SECURITY DEFINER: the gateway may not read tables.
create function gateway.schema_version() returns gateway.schema_version_row
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  answer gateway.schema_version_row;
begin
  select s.version, s.oldest_gateway_version into answer from proxy_private.schema_version as s;
  return answer;
end
$$;
comment on function gateway.schema_version is
  'The version of what gateways rely on, and the oldest gateway version that still works with it. '
  'Read-only.';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on table proxy_private.schema_version from public, anon, authenticated, service_role;
revoke all on function proxy_private.keep_schema_version, gateway.schema_version
from public, anon, authenticated, service_role;
grant execute on function gateway.schema_version to proxy_gateway;
