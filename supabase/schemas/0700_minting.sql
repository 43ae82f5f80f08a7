-- Minting. As for every change to a key, a security definer function in `proxy_private` does the
-- work, because callers may not write tables; callers use a thin function in `public`.

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
  'A key with its secret. Only this answer contains the secret.';


-- Limits and state come from the view that all readers use, also for a new key.
create function proxy_private.key_with_secret(id uuid, secret text) returns public.minted_proxy_key
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  answer public.minted_proxy_key;
begin
  select
    k.id, k.key_id, key_with_secret.secret, k.key_id || ':' || key_with_secret.secret, k.label,
    k.tier, k.live_mode, k.bandwidth_limit_bytes, k.rate_limit, k.active, k.created_at,
    k.rotated_at
  into strict answer
  from proxy_private.key_states as k where k.id = key_with_secret.id;
  return answer;
end
$$;
comment on function proxy_private.key_with_secret is
  'Returns the answer to a mint or a rotation: the key''s current state and its new secret.';


create function proxy_private.require_label(label text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  clean_label text := proxy_private.clean_label(require_label.label);
begin
  if clean_label is null then
    perform proxy_private.refuse('invalid_request', 'label');
  end if;
  return clean_label;
end
$$;
comment on function proxy_private.require_label is
  'Returns the label without surrounding space; refuses (invalid_request) an invalid label.';


-- The count of undeleted keys is reliable only while no other transaction can add a key for this
-- user: the row that proxy_private.lock_writes locked prevents that.
create function proxy_private.claim_key_slot(user_id uuid, tier text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if (
    select count(*) from proxy_private.proxy_keys as k
    where k.user_id = claim_key_slot.user_id
      and k.tier = claim_key_slot.tier
      and k.deleted_at is null
  ) >= (select t.key_limit from public.proxy_tiers as t where t.tier = claim_key_slot.tier) then
    perform proxy_private.refuse('key_limit_reached');
  end if;
end
$$;
comment on function proxy_private.claim_key_slot is
  'Refuses (key_limit_reached) if the user''s undeleted keys of the tier have reached its limit. '
  'The transaction must hold the lock on the user''s writes of kind `mint`.';


-- Security definer: callers may not write keys or hashes.
create function proxy_private.mint_proxy_key(
  label text, tier text, live_mode boolean, idempotency_key text, allowed_ips text[] default '{}',
  expires_at text default null
) returns public.minted_proxy_key
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_writer();
  clean_label text := proxy_private.require_label(mint_proxy_key.label);
  allowed cidr[];
  expiry timestamptz;
  chosen public.proxy_tiers;
  new_id constant uuid := proxy_private.uuid_v7();
  new_key_id text;
  secret constant text := encode(extensions.gen_random_bytes(32), 'hex');
  made boolean := false;
begin
  select * into chosen from public.proxy_tiers as t where t.tier = mint_proxy_key.tier;
  if chosen.tier is null then
    perform proxy_private.refuse('invalid_request', 'tier');
  end if;
  if mint_proxy_key.live_mode is null then
    perform proxy_private.refuse('invalid_request', 'live_mode');
  end if;
  perform proxy_private.require_size(pg_column_size(mint_proxy_key.allowed_ips), 'allowed_ips');
  allowed := proxy_private.require_allowed_ips(to_jsonb(coalesce(mint_proxy_key.allowed_ips, '{}')));
  expiry := proxy_private.require_expiry(to_jsonb(mint_proxy_key.expires_at));
  if mint_proxy_key.idempotency_key is not null then
    perform proxy_private.claim_idempotency(
      owner_id,
      mint_proxy_key.idempotency_key,
      jsonb_build_object(
        'mint', clean_label, 'tier', chosen.tier, 'live_mode', mint_proxy_key.live_mode,
        'allowed_ips', allowed, 'expires_at', expiry
      ),
      new_id
    );
  end if;
  if not chosen.self_serve and not exists (
    select from proxy_private.proxy_tier_grants as g
    where g.user_id = owner_id and g.tier = chosen.tier
  ) then
    perform proxy_private.refuse('tier_not_granted');
  end if;
  perform proxy_private.claim_write(owner_id, 'mint');
  perform proxy_private.claim_key_slot(owner_id, chosen.tier);

  -- 48 random bits rarely collide, but they can
  while not made loop
    new_key_id := case when mint_proxy_key.live_mode then 'avp_live_' else 'avp_test_' end
      || encode(extensions.gen_random_bytes(6), 'hex');
    insert into proxy_private.proxy_keys (
      id, key_id, user_id, label, tier, live_mode, allowed_ips, expires_at, created_at
    )
    values (
      new_id, new_key_id, owner_id, clean_label, chosen.tier, mint_proxy_key.live_mode, allowed, expiry,
      clock_timestamp()
    )
    on conflict (key_id) do nothing;
    made := found;
  end loop;
  insert into proxy_private.proxy_key_secrets (api_key_id, secret_hash)
  values (new_id, proxy_private.secret_hash(new_key_id, secret));
  return proxy_private.key_with_secret(new_id, secret);
end
$$;
comment on function proxy_private.mint_proxy_key is 'Does the work of public.mint_proxy_key.';

create function public.mint_proxy_key(
  label text,
  tier text default 'developer',
  live_mode boolean default true,
  idempotency_key text default null,
  allowed_ips text[] default '{}',
  expires_at text default null
) returns public.minted_proxy_key
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.mint_proxy_key(
    mint_proxy_key.label, mint_proxy_key.tier, mint_proxy_key.live_mode,
    mint_proxy_key.idempotency_key, mint_proxy_key.allowed_ips, mint_proxy_key.expires_at
  );
end
$$;
comment on function public.mint_proxy_key(text, text, boolean, text, text[], text) is
  'Creates a key for the caller and returns it with its secret, which is shown only once. '
  'allowed_ips and expires_at are as in update_proxy_key. Refusals: unauthorized, invalid_request '
  '(detail: the argument), tier_not_granted, key_limit_reached, rate_limited (detail: seconds to '
  'wait); with an idempotency_key also already_done (detail: the id of the created key) and '
  'idempotency_mismatch.';


create function proxy_private.refuse_mint_arguments(arguments jsonb) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  perform proxy_private.require_user();
  perform proxy_private.require_size(pg_column_size(refuse_mint_arguments.arguments), 'label');
  perform proxy_private.refuse(
    'invalid_request',
    coalesce(
      (
        select left(name, 80)
        from jsonb_object_keys(
          case jsonb_typeof(refuse_mint_arguments.arguments)
            when 'object' then refuse_mint_arguments.arguments else '{}'
          end
        ) as name
        where name not in (
          'label', 'tier', 'live_mode', 'idempotency_key', 'allowed_ips', 'expires_at'
        )
        order by name
        limit 1
      ),
      'label'
    )
  );
end
$$;
comment on function proxy_private.refuse_mint_arguments is
  'Refuses (invalid_request) the first name that is not an argument of mint_proxy_key, or else '
  'label, the only required argument.';

-- PostgREST falls back to this overload if the body's fields do not match the arguments above, so
-- that an unknown or missing field gets the same refusal as from the route, not an error about a
-- function that does not exist.
create function public.mint_proxy_key(jsonb) returns public.minted_proxy_key
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  perform proxy_private.refuse_mint_arguments($1);
  return null;
end
$$;
comment on function public.mint_proxy_key(jsonb) is
  'Never mints: it refuses arguments that the other overload does not take. Refusals: '
  'unauthorized, invalid_request (detail: the argument).';


insert into proxy_private.argument_rules (argument, rule) values
  ('live_mode', 'The mode is true (live) or false (test).');


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.key_with_secret, proxy_private.require_label, proxy_private.claim_key_slot, proxy_private.mint_proxy_key,
  public.mint_proxy_key(text, text, boolean, text, text[], text), proxy_private.refuse_mint_arguments,
  public.mint_proxy_key(jsonb)
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.mint_proxy_key, public.mint_proxy_key(text, text, boolean, text, text[], text),
  proxy_private.refuse_mint_arguments, public.mint_proxy_key(jsonb)
to authenticated;
