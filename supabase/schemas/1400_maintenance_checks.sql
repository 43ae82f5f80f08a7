-- Checks: what a dump, a copy or an operator may have changed outside the migrations.

-- A dump of the project omits the trigger in Supabase Auth's own schema.
create function proxy_private.report_accounts() returns proxy_private.maintenance_report
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  repaired integer;
begin
  update proxy_private.proxy_keys as k
  set owner_barred_until = proxy_private.barred_until(u.banned_until, u.deleted_at)
  from auth.users as u
  where u.id = k.user_id
    and k.deleted_at is null
    and k.owner_barred_until is distinct from proxy_private.barred_until(u.banned_until, u.deleted_at);
  get diagnostics repaired = row_count;
  if not exists (
    select from pg_trigger as t
    where t.tgrelid = 'auth.users'::regclass and t.tgname = 'bar_keys' and t.tgenabled in ('O', 'A')
  ) then
    return (
      'accounts', null, 'found',
      'The trigger bar_keys on auth.users is missing: bans reach keys only through maintenance.'
    )::proxy_private.maintenance_report;
  end if;
  return (
    'accounts', null, case when repaired = 0 then 'unchanged' else 'repaired' end,
    format('%s keys did not match their owner''s account.', repaired)
  )::proxy_private.maintenance_report;
end
$$;
comment on function proxy_private.report_accounts is
  'Updates what keys store about their owners'' accounts from Supabase Auth, and reports the '
  'trigger there if it is missing.';


-- Neither `create database … template` nor `pg_dump` without `--create` copies roles and the
-- privileges on a database, and no migration runs again.
create function proxy_private.report_privileges() returns setof proxy_private.maintenance_report
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  repaired boolean := proxy_private.withhold_temporary_objects();
begin
  if repaired then
    return query
    select
      'privileges', null::date, 'repaired', 'PUBLIC had TEMPORARY on this database.';
  end if;
  return query
  with logins as (
    select r.*
    from pg_roles as r
    join pg_auth_members as m on m.member = r.oid
    where m.roleid = 'proxy_gateway'::regrole and m.inherit_option
  ),
  wrong as (
    select 'Role proxy_gateway can log in, but must only be a group.' as detail
    from pg_roles as r where r.rolname = 'proxy_gateway' and r.rolcanlogin
    union all
    select format('%s may create temporary objects in this database.', l.rolname)
    from logins as l
    where has_database_privilege(l.oid, current_database(), 'TEMPORARY')
    union all
    select format('%s may create objects in schema %s.', l.rolname, n.nspname)
    from logins as l
    join pg_namespace as n on n.nspname in ('public', 'proxy_private', 'gateway')
    where has_schema_privilege(l.oid, n.oid, 'CREATE')
    union all
    select format('%s has no connection limit.', l.rolname)
    from logins as l where l.rolconnlimit < 0
    union all
    select format('%s has a role attribute that a gateway does not need.', l.rolname)
    from logins as l
    where l.rolsuper or l.rolcreaterole or l.rolcreatedb or l.rolreplication or l.rolbypassrls
    union all
    select format('%s is also a member of %s.', l.rolname, m.roleid::regrole)
    from logins as l join pg_auth_members as m on m.member = l.oid
    where m.roleid <> 'proxy_gateway'::regrole
    union all
    select format(
      '%s owns %s large objects, which no gateway creates.', l.rolname, count(*)
    )
    from logins as l
    join pg_largeobject_metadata as o on o.lomowner = l.oid
    group by l.rolname
  )
  select 'privileges', null::date, 'found', w.detail from wrong as w;
  if not found and not repaired then
    return query
    select
      'privileges', null::date, 'unchanged',
      'The gateways'' logins have only the privileges that they need.';
  end if;
end
$$;
comment on function proxy_private.report_privileges is
  'Runs proxy_private.withhold_temporary_objects, and reports each right that a gateway''s login '
  'should not have, and large objects that it created.';


-- Revoke everything, even if default privileges are open.
revoke all on function
  proxy_private.report_accounts, proxy_private.report_privileges
from public, anon, authenticated, service_role;
