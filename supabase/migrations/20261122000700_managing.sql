-- Managing: mint, rotate, delete, reactivate. Each is a definer in `private` that does the work,
-- since callers may not write a table, and a thin function in `public` that callers see.

create type public.minted_proxy_key as (
  id uuid,
  key_id text,
  secret text,
  basic_auth text,
  label text,
  tier text,
  live_mode boolean,
  bandwidth_limit_bytes bigint,
  rate_limit integer,
  active boolean,
  created_at timestamptz,
  rotated_at timestamptz
);
comment on type public.minted_proxy_key is
  'A key with its secret, which is in this answer and nowhere else.';

create type public.rotated_proxy_key as (
  id uuid,
  key_id text,
  secret text,
  basic_auth text,
  label text,
  tier text,
  live_mode boolean,
  bandwidth_limit_bytes bigint,
  rate_limit integer,
  active boolean,
  created_at timestamptz,
  rotated_at timestamptz,
  rotations_left integer,
  rotations_reset_seconds integer
);
comment on type public.rotated_proxy_key is
  'As minted_proxy_key, with what is left of the rotation limit and the seconds until it grows.';


create function private.secret_hash(key_id text, secret text) returns bytea
language plpgsql immutable
set search_path = ''
as $$
begin
  return pg_catalog.sha256(
    pg_catalog.convert_to(secret_hash.key_id || ':' || secret_hash.secret, 'SQL_ASCII')
  );
end
$$;
comment on function private.secret_hash(text, text) is
  'SHA-256 over the ASCII bytes of `keyId:secret`.';
revoke all on function private.secret_hash(text, text)
  from public, anon, authenticated, service_role;


-- A path or an argument may name a key by its uuid or by its keyId.
create function private.lock_key(reference text, owner_id uuid) returns public.proxy_keys
language plpgsql volatile
set search_path = ''
as $$
declare
  key public.proxy_keys;
begin
  if pg_catalog.pg_input_is_valid(lock_key.reference, 'uuid') then
    select * into key from public.proxy_keys as k
    where k.id = lock_key.reference::uuid
      and (lock_key.owner_id is null or k.user_id = lock_key.owner_id)
    for no key update;
  else
    select * into key from public.proxy_keys as k
    where k.key_id = lock_key.reference
      and (lock_key.owner_id is null or k.user_id = lock_key.owner_id)
    for no key update;
  end if;
  if key.id is null then
    perform private.refuse('not_found');
  end if;
  return key;
end
$$;
comment on function private.lock_key(text, uuid) is
  'The key named by uuid or keyId, locked until the transaction ends. With an owner_id, another '
  'user''s key is refused exactly as one that does not exist (not_found).';
revoke all on function private.lock_key(text, uuid) from public, anon, authenticated, service_role;


-- The number of undeleted keys can be trusted only while no one else of this user may add one.
create function private.claim_key_slot(user_id uuid, tier text) returns void
language plpgsql volatile
set search_path = ''
as $$
declare
  held bigint;
  allowed integer;
begin
  perform pg_catalog.pg_advisory_xact_lock(
    pg_catalog.hashtextextended('proxy_keys of ' || claim_key_slot.user_id::text, 0)
  );
  select pg_catalog.count(*) into held from public.proxy_keys as k
  where k.user_id = claim_key_slot.user_id
    and k.tier = claim_key_slot.tier
    and k.deleted_at is null;
  select t.key_limit into allowed from public.proxy_tiers as t where t.tier = claim_key_slot.tier;
  if held >= allowed then
    perform private.refuse('key_limit_reached');
  end if;
end
$$;
comment on function private.claim_key_slot(uuid, text) is
  'Refuses (key_limit_reached) when the user''s undeleted keys of the tier are at its limit; else '
  'holds off the user''s other mints until the transaction ends.';
revoke all on function private.claim_key_slot(uuid, text)
  from public, anon, authenticated, service_role;


-- mint ------------------------------------------------------------------------------------------

-- A definer: callers may not write keys or hashes.
create function private.mint_proxy_key(label text, tier text, live_mode boolean)
returns public.minted_proxy_key
language plpgsql volatile security definer
set search_path = ''
as $$
declare
  owner_id uuid := private.require_user();
  clean_label text := private.trim_label(mint_proxy_key.label);
  chosen public.proxy_tiers;
  minted public.minted_proxy_key;
begin
  if clean_label is null
    or pg_catalog.char_length(clean_label) not between 1 and 80
    or clean_label ~ '[\u0001-\u001f\u007f-\u009f]'
  then
    perform private.refuse('invalid_request', 'label');
  end if;
  select * into chosen from public.proxy_tiers as t where t.tier = mint_proxy_key.tier;
  if chosen.tier is null then
    perform private.refuse('invalid_request', 'tier');
  end if;
  if mint_proxy_key.live_mode is null then
    perform private.refuse('invalid_request', 'live_mode');
  end if;
  -- a token outlives its account by up to an hour
  if not exists (select from auth.users as u where u.id = owner_id) then
    perform private.refuse('unauthorized');
  end if;
  if not chosen.self_serve and not exists (
    select from public.proxy_tier_grants as g
    where g.user_id = owner_id and g.tier = chosen.tier
  ) then
    perform private.refuse('tier_not_granted');
  end if;
  perform private.claim_key_slot(owner_id, chosen.tier);

  minted.secret := pg_catalog.encode(extensions.gen_random_bytes(32), 'hex');
  -- 48 random bits collide rarely, but they do
  while minted.id is null loop
    minted.key_id := case when mint_proxy_key.live_mode then 'avp_live_' else 'avp_test_' end
      || pg_catalog.encode(extensions.gen_random_bytes(6), 'hex');
    insert into public.proxy_keys as k (key_id, user_id, label, tier, live_mode, created_at)
    values (
      minted.key_id, owner_id, clean_label, chosen.tier, mint_proxy_key.live_mode,
      pg_catalog.clock_timestamp()
    )
    on conflict (key_id) do nothing
    returning k.id, k.created_at into minted.id, minted.created_at;
  end loop;
  insert into private.proxy_key_secrets (api_key_id, secret_hash)
  values (minted.id, private.secret_hash(minted.key_id, minted.secret));

  minted.basic_auth := minted.key_id || ':' || minted.secret;
  minted.label := clean_label;
  minted.tier := chosen.tier;
  minted.live_mode := mint_proxy_key.live_mode;
  minted.bandwidth_limit_bytes := chosen.bandwidth_limit_bytes;
  minted.rate_limit := chosen.rate_limit;
  minted.active := true;
  return minted;
end
$$;
comment on function private.mint_proxy_key(text, text, boolean) is
  'Does the work of public.mint_proxy_key.';
revoke all on function private.mint_proxy_key(text, text, boolean)
  from public, anon, authenticated, service_role;
grant execute on function private.mint_proxy_key(text, text, boolean) to authenticated;

create function public.mint_proxy_key(
  label text, tier text default 'developer', live_mode boolean default true
) returns public.minted_proxy_key
language plpgsql volatile security invoker
set search_path = ''
as $$
begin
  return private.mint_proxy_key(
    mint_proxy_key.label, mint_proxy_key.tier, mint_proxy_key.live_mode
  );
end
$$;
comment on function public.mint_proxy_key(text, text, boolean) is
  'Makes a key of the caller and returns it with its secret, which is shown this once. Refusals: '
  'unauthorized, invalid_request (detail: the argument), tier_not_granted, key_limit_reached.';
revoke all on function public.mint_proxy_key(text, text, boolean)
  from public, anon, authenticated, service_role;
grant execute on function public.mint_proxy_key(text, text, boolean) to authenticated;


-- A definer, so that callers need no right to read the refusals.
create function private.refuse_mint_arguments(arguments jsonb) returns void
language plpgsql stable security definer
set search_path = ''
as $$
begin
  perform private.require_user();
  perform private.refuse(
    'invalid_request',
    coalesce(
      (
        select pg_catalog.left(name, 80)
        from pg_catalog.jsonb_object_keys(
          case pg_catalog.jsonb_typeof(refuse_mint_arguments.arguments)
            when 'object' then refuse_mint_arguments.arguments else '{}'
          end
        ) as name
        where name not in ('label', 'tier', 'live_mode')
        order by name
        limit 1
      ),
      'label'
    )
  );
end
$$;
comment on function private.refuse_mint_arguments(jsonb) is
  'Refuses (invalid_request) by the first name that is no argument of mint_proxy_key, or by label, '
  'the one argument that must be there.';
revoke all on function private.refuse_mint_arguments(jsonb)
  from public, anon, authenticated, service_role;
grant execute on function private.refuse_mint_arguments(jsonb) to authenticated;

-- PostgREST falls back to this when the body's names fit no arguments above: so an unknown or a missing
-- field is refused as the route refuses it, and not as a function that does not exist.
create function public.mint_proxy_key(jsonb) returns public.minted_proxy_key
language plpgsql stable security invoker
set search_path = ''
as $$
begin
  perform private.refuse_mint_arguments($1);
  return null;
end
$$;
comment on function public.mint_proxy_key(jsonb) is
  'Never mints: refuses arguments that the other form does not take. Refusals: unauthorized, '
  'invalid_request (detail: the argument).';
revoke all on function public.mint_proxy_key(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.mint_proxy_key(jsonb) to authenticated;


-- rotate ----------------------------------------------------------------------------------------

-- At most 5 successes in any 60 seconds, over all of a user's keys and every way in. The user's row
-- is locked, so the clock is read in the order in which rotations happen.
create function private.claim_rotation(
  user_id uuid, out rotations_left integer, out reset_seconds integer
)
language plpgsql volatile
set search_path = ''
as $$
declare
  allowed constant integer := 5;
  span constant interval := interval '60 seconds';
  recent timestamptz[];
  moment timestamptz;
begin
  insert into private.rotation_windows (user_id) values (claim_rotation.user_id)
  on conflict on constraint rotation_windows_pkey do nothing;
  select w.rotated_at into recent from private.rotation_windows as w
  where w.user_id = claim_rotation.user_id
  for no key update;
  moment := pg_catalog.clock_timestamp();
  recent := array(
    select t from pg_catalog.unnest(recent) as t where t > moment - span order by t
  );
  if pg_catalog.cardinality(recent) >= allowed then
    perform private.refuse_until(
      pg_catalog.ceil(extract(epoch from recent[1] + span - moment))::integer
    );
  end if;
  recent := recent || moment;
  update private.rotation_windows as w set rotated_at = recent
  where w.user_id = claim_rotation.user_id;
  rotations_left := allowed - pg_catalog.cardinality(recent);
  reset_seconds := pg_catalog.ceil(extract(epoch from recent[1] + span - moment))::integer;
end
$$;
comment on function private.claim_rotation(uuid) is
  'Counts one rotation of the user, or refuses (rate_limited, with the seconds to wait). Returns '
  'how many are left in this window, and the seconds until the oldest leaves it.';
revoke all on function private.claim_rotation(uuid) from public, anon, authenticated, service_role;

-- A definer: callers may not write keys or hashes.
create function private.rotate_proxy_key(id text) returns public.rotated_proxy_key
language plpgsql volatile security definer
set search_path = ''
as $$
declare
  owner_id uuid := private.require_user();
  key public.proxy_keys;
  claimed record;
  rotated public.rotated_proxy_key;
begin
  key := private.lock_key(rotate_proxy_key.id, owner_id);
  if key.deleted_at is not null then
    perform private.refuse('key_deleted');
  end if;
  if key.suspended_at is not null then
    perform private.refuse('key_suspended');
  end if;
  claimed := private.claim_rotation(owner_id);

  rotated.secret := pg_catalog.encode(extensions.gen_random_bytes(32), 'hex');
  update private.proxy_key_secrets as s
  set secret_hash = private.secret_hash(key.key_id, rotated.secret)
  where s.api_key_id = key.id;
  update public.proxy_keys as k set rotated_at = pg_catalog.clock_timestamp()
  where k.id = key.id
  returning k.rotated_at into rotated.rotated_at;

  select
    coalesce(key.bandwidth_limit_override_bytes, t.bandwidth_limit_bytes),
    coalesce(key.rate_limit_override, t.rate_limit)
  into rotated.bandwidth_limit_bytes, rotated.rate_limit
  from public.proxy_tiers as t where t.tier = key.tier;
  rotated.id := key.id;
  rotated.key_id := key.key_id;
  rotated.basic_auth := key.key_id || ':' || rotated.secret;
  rotated.label := key.label;
  rotated.tier := key.tier;
  rotated.live_mode := key.live_mode;
  rotated.active := true;
  rotated.created_at := key.created_at;
  rotated.rotations_left := claimed.rotations_left;
  rotated.rotations_reset_seconds := claimed.reset_seconds;
  return rotated;
end
$$;
comment on function private.rotate_proxy_key(text) is 'Does the work of public.rotate_proxy_key.';
revoke all on function private.rotate_proxy_key(text)
  from public, anon, authenticated, service_role;
grant execute on function private.rotate_proxy_key(text) to authenticated;

create function public.rotate_proxy_key(id text) returns public.rotated_proxy_key
language plpgsql volatile security invoker
set search_path = ''
as $$
begin
  return private.rotate_proxy_key(rotate_proxy_key.id);
end
$$;
comment on function public.rotate_proxy_key(text) is
  'Replaces the secret of the caller''s key (uuid or keyId); the keyId stays. Refusals: '
  'unauthorized, not_found, key_deleted, key_suspended, rate_limited (detail: seconds to wait).';
revoke all on function public.rotate_proxy_key(text) from public, anon, authenticated, service_role;
grant execute on function public.rotate_proxy_key(text) to authenticated;


-- delete ----------------------------------------------------------------------------------------

-- A definer: callers may not write keys.
create function private.delete_proxy_key(id text) returns public.proxy_key_summaries
language plpgsql volatile security definer
set search_path = ''
as $$
declare
  key public.proxy_keys := private.lock_key(delete_proxy_key.id, private.require_user());
  summary public.proxy_key_summaries;
begin
  if key.deleted_at is null then
    update public.proxy_keys as k set deleted_at = pg_catalog.clock_timestamp()
    where k.id = key.id;
  end if;
  select * into summary from public.proxy_key_summaries as s where s.id = key.id;
  return summary;
end
$$;
comment on function private.delete_proxy_key(text) is 'Does the work of public.delete_proxy_key.';
revoke all on function private.delete_proxy_key(text)
  from public, anon, authenticated, service_role;
grant execute on function private.delete_proxy_key(text) to authenticated;

create function public.delete_proxy_key(id text) returns public.proxy_key_summaries
language plpgsql volatile security invoker
set search_path = ''
as $$
begin
  return private.delete_proxy_key(delete_proxy_key.id);
end
$$;
comment on function public.delete_proxy_key(text) is
  'Takes the caller''s key (uuid or keyId) out of service; its row and usage stay. A key already '
  'deleted is returned as it is. Refusals: unauthorized, not_found.';
revoke all on function public.delete_proxy_key(text) from public, anon, authenticated, service_role;
grant execute on function public.delete_proxy_key(text) to authenticated;


-- reactivate ------------------------------------------------------------------------------------

-- A definer: it writes another user's key, for an admin.
create function private.reactivate_proxy_key(id text) returns public.proxy_key_summaries
language plpgsql volatile security definer
set search_path = ''
as $$
declare
  admin_id uuid := private.require_admin();
  key public.proxy_keys := private.lock_key(reactivate_proxy_key.id, null);
  summary public.proxy_key_summaries;
begin
  if key.deleted_at is not null or key.suspended_at is not null then
    if key.user_id is null then
      perform private.refuse('key_deleted', 'The account of its owner is gone.');
    end if;
    if key.deleted_at is not null then
      perform private.claim_key_slot(key.user_id, key.tier);
    end if;
    update public.proxy_keys as k set deleted_at = null, suspended_at = null
    where k.id = key.id;
  end if;
  select * into summary from public.proxy_key_summaries as s where s.id = key.id;
  return summary;
end
$$;
comment on function private.reactivate_proxy_key(text) is
  'Does the work of public.reactivate_proxy_key.';
revoke all on function private.reactivate_proxy_key(text)
  from public, anon, authenticated, service_role;
grant execute on function private.reactivate_proxy_key(text) to authenticated;

create function public.reactivate_proxy_key(id text) returns public.proxy_key_summaries
language plpgsql volatile security invoker
set search_path = ''
as $$
begin
  return private.reactivate_proxy_key(reactivate_proxy_key.id);
end
$$;
comment on function public.reactivate_proxy_key(text) is
  'For admins: puts any user''s deleted or suspended key (uuid or keyId) back in service, with the '
  'secret it had. An active key is returned as it is. Refusals: unauthorized, forbidden, '
  'not_found, key_limit_reached, key_deleted (the owner''s account is gone).';
revoke all on function public.reactivate_proxy_key(text)
  from public, anon, authenticated, service_role;
grant execute on function public.reactivate_proxy_key(text) to authenticated;
