-- Safe retries: a client that lost the answer to a mint or a rotation retries it with the same
-- idempotency key, and learns that it was done. The secret is stored nowhere, so it cannot be
-- returned again.

create table proxy_private.idempotency_keys (
  user_id uuid not null references auth.users (id) on delete cascade,
  key_hash bytea not null,
  request_hash bytea not null,
  -- no foreign key: this row is written before the key's row, and keys are never removed
  api_key_id uuid not null,
  used_at timestamptz not null default clock_timestamp(),
  primary key (user_id, key_hash)
);
comment on table proxy_private.idempotency_keys is
  'The requests done under each idempotency key in the last 24 hours. Both are stored as hashes, '
  'because the idempotency key that a client chooses may be private.';
create index idempotency_keys_oldest on proxy_private.idempotency_keys (used_at);
alter table proxy_private.idempotency_keys enable row level security;


-- A later refusal in the transaction rolls the row back, so only requests that were done are
-- remembered. Of two concurrent requests, the second waits here for the first.
create function proxy_private.claim_idempotency(
  user_id uuid, idempotency_key text, request jsonb, api_key_id uuid
) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  kept constant interval := interval '24 hours';
  hash bytea;
  request_hash bytea;
  used proxy_private.idempotency_keys;
begin
  if octet_length(claim_idempotency.idempotency_key) > 255
    or claim_idempotency.idempotency_key !~ '^[!-~]+$'
  then
    perform proxy_private.refuse('invalid_request', 'idempotency_key');
  end if;
  hash := sha256(convert_to(claim_idempotency.idempotency_key, 'UTF8'));
  request_hash := sha256(convert_to(claim_idempotency.request::text, 'UTF8'));
  delete from proxy_private.idempotency_keys as i
  where i.user_id = claim_idempotency.user_id
    and i.key_hash = hash
    and i.used_at < clock_timestamp() - kept;
  -- each claim also deletes up to 20 expired rows
  delete from proxy_private.idempotency_keys as i
  where (i.user_id, i.key_hash) in (
    select o.user_id, o.key_hash from proxy_private.idempotency_keys as o
    where o.used_at < clock_timestamp() - kept
    order by o.used_at
    limit 20
    for update skip locked
  );
  insert into proxy_private.idempotency_keys (user_id, key_hash, request_hash, api_key_id)
  values (claim_idempotency.user_id, hash, request_hash, claim_idempotency.api_key_id)
  on conflict on constraint idempotency_keys_pkey do nothing;
  if found then
    return;
  end if;
  select * into strict used from proxy_private.idempotency_keys as i
  where i.user_id = claim_idempotency.user_id and i.key_hash = hash;
  if used.request_hash <> request_hash then
    perform proxy_private.refuse('idempotency_mismatch');
  end if;
  perform proxy_private.refuse('already_done', used.api_key_id::text);
end
$$;
comment on function proxy_private.claim_idempotency is
  'Records that the user''s request is done under this idempotency key, for the key `api_key_id`. '
  'Refuses an idempotency key that was used in the last 24 hours: already_done (detail: the key''s '
  'id) for the same request, or idempotency_mismatch for another one. Refuses a malformed one '
  '(invalid_request).';


insert into proxy_private.argument_rules (argument, rule) values
  ('idempotency_key', 'An idempotency key has 1 to 255 visible ASCII characters.');


-- Revoke everything, even if default privileges are open.
revoke all on table proxy_private.idempotency_keys from public, anon, authenticated, service_role;
revoke all on function proxy_private.claim_idempotency from public, anon, authenticated, service_role;
