-- Refusals: each code that a caller can meet, with its SQLSTATE, in one table. PostgREST answers a
-- SQLSTATE PTnnn with HTTP status nnn. `npm run types` makes the codes of the functions and the table
-- of docs/errors.md from it.

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
  'Every refusal of this schema: the stable code (sent as hint), its SQLSTATE, and its sentence.';
comment on column proxy_private.refusals.message is
  'For the caller: up to the colon the title of the problem, after it what to do.';
comment on column proxy_private.refusals.occurs_when is 'For the documentation.';
comment on column proxy_private.refusals.detail is 'What the error''s detail is; empty without one.';
alter table proxy_private.refusals enable row level security;

insert into proxy_private.refusals (sql_state, code, message, occurs_when, detail) values
  (
    'PT400', 'invalid_request', 'The request is not valid.',
    'a field or parameter is missing, unknown, or breaks a rule', 'the argument'
  ),
  (
    'PT401', 'unauthorized', 'A valid access token is needed: sign in with an active account.',
    'no valid access token of a user, or one of an account that is banned or deleted', ''
  ),
  (
    'PT403', 'forbidden', 'Only an admin may do this.',
    'the token is not an admin''s, or the account no longer is', ''
  ),
  (
    'PT403', 'second_factor_required',
    'Admins of this project need a second factor: sign in with it.',
    'the operator requires `aal2` of admins, and the token is of a sign-in without a second factor', ''
  ),
  (
    'PT403', 'tier_not_granted',
    'The tier is not granted: ask an admin for it, or choose another.',
    'the tier is not self-serve, and was not granted', ''
  ),
  (
    'PT403', 'append_only', 'These rows are kept: they cannot be changed or removed.',
    'keys and audit rows are never removed, audit rows and grants never changed', 'the table'
  ),
  (
    'PT404', 'not_found', 'Not found: you have no such key.', 'no such key, or not yours',
    'of several, which: `ids.0` is the first'
  ),
  (
    'PT404', 'user_not_found',
    'No such user exists: an e-mail address counts once it is confirmed.',
    'an admin names a user who does not exist', ''
  ),
  (
    'PT409', 'key_deleted', 'The key is deleted: only an admin can reactivate it.',
    'a deleted key cannot be rotated, changed, suspended or limited; one whose account is gone not '
      'reactivated',
    'of several, which: `ids.0` is the first'
  ),
  (
    'PT409', 'key_suspended', 'The key is suspended: ask an admin to reactivate it.',
    'a suspended key cannot be rotated', ''
  ),
  (
    'PT409', 'key_expired', 'The key has expired: give it another expiry first.',
    'an expired key cannot be rotated: give it another expiry first', ''
  ),
  (
    'PT409', 'key_limit_reached', 'The tier''s number of keys is reached: delete one first.',
    'the tier''s number of undeleted keys is reached', ''
  ),
  (
    'PT409', 'already_done',
    'Done already: the secret cannot be shown again, rotate the key for a new one.',
    'this idempotency key was used for this mint or rotation: rotate the key for a secret',
    'the key''s id'
  ),
  (
    'PT422', 'idempotency_mismatch',
    'The idempotency key was used for another request: choose a new one.',
    'this idempotency key was used for another request', ''
  ),
  (
    'PT429', 'rate_limited', 'Too many requests of this kind: try again in %s s.',
    'over a [limit on writes](api.md#limits)', 'seconds to wait'
  );


create table proxy_private.argument_rules (
  argument text primary key,
  rule text not null
);
comment on table proxy_private.argument_rules is
  'What an argument may be, in a sentence: the message of invalid_request for it. Each row is inserted '
  'where the rule stands.';
alter table proxy_private.argument_rules enable row level security;


-- A definer, so that callers need no right to read these tables.
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
  'Raises the refusal `code`: its SQLSTATE, its sentence, the code as hint, and `detail`, which for '
  'invalid_request is the name of the argument, whose rule then is the sentence.';


-- Raises rate_limited with headers, which PostgREST takes from a PGRST raise alone.
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
  'Raises rate_limited: HTTP 429 with Retry-After and these headers, and the seconds as detail. '
  'SQLSTATE PGRST in SQL, PT429 over the REST API.';


-- What the routes take as a body is the most that any argument may be: it is refused by its size,
-- before anything reads it.
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


-- Makes history stay: for tables whose rows are never changed or removed, by any role.
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
  'Trigger: refuses (append_only) the statement it is fired for, also for owners and definers.';


-- All of this is closed, then opened to those who need it: also where default privileges are open.
revoke all on table proxy_private.refusals, proxy_private.argument_rules
  from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.refuse, proxy_private.refuse_until, proxy_private.require_size, proxy_private.refuse_change
from public, anon, authenticated, service_role;
grant execute on function proxy_private.refuse, proxy_private.require_size to authenticated;
