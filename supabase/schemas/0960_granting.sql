-- Granting: admins grant users the tiers that are not self-serve, and revoke those grants.

create type public.proxy_tier_grant as (
  id uuid,
  user_id uuid,
  tier text,
  granted_at timestamptz,
  granted_by uuid,
  reason text
);
comment on type public.proxy_tier_grant is
  'A user''s permission to mint keys of a tier. granted_by is the admin, or null for a grant made '
  'in SQL.';


create function proxy_private.require_grantee("user" text, tier text) returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  user_id uuid := proxy_private.find_user(require_grantee."user");
begin
  if require_grantee.tier is null then
    perform proxy_private.refuse('invalid_request', 'tier');
  end if;
  perform proxy_private.require_tier(require_grantee.tier);
  if require_grantee."user" is null then
    perform proxy_private.refuse('invalid_request', 'user');
  end if;
  -- a removal of the account happens entirely before or after this transaction
  perform from auth.users as u where u.id = user_id for key share;
  if not found then
    perform proxy_private.refuse('user_not_found');
  end if;
  return user_id;
end
$$;
comment on function proxy_private.require_grantee is
  'Returns the id of the named user, whose account cannot be removed until the transaction ends. '
  'Refuses a missing user or a missing or unknown tier (invalid_request), and an unknown user '
  '(user_not_found).';


-- Security definer: callers may not write grants.
create function proxy_private.grant_proxy_tier("user" text, tier text, reason text)
returns public.proxy_tier_grant
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  admin_id uuid := proxy_private.require_admin_writer();
  grantee uuid;
  clean_reason text;
  made public.proxy_tier_grant;
begin
  clean_reason := proxy_private.require_reason(grant_proxy_tier.reason);
  grantee := proxy_private.require_grantee(grant_proxy_tier."user", grant_proxy_tier.tier);
  perform proxy_private.give_reason(clean_reason);
  -- a conflicting grant may be revoked before it is read: then try again
  while made.id is null loop
    insert into proxy_private.proxy_tier_grants (user_id, tier, granted_by, reason)
    values (grantee, grant_proxy_tier.tier, admin_id, clean_reason)
    on conflict on constraint "a tier is granted to a user once" do nothing;
    if found then
      perform proxy_private.claim_write(admin_id, 'administer');
    end if;
    select g.id, g.user_id, g.tier, g.granted_at, g.granted_by, g.reason into made
    from proxy_private.proxy_tier_grants as g
    where g.user_id = grantee and g.tier = grant_proxy_tier.tier;
  end loop;
  perform proxy_private.give_reason(null);
  return made;
end
$$;
comment on function proxy_private.grant_proxy_tier is 'Does the work of public.grant_proxy_tier.';

create function public.grant_proxy_tier("user" text, tier text, reason text)
returns public.proxy_tier_grant
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.grant_proxy_tier(
    grant_proxy_tier."user", grant_proxy_tier.tier, grant_proxy_tier.reason
  );
end
$$;
comment on function public.grant_proxy_tier is
  'For admins: lets a user (id or e-mail address) mint keys of a tier. An existing grant is '
  'returned unchanged. Refusals: unauthorized, forbidden, invalid_request (detail: the argument), '
  'user_not_found, rate_limited (detail: seconds to wait).';


-- Security definer: callers may not write grants.
create function proxy_private.revoke_proxy_tier("user" text, tier text, reason text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  admin_id uuid := proxy_private.require_admin_writer();
  grantee uuid;
  clean_reason text;
begin
  clean_reason := proxy_private.require_reason(revoke_proxy_tier.reason);
  grantee := proxy_private.require_grantee(revoke_proxy_tier."user", revoke_proxy_tier.tier);
  perform proxy_private.give_reason(clean_reason);
  delete from proxy_private.proxy_tier_grants as g
  where g.user_id = grantee and g.tier = revoke_proxy_tier.tier;
  if found then
    perform proxy_private.claim_write(admin_id, 'administer');
  end if;
  perform proxy_private.give_reason(null);
end
$$;
comment on function proxy_private.revoke_proxy_tier is 'Does the work of public.revoke_proxy_tier.';

create function public.revoke_proxy_tier("user" text, tier text, reason text) returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  perform proxy_private.revoke_proxy_tier(
    revoke_proxy_tier."user", revoke_proxy_tier.tier, revoke_proxy_tier.reason
  );
end
$$;
comment on function public.revoke_proxy_tier is
  'For admins: revokes a user''s (id or e-mail address) grant of a tier; without such a grant it '
  'does nothing. Existing keys keep working: suspend those that should not. Refusals: '
  'unauthorized, forbidden, invalid_request (detail: the argument), user_not_found, rate_limited '
  '(detail: seconds to wait).';


-- Security definer: it reads every user's grants for an admin.
create function proxy_private.list_proxy_tier_grants(
  "limit" integer, cursor text, "user" text, tier text
) returns public.proxy_page
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  place record;
  most integer;
  wanted_tier text;
  owner_id uuid;
begin
  perform proxy_private.require_admin();
  place := proxy_private.decode_cursor(list_proxy_tier_grants.cursor);
  most := proxy_private.require_limit(coalesce(list_proxy_tier_grants."limit", 50));
  wanted_tier := proxy_private.require_tier(list_proxy_tier_grants.tier);
  if list_proxy_tier_grants."user" is not null then
    owner_id := proxy_private.find_user(list_proxy_tier_grants."user");
    if owner_id is null then
      return ('[]'::json, null)::public.proxy_page;
    end if;
  end if;
  return proxy_private.make_page(
    (
      select jsonb_agg(
        to_jsonb(g) || jsonb_build_object(
          'email', (select u.email from auth.users as u where u.id = g.user_id)
        ) order by g.granted_at desc, g.id desc
      )
      from (
        select t.*
        from proxy_private.proxy_tier_grants as t
        where (t.granted_at, t.id) < (place.moment, place.id)
          and (owner_id is null or t.user_id = owner_id)
          and (wanted_tier is null or t.tier = wanted_tier)
        order by t.granted_at desc, t.id desc
        limit most + 1
      ) as g
    ),
    most, 'granted_at', 'id'
  );
end
$$;
comment on function proxy_private.list_proxy_tier_grants is
  'Does the work of public.list_proxy_tier_grants.';

create function public.list_proxy_tier_grants(
  "limit" integer default 50,
  cursor text default null,
  "user" text default null,
  tier text default null
) returns public.proxy_page
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.list_proxy_tier_grants(
    list_proxy_tier_grants."limit", list_proxy_tier_grants.cursor,
    list_proxy_tier_grants."user", list_proxy_tier_grants.tier
  );
end
$$;
comment on function public.list_proxy_tier_grants is
  'For admins: the grants of all users, newest first, with the user''s `email`; `limit` (1 to 200, '
  'default 50) per page, from `cursor` on. Filters: user (id or e-mail address), tier. Refusals: '
  'unauthorized, forbidden, invalid_request (detail: the argument).';


-- Security definer: callers may not read tables.
create function proxy_private.own_tier_grants() returns setof public.proxy_tier_grant
language plpgsql stable security definer rows 3
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_user();
begin
  return query
  select g.id, g.user_id, g.tier, g.granted_at, g.granted_by, g.reason
  from proxy_private.proxy_tier_grants as g
  where g.user_id = owner_id
  order by g.granted_at desc, g.id desc;
end
$$;
comment on function proxy_private.own_tier_grants is
  'Does the work of public.list_own_proxy_tier_grants.';

create function public.list_own_proxy_tier_grants() returns setof public.proxy_tier_grant
language plpgsql stable security invoker rows 3
set search_path = pg_catalog, pg_temp
as $$
begin
  return query select g.* from proxy_private.own_tier_grants() as g;
end
$$;
comment on function public.list_own_proxy_tier_grants is
  'Returns the caller''s tier grants, newest first. Refusals: unauthorized.';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.require_grantee, proxy_private.grant_proxy_tier, public.grant_proxy_tier,
  proxy_private.revoke_proxy_tier, public.revoke_proxy_tier, proxy_private.list_proxy_tier_grants,
  public.list_proxy_tier_grants, proxy_private.own_tier_grants, public.list_own_proxy_tier_grants
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.grant_proxy_tier, public.grant_proxy_tier, proxy_private.revoke_proxy_tier,
  public.revoke_proxy_tier, proxy_private.list_proxy_tier_grants, public.list_proxy_tier_grants,
  proxy_private.own_tier_grants, public.list_own_proxy_tier_grants
to authenticated;
