-- Users by usage: admins see which users transfer the most this month.

-- Security definer: it reads every user's usage for an admin.
create function proxy_private.list_proxy_users("limit" integer, cursor text, "user" text)
returns public.proxy_page
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
-- read in index order, so that a page reads only its own rows
set enable_sort = off
as $$
declare
  this_month constant date := date_trunc('month', now() at time zone 'UTC');
  -- the largest integer that a JSON number holds exactly
  most_bytes constant bigint := 9007199254740991;
  place record;
  most integer;
  found proxy_private.proxy_user_monthly[];
  answer public.proxy_page;
begin
  perform proxy_private.require_admin();
  place := proxy_private.decode_place(list_proxy_users.cursor, most_bytes);
  most := proxy_private.require_limit(coalesce(list_proxy_users."limit", 50));
  if list_proxy_users."user" is not null then
    found := array(
      select (u.id, this_month, coalesce(m.bytes, 0))::proxy_private.proxy_user_monthly
      from proxy_private.find_user(list_proxy_users."user") as u (id)
      left join proxy_private.proxy_user_monthly as m on m.user_id = u.id and m.month = this_month
      where u.id is not null and list_proxy_users.cursor is null
    );
  else
    found := array(
      select m from proxy_private.proxy_user_monthly as m
      where m.month = this_month and m.bytes > 0
        and (m.bytes, m.user_id) < (
          coalesce(place.rank, most_bytes),
          coalesce(place.id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
        )
      order by m.bytes desc, m.user_id desc
      limit most + 1
    );
  end if;
  select coalesce(
    json_agg(
      proxy_private.user_as_admins_see(f.user_id) || to_jsonb(proxy_private.account_of(f.user_id))
        || jsonb_build_object('used_bytes', f.bytes)
    ),
    '[]'
  )
  into answer.items
  from unnest(found[:most]) as f;
  if cardinality(found) > most then
    answer.next_cursor := proxy_private.encode_place(found[most].bytes, found[most].user_id);
  end if;
  return answer;
end
$$;
comment on function proxy_private.list_proxy_users is 'Does the work of public.list_proxy_users.';

create function public.list_proxy_users(
  "limit" integer default 50, cursor text default null, "user" text default null
) returns public.proxy_page
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.list_proxy_users(
    list_proxy_users."limit", list_proxy_users.cursor, list_proxy_users."user"
  );
end
$$;
comment on function public.list_proxy_users is
  'For admins: the users whose keys transferred bytes in this calendar month (UTC), the most '
  'first, `limit` (1 to 200, default 50) per page, from `cursor` on; or only `user` (id or e-mail '
  'address), whatever it transferred. Each has the account as proxy_account shows it, email, '
  'removed, barred_until (null, or 2100 for good) and used_bytes of all live and test keys; a user '
  'whose usage rises between two pages may be missing. Refusals: unauthorized, forbidden, '
  'invalid_request (detail: the argument).';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function proxy_private.list_proxy_users, public.list_proxy_users
from public, anon, authenticated, service_role;
grant execute on function proxy_private.list_proxy_users, public.list_proxy_users to authenticated;
