-- Gateway logins: each gateway has its own, so that a stolen one can be dropped alone.

-- A login that may create temporary objects can shadow a known type's name. No function here
-- searches pg_temp first, and gateways do not need temporary objects, so they may not create any.
-- All other roles keep the right; a role created later needs a grant.
create function proxy_private.withhold_temporary_objects() returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  database_name constant text := current_database();
  role_name text;
begin
  if not exists (
    select
    from pg_database as d,
      aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as a
    where d.datname = database_name and a.grantee = 0 and a.privilege_type = 'TEMPORARY'
  ) then
    return false;
  end if;
  for role_name in
    select r.rolname from pg_roles as r
    where not r.rolsuper
      and not pg_has_role(r.oid, 'proxy_gateway', 'usage')
      and r.rolname !~ '^pg_'
  loop
    execute format('grant temporary on database %I to %I', database_name, role_name);
  end loop;
  execute format('revoke temporary on database %I from public', database_name);
  return true;
end
$$;
comment on function proxy_private.withhold_temporary_objects is
  'Revokes TEMPORARY on this database from PUBLIC, and grants it to every role except the '
  'gateways'', as all had it before. Returns whether PUBLIC had it.';

select proxy_private.withhold_temporary_objects();


create function proxy_private.gateway_login_name(name text) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if (gateway_login_name.name ~ '^[a-z0-9]+(_[a-z0-9]+)*$'
    and octet_length(gateway_login_name.name) <= 40) is not true
  then
    raise exception
      'A gateway''s name has at most 40 lower-case letters, digits and single underscores.'
      using errcode = 'invalid_parameter_value', hint = 'For example: eu_1.';
  end if;
  return 'proxy_gateway_' || gateway_login_name.name;
end
$$;
comment on function proxy_private.gateway_login_name is
  'Returns the role of the gateway with this name. Fails (22023) for an invalid name.';


-- A verifier, not the password: statements may be logged.
create function proxy_private.create_gateway_login(
  name text, password_verifier text, connection_limit integer default 20
) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  login text := proxy_private.gateway_login_name(create_gateway_login.name);
begin
  if (create_gateway_login.password_verifier ~ '^SCRAM-SHA-256\$\d+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$')
    is not true
  then
    raise exception 'The password must be given as a SCRAM-SHA-256 verifier.'
      using errcode = 'invalid_parameter_value',
        hint = 'Run: npm run gateway-login -- create <name>.';
  end if;
  if (create_gateway_login.connection_limit between 1 and 1000) is not true then
    raise exception 'The connection limit must be 1 to 1000.'
      using errcode = 'invalid_parameter_value';
  end if;
  execute format(
    'create role %I with login inherit nosuperuser nocreatedb nocreaterole noreplication
       nobypassrls connection limit %s password %L',
    login, create_gateway_login.connection_limit, create_gateway_login.password_verifier
  );
  execute format('grant proxy_gateway to %I with inherit true, set false', login);
  execute format(
    'comment on role %I is %L', login,
    'A CONNECT gateway. Remove it with: npm run gateway-login -- drop ' || create_gateway_login.name
  );
  return login;
end
$$;
comment on function proxy_private.create_gateway_login is
  'Creates the login proxy_gateway_<name> in the group proxy_gateway, with a connection limit and '
  'a password given as its SCRAM-SHA-256 verifier, and returns the login. Fails (22023) for an '
  'invalid name, verifier or limit, and (42710) if the login exists.';


create function proxy_private.drop_gateway_login(name text) returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  login text := proxy_private.gateway_login_name(drop_gateway_login.name);
  ended integer;
begin
  -- first, so that it opens no new connections
  execute format('alter role %I with nologin', login);
  select count(*) filter (where pg_terminate_backend(a.pid, 5000)) into ended
  from pg_stat_activity as a
  where a.usename = login;
  -- `drop owned` needs this membership; it drops all that the login created, large objects too
  execute format('grant %I to %I with inherit true', login, current_user);
  execute format('drop owned by %I', login);
  execute format('drop role %I', login);
  return ended;
end
$$;
comment on function proxy_private.drop_gateway_login is
  'Closes the connections of the gateway''s login, drops it with all that it created in this '
  'database, and returns how many connections were closed. Fails (42704) if no such login exists. '
  'A login that reconnects meanwhile keeps a connection without rights: `npm run gateway-login -- '
  'drop` prevents that by committing NOLOGIN first.';


-- Revoke everything, even if default privileges are open.
revoke all on function
  proxy_private.withhold_temporary_objects, proxy_private.gateway_login_name, proxy_private.create_gateway_login,
  proxy_private.drop_gateway_login
from public, anon, authenticated, service_role;
