-- Audit: who did what to which key, when, in which request. Written by a trigger, so that no way of
-- changing a key can leave it out; never changed or removed; never a secret or a hash.

create table public.proxy_key_audit (
  id uuid primary key default private.uuid_v7(),
  api_key_id uuid not null references public.proxy_keys (id),
  user_id uuid,
  actor_id uuid,
  action text not null,
  request_id text,
  occurred_at timestamptz not null default pg_catalog.clock_timestamp(),
  constraint "an action is a known one" check (
    action in ('minted', 'rotated', 'deleted', 'suspended', 'reactivated', 'limits_changed')
  )
);
comment on table public.proxy_key_audit is
  'One row for each change of a key''s state, written in the change''s own transaction.';
comment on column public.proxy_key_audit.user_id is 'The key''s owner at that time, who may read it.';
comment on column public.proxy_key_audit.actor_id is
  'The user whose token made the change; null for a change made in SQL without one.';
comment on column public.proxy_key_audit.request_id is 'The X-Request-Id of the request, if sane.';
create index proxy_key_audit_key on public.proxy_key_audit (api_key_id, occurred_at desc);
create index proxy_key_audit_owner on public.proxy_key_audit (user_id, occurred_at desc);

alter table public.proxy_key_audit enable row level security;
create policy "owners read the audit of their own keys" on public.proxy_key_audit
  for select to authenticated using ((select auth.uid()) = user_id);
revoke all on table public.proxy_key_audit from public, anon, authenticated, service_role;
grant select on table public.proxy_key_audit to authenticated;

create trigger keep_audit before update or delete or truncate on public.proxy_key_audit
  for each statement execute function private.refuse_change();


-- Derives the action from what changed in the row.
-- A definer: when an account is removed, this runs as Supabase Auth's role, which may write no audit.
create function private.audit_key_change() returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  claims jsonb := auth.jwt();
  actions text[] := '{}';
begin
  if tg_op = 'INSERT' then
    actions := array['minted'];
  else
    if new.rotated_at is distinct from old.rotated_at then
      actions := actions || 'rotated'::text;
    end if;
    if new.deleted_at is not null and old.deleted_at is null then
      actions := actions || 'deleted'::text;
    end if;
    if new.suspended_at is not null and old.suspended_at is null then
      actions := actions || 'suspended'::text;
    end if;
    if (old.deleted_at is not null or old.suspended_at is not null)
      and new.deleted_at is null and new.suspended_at is null
    then
      actions := actions || 'reactivated'::text;
    end if;
    if (new.tier, new.bandwidth_limit_override_bytes, new.rate_limit_override)
      is distinct from (old.tier, old.bandwidth_limit_override_bytes, old.rate_limit_override)
    then
      actions := actions || 'limits_changed'::text;
    end if;
  end if;
  insert into public.proxy_key_audit (api_key_id, user_id, actor_id, action, request_id)
  select
    new.id,
    -- an owner whose account is just being removed was the owner until now
    coalesce(new.user_id, old.user_id),
    case
      when pg_catalog.pg_input_is_valid(claims ->> 'sub', 'uuid') then (claims ->> 'sub')::uuid
    end,
    action,
    private.request_id()
  from pg_catalog.unnest(actions) as action;
  return null;
end
$$;
comment on function private.audit_key_change() is
  'Trigger: writes one audit row for each action that an insert or update of a key amounts to.';
revoke all on function private.audit_key_change() from public, anon, authenticated, service_role;

create trigger audit_key_change after insert or update on public.proxy_keys
  for each row execute function private.audit_key_change();
