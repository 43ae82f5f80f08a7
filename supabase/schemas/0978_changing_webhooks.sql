-- Changing webhooks: list, update, delete, and rotate the signing secret.

-- Security definer: callers may not read tables.
create function proxy_private.list_proxy_webhooks(operator boolean) returns setof public.proxy_webhook
language plpgsql stable security definer rows 10
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid;
begin
  if list_proxy_webhooks.operator then
    perform proxy_private.require_admin();
  else
    owner_id := proxy_private.require_user();
  end if;
  return query
  select s.*
  from proxy_private.proxy_webhooks as w
  cross join lateral proxy_private.show_webhook(w) as s
  -- "is not distinct from" would not use the index
  where w.user_id = owner_id or (owner_id is null and w.user_id is null)
  order by w.created_at, w.id;
end
$$;
comment on function proxy_private.list_proxy_webhooks is
  'Does the work of public.list_proxy_webhooks.';

create function public.list_proxy_webhooks(operator boolean default false)
returns setof public.proxy_webhook
language plpgsql stable security invoker rows 10
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select w.* from proxy_private.list_proxy_webhooks(coalesce(list_proxy_webhooks.operator, false)) as w;
end
$$;
comment on function public.list_proxy_webhooks is
  'Returns the caller''s webhooks, or, for admins with `operator`, those that get all users'' '
  'alerts, oldest first and without secrets. Refusals: unauthorized, forbidden.';


-- `operator` selects the operator's webhooks, not the admin's own. Another user's webhook is not
-- found.
create function proxy_private.lock_webhook(id uuid, operator boolean) returns proxy_private.proxy_webhooks
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_id uuid := proxy_private.require_webhook_owner(coalesce(lock_webhook.operator, false));
  webhook proxy_private.proxy_webhooks;
begin
  select * into webhook from proxy_private.proxy_webhooks as w
  where w.id = lock_webhook.id and w.user_id is not distinct from owner_id
  for no key update;
  if not found then
    perform proxy_private.refuse('webhook_not_found');
  end if;
  perform proxy_private.claim_write(
    coalesce(owner_id, proxy_private.token_subject()),
    case when owner_id is null then 'administer' else 'change' end
  );
  return webhook;
end
$$;
comment on function proxy_private.lock_webhook is
  'Returns the caller''s webhook, or, for admins with `operator`, the operator''s, locked until '
  'the transaction ends, and counts a write. Refusals: unauthorized, forbidden, webhook_not_found, '
  'rate_limited.';


-- Security definer: callers may not write tables.
create function proxy_private.update_proxy_webhook(id uuid, changes jsonb, operator boolean)
returns public.proxy_webhook
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  wanted constant jsonb := update_proxy_webhook.changes;
  unknown_name text;
  webhook proxy_private.proxy_webhooks;
begin
  perform proxy_private.require_size(pg_column_size(wanted), 'changes');
  if jsonb_typeof(wanted) is distinct from 'object' then
    perform proxy_private.refuse('invalid_request', 'changes');
  end if;
  select left(name, 80) into unknown_name
  from jsonb_object_keys(wanted) as name
  where name not in ('label', 'types', 'disabled')
  order by name
  limit 1;
  if unknown_name is not null then
    perform proxy_private.refuse('invalid_request', unknown_name);
  end if;
  webhook := proxy_private.lock_webhook(update_proxy_webhook.id, update_proxy_webhook.operator);
  if wanted ? 'label' then
    if jsonb_typeof(wanted -> 'label') not in ('string', 'null') then
      perform proxy_private.refuse('invalid_request', 'label');
    end if;
    webhook.label := case when wanted ->> 'label' is not null
      then proxy_private.require_label(wanted ->> 'label') end;
  end if;
  if wanted ? 'types' then
    webhook.types := null;
    if jsonb_typeof(wanted -> 'types') <> 'null' then
      if jsonb_typeof(wanted -> 'types') <> 'array'
        or exists (
          select from jsonb_array_elements(wanted -> 'types') as t where jsonb_typeof(t) <> 'string'
        )
      then
        perform proxy_private.refuse('invalid_request', 'types');
      end if;
      webhook.types := proxy_private.require_alert_types(
        array(select jsonb_array_elements_text(wanted -> 'types'))
      );
    end if;
  end if;
  if wanted ? 'disabled' then
    if jsonb_typeof(wanted -> 'disabled') <> 'boolean' then
      perform proxy_private.refuse('invalid_request', 'disabled');
    end if;
    if (wanted -> 'disabled')::boolean then
      webhook.disabled_at := coalesce(webhook.disabled_at, now());
      webhook.disabled_reason := coalesce(webhook.disabled_reason, 'owner');
    else
      -- the three days of failures start again
      webhook.disabled_at := null;
      webhook.disabled_reason := null;
      webhook.failures := 0;
      webhook.failing_since := null;
    end if;
  end if;
  update proxy_private.proxy_webhooks as w
  set label = webhook.label, types = webhook.types, failures = webhook.failures,
    failing_since = webhook.failing_since, disabled_at = webhook.disabled_at,
    disabled_reason = webhook.disabled_reason
  where w.id = webhook.id;
  return proxy_private.show_webhook(webhook);
end
$$;
comment on function proxy_private.update_proxy_webhook is
  'Does the work of public.update_proxy_webhook.';

create function public.update_proxy_webhook(
  id uuid, changes jsonb, operator boolean default false
) returns public.proxy_webhook
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.update_proxy_webhook(
    update_proxy_webhook.id, update_proxy_webhook.changes, update_proxy_webhook.operator
  );
end
$$;
comment on function public.update_proxy_webhook is
  'Sets the fields in `changes` (label, types, disabled) of the caller''s webhook, or, for admins '
  'with `operator`, the operator''s. Enabling a webhook resets its failures; alerts that it missed '
  'while disabled are not sent. Refusals: unauthorized, forbidden, invalid_request (detail: the '
  'field), webhook_not_found, rate_limited (detail: seconds to wait).';


-- Security definer: callers may not write tables.
create function proxy_private.delete_proxy_webhook(id uuid, operator boolean) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  webhook proxy_private.proxy_webhooks :=
    proxy_private.lock_webhook(delete_proxy_webhook.id, delete_proxy_webhook.operator);
begin
  delete from proxy_private.proxy_webhooks as w where w.id = webhook.id;
end
$$;
comment on function proxy_private.delete_proxy_webhook is
  'Does the work of public.delete_proxy_webhook.';

create function public.delete_proxy_webhook(id uuid, operator boolean default false) returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  perform proxy_private.delete_proxy_webhook(delete_proxy_webhook.id, delete_proxy_webhook.operator);
end
$$;
comment on function public.delete_proxy_webhook is
  'Deletes the caller''s webhook, or, for admins with `operator`, the operator''s, with its secret '
  'and its deliveries. Refusals: unauthorized, forbidden, webhook_not_found, rate_limited (detail: '
  'seconds to wait).';


-- Security definer: callers may not write tables.
create function proxy_private.rotate_proxy_webhook(id uuid, operator boolean) returns public.proxy_webhook
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  webhook proxy_private.proxy_webhooks :=
    proxy_private.lock_webhook(rotate_proxy_webhook.id, rotate_proxy_webhook.operator);
  made record;
begin
  if webhook.kind <> 'webhook' then
    perform proxy_private.refuse('invalid_request', 'id');
  end if;
  made := proxy_private.new_signing_key();
  perform proxy_private.keep_webhook_secret(
    webhook.id,
    proxy_private.webhook_secret(webhook.id) || jsonb_build_object('key', made.key)
  );
  return proxy_private.show_webhook(webhook, made.shown);
end
$$;
comment on function proxy_private.rotate_proxy_webhook is
  'Does the work of public.rotate_proxy_webhook.';

create function public.rotate_proxy_webhook(id uuid, operator boolean default false)
returns public.proxy_webhook
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.rotate_proxy_webhook(rotate_proxy_webhook.id, rotate_proxy_webhook.operator);
end
$$;
comment on function public.rotate_proxy_webhook is
  'Gives the caller''s generic webhook, or, for admins with `operator`, the operator''s, a new '
  'signing secret and returns it, only this once. Requests are signed with it from now on. '
  'Refusals: unauthorized, forbidden, invalid_request (detail: id, for another kind), '
  'webhook_not_found, rate_limited (detail: seconds to wait).';


-- Revoke everything, then grant what is needed, even if default privileges are open.
revoke all on function
  proxy_private.lock_webhook,
  proxy_private.list_proxy_webhooks,
  public.list_proxy_webhooks,
  proxy_private.update_proxy_webhook,
  public.update_proxy_webhook,
  proxy_private.delete_proxy_webhook,
  public.delete_proxy_webhook,
  proxy_private.rotate_proxy_webhook,
  public.rotate_proxy_webhook
from public, anon, authenticated, service_role;
grant execute on function
  proxy_private.list_proxy_webhooks,
  public.list_proxy_webhooks,
  proxy_private.update_proxy_webhook,
  public.update_proxy_webhook,
  proxy_private.delete_proxy_webhook,
  public.delete_proxy_webhook,
  proxy_private.rotate_proxy_webhook,
  public.rotate_proxy_webhook
to authenticated;
