-- Refusals: one table with every code that a caller can get, and its SQLSTATE. PostgREST answers a
-- SQLSTATE PTnnn with HTTP status nnn. `npm run types` generates the codes of the Edge Functions
-- and the table in docs/errors.md from it.

create table proxy_private.refusals (
  code text primary key,
  sql_state text not null,
  message text not null,
  occurs_when text not null,
  detail text not null default '',
  constraint "a code is snake case" check (code ~ '^[a-z]+(_[a-z]+)*$'),
  constraint "a refusal has an http status" check (sql_state ~ '^PT4[0-9]{2}$')
);
comment on table proxy_private.refusals is
  'Every refusal of this schema: its stable code (sent as the hint), its SQLSTATE, and its '
  'message.';
comment on column proxy_private.refusals.message is
  'For the caller: the problem''s title up to the colon, then what to do.';
comment on column proxy_private.refusals.occurs_when is
  'When the refusal occurs, for the documentation.';
comment on column proxy_private.refusals.detail is
  'What the error''s detail contains; empty if it has none.';
alter table proxy_private.refusals enable row level security;

insert into proxy_private.refusals (sql_state, code, message, occurs_when, detail) values
  (
    'PT400', 'invalid_request', 'The request is not valid.',
    'a field or parameter is missing, unknown, or breaks a rule', 'the argument'
  ),
  (
    'PT401', 'unauthorized', 'A valid access token is required: sign in with an active account.',
    'the access token is missing or not valid, or its account is banned or deleted', ''
  ),
  (
    'PT403', 'forbidden', 'Only an admin may do this.',
    'the token or the account does not have the admin role', ''
  ),
  (
    'PT403', 'second_factor_required',
    'Admins of this project need a second factor: sign in with one.',
    'the operator requires `aal2` of admins, and the token comes from a sign-in without a second '
      'factor',
    ''
  ),
  (
    'PT403', 'tier_not_granted',
    'The tier is not granted to you: ask an admin for it, or choose another.',
    'the tier is not self-serve, and is not granted to the user', ''
  ),
  (
    'PT403', 'append_only', 'These rows are append-only: they cannot be changed or removed.',
    'keys and audit rows cannot be removed; audit rows and grants cannot be changed', 'the table'
  ),
  (
    'PT404', 'not_found', 'Not found: you have no such key.',
    'the key does not exist, or is not yours',
    'for a change of several keys, which one: `ids.0` is the first'
  ),
  (
    'PT404', 'user_not_found',
    'No such user exists: an e-mail address must be confirmed to be found.',
    'an admin names a user who does not exist', ''
  ),
  (
    'PT409', 'key_deleted', 'The key is deleted: only an admin can reactivate it.',
    'a deleted key cannot be rotated, changed or suspended, or have its limits set; it cannot be '
      'reactivated if its account no longer exists',
    'for a change of several keys, which one: `ids.0` is the first'
  ),
  (
    'PT409', 'key_suspended', 'The key is suspended: ask an admin to reactivate it.',
    'a suspended key cannot be rotated', ''
  ),
  (
    'PT409', 'key_expired', 'The key has expired: set a new expiry first.',
    'an expired key cannot be rotated: set a new expiry first', ''
  ),
  (
    'PT409', 'key_limit_reached', 'The tier''s key limit is reached: delete a key first.',
    'the user has as many undeleted keys as the tier allows', ''
  ),
  (
    'PT409', 'already_done',
    'Already done: the secret cannot be shown again, so rotate the key to get a new one.',
    'the idempotency key was used for this mint or rotation: rotate the key to get a new secret',
    'the key''s id'
  ),
  (
    'PT422', 'idempotency_mismatch',
    'The idempotency key was already used for another request: choose a new one.',
    'the idempotency key was used for another request', ''
  ),
  (
    'PT429', 'rate_limited', 'Too many requests of this kind: try again in %s s.',
    'a [limit on writes](api.md#limits) is reached', 'seconds to wait'
  );


create table proxy_private.argument_rules (
  argument text primary key,
  rule text not null
);
comment on table proxy_private.argument_rules is
  'What each argument may be, as one sentence: the message of invalid_request for it. Each row is '
  'inserted in the file that enforces the rule.';
alter table proxy_private.argument_rules enable row level security;


-- SECURITY DEFINER, so that callers need no access to these tables.
create function proxy_private.refuse(code text, detail text default null) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  refusal proxy_private.refusals;
begin
  select * into strict refusal from proxy_private.refusals as r where r.code = refuse.code;
  if refuse.detail is null then
    raise exception using
      errcode = refusal.sql_state, message = refusal.message, hint = refusal.code;
  end if;
  if refuse.code = 'invalid_request' then
    refusal.message := coalesce(
      (select a.rule from proxy_private.argument_rules as a where a.argument = refuse.detail),
      refusal.message
    );
  end if;
  raise exception using
    errcode = refusal.sql_state, message = refusal.message, hint = refusal.code,
    detail = refuse.detail;
end
$$;
comment on function proxy_private.refuse is
  'Raises the refusal `code` with its SQLSTATE and message, and with the code as the hint. For '
  'invalid_request, `detail` is the name of the argument, and the argument''s rule is the message.';


-- Raises rate_limited with headers, which PostgREST accepts only from a PGRST exception.
create function proxy_private.refuse_until(retry_after_seconds integer, headers jsonb) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  refusal proxy_private.refusals;
begin
  select * into strict refusal from proxy_private.refusals as r where r.code = 'rate_limited';
  raise sqlstate 'PGRST' using
    message = json_build_object(
      'code', refusal.sql_state,
      'message', format(refusal.message, refuse_until.retry_after_seconds),
      'details', refuse_until.retry_after_seconds::text,
      'hint', refusal.code
    )::text,
    detail = json_build_object(
      'status', 429,
      'headers', refuse_until.headers
        || jsonb_build_object('Retry-After', refuse_until.retry_after_seconds::text)
    )::text,
    hint = refusal.code;
end
$$;
comment on function proxy_private.refuse_until is
  'Raises rate_limited: HTTP 429 with Retry-After and the given headers, and the seconds to wait '
  'as the detail. The SQLSTATE is PGRST in SQL and PT429 over the REST API.';


-- No argument may be larger than the largest body that the routes accept. The size is checked
-- before anything reads the value.
create function proxy_private.require_size(bytes bigint, name text) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if require_size.bytes > 16384 then
    perform proxy_private.refuse('invalid_request', require_size.name);
  end if;
end
$$;
comment on function proxy_private.require_size is
  'Refuses (invalid_request) the argument `name` if it has more than 16,384 bytes.';


-- Protects history: for tables whose rows no role may change or remove.
create function proxy_private.refuse_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform proxy_private.refuse('append_only', tg_table_name);
  return null;
end
$$;
comment on function proxy_private.refuse_change is
  'Trigger: refuses (append_only) the statement, even for table owners and definer functions.';


-- Default privileges may grant too much: revoke all, then grant what is needed.
revoke all on table proxy_private.refusals, proxy_private.argument_rules
  from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.refuse, proxy_private.refuse_until, proxy_private.require_size, proxy_private.refuse_change
from public, anon, authenticated, service_role;
grant execute on function proxy_private.refuse, proxy_private.require_size to authenticated;
