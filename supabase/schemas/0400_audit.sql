-- Audit: who did what to which key, when, why, and in which request. Triggers write it, so that no
-- code that changes a key, a grant or an account's limits can skip it. Rows are never changed or
-- removed, and never contain a secret or a hash.

create table proxy_private.proxy_key_audit (
  id uuid primary key default proxy_private.uuid_v7(),
  api_key_id uuid references proxy_private.proxy_keys (id),
  tier text,
  user_id uuid,
  actor_id uuid,
  action text not null,
  changes jsonb,
  reason text,
  request_id text,
  occurred_at timestamptz not null default clock_timestamp(),
  constraint "an action is a known one" check (
    action in (
      'minted', 'updated', 'rotated', 'deleted', 'suspended', 'reactivated', 'limits_changed',
      'tier_granted', 'tier_revoked', 'account_limits_changed'
    )
  ),
  constraint "an action is on a key or on a user's tier" check (
    case when action in ('tier_granted', 'tier_revoked', 'account_limits_changed')
      then api_key_id is null and tier is not null
      else api_key_id is not null and tier is null
    end
  )
);
comment on table proxy_private.proxy_key_audit is
  'One row per change of a key''s state, or of a user''s grants or account limits, written in the '
  'same transaction as the change.';
comment on column proxy_private.proxy_key_audit.tier is
  'The tier that was granted or revoked, or whose account limits were changed.';
comment on column proxy_private.proxy_key_audit.user_id is
  'The owner of the key at that time, or the user of the grant or account. This user may read the '
  'row.';
comment on column proxy_private.proxy_key_audit.actor_id is
  'The user whose token made the change; null for a change made in SQL without a token.';
comment on column proxy_private.proxy_key_audit.changes is
  'The new values, by column, of an update or a change of limits.';
comment on column proxy_private.proxy_key_audit.reason is
  'The reason that the admin gave for the change.';
comment on column proxy_private.proxy_key_audit.request_id is
  'The X-Request-Id of the request, if well-formed.';
create index proxy_key_audit_key
  on proxy_private.proxy_key_audit (api_key_id, occurred_at desc, id desc);
create index proxy_key_audit_owner
  on proxy_private.proxy_key_audit (user_id, occurred_at desc, id desc);

alter table proxy_private.proxy_key_audit enable row level security;
create policy "owners read the audit of their own keys" on proxy_private.proxy_key_audit
  for select to authenticated using ((select auth.uid()) = user_id);

create trigger keep_audit before update or delete or truncate on proxy_private.proxy_key_audit
  for each statement execute function proxy_private.refuse_change();


-- A trigger sees rows, not why they change: this stores the reason for the statement that follows.
create function proxy_private.give_reason(reason text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  perform set_config('proxy_keys.reason', coalesce(give_reason.reason, ''), true);
end
$$;
comment on function proxy_private.give_reason is
  'Stores the reason for the next change in this transaction, for the audit; null clears it.';


-- Derives the actions from the columns that changed; any column that is not named here counts as an
-- update. SECURITY DEFINER: when an account is removed, this runs as Supabase Auth's role, which
-- may not write the audit.
create function proxy_private.audit_key_change() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  -- columns that have their own action, or that follow from another change
  known constant text[] := array[
    'rotated_at', 'grace_ends_at', 'deleted_at', 'suspended_at', 'suspended_reason', 'user_id',
    'owner_barred_until', 'tier', 'limit_overrides'
  ];
  subject text := auth.jwt() ->> 'sub';
  actor uuid;
  before jsonb;
  updated jsonb;
  actions text[] := '{}';
  action text;
begin
  -- not inside the insert below: planning it could already cast the text to a uuid
  if pg_input_is_valid(subject, 'uuid') then
    actor := subject::uuid;
  end if;
  if tg_op = 'INSERT' then
    actions := array['minted'];
  else
    before := to_jsonb(old) - known;
    updated := to_jsonb(new) - known;
    if updated = before then
      updated := null;
    else
      select jsonb_object_agg(c.key, c.value) into updated
      from jsonb_each(updated) as c where c.value <> before -> c.key;
    end if;
    actions := array_remove(
      array[
        case when updated is not null then 'updated' end,
        case when new.rotated_at is distinct from old.rotated_at then 'rotated' end,
        case when new.deleted_at is not null and old.deleted_at is null then 'deleted' end,
        case when new.suspended_at is not null and old.suspended_at is null then 'suspended' end,
        case when (old.deleted_at is not null and new.deleted_at is null)
          or (old.suspended_at is not null and new.suspended_at is null) then 'reactivated' end,
        case when (new.tier, new.limit_overrides) is distinct from (old.tier, old.limit_overrides)
          then 'limits_changed' end
      ],
      null
    );
  end if;
  foreach action in array actions loop
    insert into proxy_private.proxy_key_audit (
      api_key_id, user_id, actor_id, action, changes, reason, request_id
    )
    values (
      new.id,
      -- if the account is just being removed, only the old row has the owner
      coalesce(new.user_id, old.user_id),
      actor,
      action,
      case action
        when 'updated' then updated
        when 'limits_changed' then jsonb_build_object(
          'tier', new.tier, 'limit_overrides', new.limit_overrides
        )
      end,
      -- only admins give reasons
      case when action in ('suspended', 'reactivated', 'limits_changed')
        then nullif(current_setting('proxy_keys.reason', true), '')
      end,
      proxy_private.request_id()
    );
  end loop;
  return null;
end
$$;
comment on function proxy_private.audit_key_change is
  'Trigger: writes one audit row for each action in an insert or update of a key.';

create trigger audit_key_change after insert or update on proxy_private.proxy_keys
  for each row execute function proxy_private.audit_key_change();


-- SECURITY DEFINER, for the same reason.
create function proxy_private.audit_grant_change() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  subject text := auth.jwt() ->> 'sub';
  actor uuid;
  changed proxy_private.proxy_tier_grants := case when tg_op = 'INSERT' then new else old end;
begin
  -- as above
  if pg_input_is_valid(subject, 'uuid') then
    actor := subject::uuid;
  end if;
  insert into proxy_private.proxy_key_audit (tier, user_id, actor_id, action, reason, request_id)
  values (
    changed.tier,
    changed.user_id,
    actor,
    case when tg_op = 'INSERT' then 'tier_granted' else 'tier_revoked' end,
    nullif(current_setting('proxy_keys.reason', true), ''),
    proxy_private.request_id()
  );
  return null;
end
$$;
comment on function proxy_private.audit_grant_change is
  'Trigger: writes one audit row for each tier that is granted or revoked.';

create trigger audit_grant_change after insert or delete on proxy_private.proxy_tier_grants
  for each row execute function proxy_private.audit_grant_change();

-- SECURITY DEFINER, for the same reason.
create function proxy_private.audit_account_change() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  subject text := auth.jwt() ->> 'sub';
  actor uuid;
  changed proxy_private.proxy_account_limits := case when tg_op = 'DELETE' then old else new end;
begin
  if tg_op = 'UPDATE' and new.limit_overrides = old.limit_overrides then
    return null;
  end if;
  -- as above
  if pg_input_is_valid(subject, 'uuid') then
    actor := subject::uuid;
  end if;
  insert into proxy_private.proxy_key_audit (
    tier, user_id, actor_id, action, changes, reason, request_id
  )
  values (
    changed.tier,
    changed.user_id,
    actor,
    'account_limits_changed',
    jsonb_build_object(
      'limit_overrides', case when tg_op = 'DELETE' then '{}' else changed.limit_overrides end
    ),
    nullif(current_setting('proxy_keys.reason', true), ''),
    proxy_private.request_id()
  );
  return null;
end
$$;
comment on function proxy_private.audit_account_change is
  'Trigger: writes one audit row for each change of an account''s limits.';

create trigger audit_account_change after insert or update or delete on proxy_private.proxy_account_limits
  for each row execute function proxy_private.audit_account_change();

create trigger keep_grants before update or truncate on proxy_private.proxy_tier_grants
  for each statement execute function proxy_private.refuse_change();


-- Default privileges may grant too much: revoke all.
revoke all on table proxy_private.proxy_key_audit from public, anon, authenticated, service_role;
revoke all on function
  proxy_private.give_reason, proxy_private.audit_key_change, proxy_private.audit_grant_change,
  proxy_private.audit_account_change
from public, anon, authenticated, service_role;
