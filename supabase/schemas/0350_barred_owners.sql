-- Barred owners: while an account is banned or deleted, its keys are out of service.

create function proxy_private.barred_until(banned_until timestamptz, deleted_at timestamptz)
returns timestamptz
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  -- clamped to this century, like all times here
  return case
    when barred_until.deleted_at is not null then timestamptz '2100-01-01 00:00Z'
    when barred_until.banned_until is not null then least(
      greatest(barred_until.banned_until, timestamptz '2000-01-01 00:00Z'),
      timestamptz '2100-01-01 00:00Z'
    )
  end;
end
$$;
comment on function proxy_private.barred_until is
  'Until when a Supabase Auth account with this banned_until and deleted_at is barred: 2100 if '
  'permanently, null if it is not barred.';


-- The lock orders a mint and a ban: either the ban waits and then finds the new key, or the mint
-- waits and then finds the ban.
create function proxy_private.note_owner_state() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  select
    case when u.banned_until is not null or u.deleted_at is not null
      then proxy_private.barred_until(u.banned_until, u.deleted_at)
    end
  into new.owner_barred_until
  from auth.users as u where u.id = new.user_id
  for share;
  return new;
end
$$;
comment on function proxy_private.note_owner_state is
  'Trigger: sets owner_barred_until on a key that is minted, or reactivated after its deletion.';

create trigger note_owner_state before insert on proxy_private.proxy_keys
  for each row execute function proxy_private.note_owner_state();
create trigger note_owner_state_again before update of deleted_at on proxy_private.proxy_keys
  for each row when (old.deleted_at is not null and new.deleted_at is null)
  execute function proxy_private.note_owner_state();


-- SECURITY DEFINER: Supabase Auth's role may not write keys.
create function proxy_private.bar_keys() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update proxy_private.proxy_keys as k
  set owner_barred_until = proxy_private.barred_until(new.banned_until, new.deleted_at)
  where k.user_id = new.id
    and k.deleted_at is null
    and k.owner_barred_until is distinct from
      proxy_private.barred_until(new.banned_until, new.deleted_at);
  return null;
end
$$;
comment on function proxy_private.bar_keys is
  'Trigger: takes an account''s keys out of service while the account is banned or deleted, and '
  'restores them afterwards.';

create trigger bar_keys after update of banned_until, deleted_at on auth.users
  for each row
  when ((old.banned_until, old.deleted_at) is distinct from (new.banned_until, new.deleted_at))
  execute function proxy_private.bar_keys();


-- Default privileges may grant too much: revoke all.
revoke all on function
  proxy_private.barred_until, proxy_private.note_owner_state, proxy_private.bar_keys
from public, anon, authenticated, service_role;
