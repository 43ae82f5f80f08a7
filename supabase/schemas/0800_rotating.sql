-- Rotating: a new secret for the same keyId.

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
  'As minted_proxy_key, with the number of rotations left and the seconds until it grows.';


-- Security definer: callers may not write keys or hashes.
create function proxy_private.rotate_proxy_key(
  id text, grace_seconds integer, idempotency_key text
) returns public.rotated_proxy_key
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_writer();
  key proxy_private.proxy_keys;
  claimed record;
  secret constant text := encode(extensions.gen_random_bytes(32), 'hex');
  moment timestamptz;
  grace interval;
begin
  -- the old secret is refused after 30 seconds at the latest, whatever the caller asks for
  if rotate_proxy_key.grace_seconds between 0 and 30 is not true then
    perform proxy_private.refuse('invalid_request', 'grace_seconds');
  end if;
  grace := make_interval(secs => nullif(rotate_proxy_key.grace_seconds, 0));
  key := proxy_private.lock_key(rotate_proxy_key.id, owner_id);
  if rotate_proxy_key.idempotency_key is not null then
    perform proxy_private.claim_idempotency(
      owner_id,
      rotate_proxy_key.idempotency_key,
      jsonb_build_object('rotate', key.id, 'grace_seconds', rotate_proxy_key.grace_seconds),
      key.id
    );
  end if;
  if key.deleted_at is not null then
    perform proxy_private.refuse('key_deleted');
  end if;
  if key.suspended_at is not null then
    perform proxy_private.refuse('key_suspended');
  end if;
  if key.expires_at <= clock_timestamp() then
    perform proxy_private.refuse('key_expired');
  end if;
  claimed := proxy_private.claim_write(owner_id, 'rotate');

  update proxy_private.proxy_key_secrets as s
  set
    secret_hash = proxy_private.secret_hash(key.key_id, secret),
    previous_hash = case when grace is not null then s.secret_hash end
  where s.api_key_id = key.id;
  moment := clock_timestamp();
  update proxy_private.proxy_keys as k
  set rotated_at = moment, grace_ends_at = moment + grace
  where k.id = key.id;
  return (
    select (w.*, claimed.writes_left, claimed.reset_seconds)::public.rotated_proxy_key
    from proxy_private.key_with_secret(key.id, secret) as w
  );
end
$$;
comment on function proxy_private.rotate_proxy_key is 'Does the work of public.rotate_proxy_key.';

create function public.rotate_proxy_key(
  id text, grace_seconds integer default 0, idempotency_key text default null
) returns public.rotated_proxy_key
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.rotate_proxy_key(
    rotate_proxy_key.id, rotate_proxy_key.grace_seconds, rotate_proxy_key.idempotency_key
  );
end
$$;
comment on function public.rotate_proxy_key is
  'Replaces the secret of the caller''s key (uuid or keyId); the keyId stays. For `grace_seconds` '
  '(0 to 30) the previous secret works too, unless the key is rotated again or deleted. Refusals: '
  'unauthorized, invalid_request (detail: the argument), not_found, key_deleted, key_suspended, '
  'key_expired, rate_limited (detail: seconds to wait); with an idempotency_key also already_done '
  '(detail: the key''s id) and idempotency_mismatch.';


insert into proxy_private.argument_rules (argument, rule) values
  ('grace_seconds', 'The grace period is a whole number of seconds from 0 to 30.');


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.rotate_proxy_key, public.rotate_proxy_key
from public, anon, authenticated, service_role;
grant execute on function proxy_private.rotate_proxy_key, public.rotate_proxy_key to authenticated;
