-- Minting: as for every change of a key, a definer in `private` does the work, since callers may not
-- write a table, and a thin function in `public` is what callers see.

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


-- The number of undeleted keys can be trusted only while no one else may add one of this user's, which
-- is what the row holds off that private.lock_writes has locked.
create function private.claim_key_slot(user_id uuid, tier text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if (
    select pg_catalog.count(*) from private.proxy_keys as k
    where k.user_id = claim_key_slot.user_id
      and k.tier = claim_key_slot.tier
      and k.deleted_at is null
  ) >= (
    select t.key_limit from public.proxy_tiers as t where t.tier = claim_key_slot.tier
  ) then
    perform private.refuse('key_limit_reached');
  end if;
end
$$;
comment on function private.claim_key_slot(uuid, text) is
  'Refuses (key_limit_reached) when the user''s undeleted keys of the tier are at its limit. The '
  'transaction must hold the user''s writes of kind `mint`.';
revoke all on function private.claim_key_slot(uuid, text)
  from public, anon, authenticated, service_role;


-- A definer: callers may not write keys or hashes.
create function private.mint_proxy_key(
  label text, tier text, live_mode boolean, idempotency_key text
) returns public.minted_proxy_key
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := private.require_writer();
  clean_label text := private.clean_text(mint_proxy_key.label, 80);
  chosen public.proxy_tiers;
  minted public.minted_proxy_key;
begin
  if clean_label is null then
    perform private.refuse('invalid_request', 'label');
  end if;
  select * into chosen from public.proxy_tiers as t where t.tier = mint_proxy_key.tier;
  if chosen.tier is null then
    perform private.refuse('invalid_request', 'tier');
  end if;
  if mint_proxy_key.live_mode is null then
    perform private.refuse('invalid_request', 'live_mode');
  end if;
  minted.id := private.uuid_v7();
  if mint_proxy_key.idempotency_key is not null then
    perform private.claim_idempotency(
      owner_id,
      mint_proxy_key.idempotency_key,
      pg_catalog.jsonb_build_object(
        'mint', clean_label, 'tier', chosen.tier, 'live_mode', mint_proxy_key.live_mode
      ),
      minted.id
    );
  end if;
  if not chosen.self_serve and not exists (
    select from private.proxy_tier_grants as g
    where g.user_id = owner_id and g.tier = chosen.tier
  ) then
    perform private.refuse('tier_not_granted');
  end if;
  perform private.claim_write(owner_id, 'mint');
  perform private.claim_key_slot(owner_id, chosen.tier);

  minted.secret := pg_catalog.encode(extensions.gen_random_bytes(32), 'hex');
  -- 48 random bits collide rarely, but they do
  while minted.created_at is null loop
    minted.key_id := case when mint_proxy_key.live_mode then 'avp_live_' else 'avp_test_' end
      || pg_catalog.encode(extensions.gen_random_bytes(6), 'hex');
    with made as (
      insert into private.proxy_keys as k (id, key_id, user_id, label, tier, live_mode, created_at)
      values (
        minted.id, minted.key_id, owner_id, clean_label, chosen.tier, mint_proxy_key.live_mode,
        pg_catalog.clock_timestamp()
      )
      on conflict (key_id) do nothing
      returning k.id, k.created_at
    ),
    hashed as (
      insert into private.proxy_key_secrets (api_key_id, secret_hash)
      select m.id, private.secret_hash(minted.key_id, minted.secret) from made as m
    )
    select m.created_at into minted.created_at from made as m;
  end loop;

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
comment on function private.mint_proxy_key(text, text, boolean, text) is
  'Does the work of public.mint_proxy_key.';
revoke all on function private.mint_proxy_key(text, text, boolean, text)
  from public, anon, authenticated, service_role;
grant execute on function private.mint_proxy_key(text, text, boolean, text) to authenticated;

create function public.mint_proxy_key(
  label text,
  tier text default 'developer',
  live_mode boolean default true,
  idempotency_key text default null
) returns public.minted_proxy_key
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return private.mint_proxy_key(
    mint_proxy_key.label, mint_proxy_key.tier, mint_proxy_key.live_mode,
    mint_proxy_key.idempotency_key
  );
end
$$;
comment on function public.mint_proxy_key(text, text, boolean, text) is
  'Makes a key of the caller and returns it with its secret, which is shown this once. Refusals: '
  'unauthorized, invalid_request (detail: the argument), tier_not_granted, key_limit_reached, '
  'rate_limited (detail: seconds to wait); and '
  'with an idempotency_key already_done (detail: the id of the key it made), idempotency_mismatch.';
revoke all on function public.mint_proxy_key(text, text, boolean, text)
  from public, anon, authenticated, service_role;
grant execute on function public.mint_proxy_key(text, text, boolean, text) to authenticated;


-- A definer, so that callers need no right to read the refusals.
create function private.refuse_mint_arguments(arguments jsonb) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform private.require_user();
  perform private.require_size(
    pg_catalog.pg_column_size(refuse_mint_arguments.arguments), 'label'
  );
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
        where name not in ('label', 'tier', 'live_mode', 'idempotency_key')
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
set search_path = pg_catalog, pg_temp
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
