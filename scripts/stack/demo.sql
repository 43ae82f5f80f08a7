-- For the local stack only: a demo user, an admin, and three keys of the demo user with two months of
-- usage in a realistic daily rhythm, all created through the functions that callers use. Their secrets
-- are not stored: rotate a key to get one. Sign in as demo@example.com or admin@example.com with the
-- password `proxy-keys-demo`. This file is not in supabase/ because that password is public: never run
-- it on a hosted database.

insert into auth.users (
  instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
  raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
  confirmation_token, recovery_token, email_change, email_change_token_new
)
select
  '00000000-0000-0000-0000-000000000000', account.id, 'authenticated', 'authenticated',
  account.email, extensions.crypt('proxy-keys-demo', extensions.gen_salt('bf', 10)), now(),
  account.app_meta_data, '{}', now(), now(), '', '', '', ''
from (
  values
    (
      '0193b1c0-0000-7000-8000-000000000001'::uuid, 'demo@example.com',
      '{"provider": "email", "providers": ["email"]}'::jsonb
    ),
    (
      '0193b1c0-0000-7000-8000-000000000002'::uuid, 'admin@example.com',
      '{"provider": "email", "providers": ["email"], "role": "admin"}'::jsonb
    )
) as account (id, email, app_meta_data);

insert into auth.identities (
  id, provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at
)
select
  gen_random_uuid(), u.id::text, u.id,
  jsonb_build_object('sub', u.id::text, 'email', u.email, 'email_verified', true), 'email',
  now(), now(), now()
from auth.users as u
where u.email in ('demo@example.com', 'admin@example.com');

do $$
declare
  demo_user_id constant uuid := '0193b1c0-0000-7000-8000-000000000001';
  wanted record;
  minted public.minted_proxy_key;
begin
  perform set_config('request.jwt.claims', jsonb_build_object('sub', demo_user_id)::text, true);
  perform setseed(0.42);
  for wanted in
    select * from (
      values
        ('prod-scraper', 'developer', true, 15),
        ('price-monitor', 'team', true, 70),
        ('integration-tests', 'developer', false, 5)
    ) as v (label, tier, live_mode, connects_per_day)
  loop
    minted := proxy_private.mint_proxy_key(wanted.label, wanted.tier, wanted.live_mode, null);
    -- backdated, as a key cannot have usage before it is created
    update proxy_private.proxy_keys set created_at = now() - interval '63 days' where id = minted.id;
    perform gateway.record_usage(jsonb_agg(jsonb_build_object(
      'eventId', proxy_private.uuid_v7(),
      'apiKeyId', minted.id,
      'occurredAt', event.at,
      'targetHost',
        (array['shop.example.com', 'api.example.net', 'www.example.org'])[1 + event.n % 3],
      'method', 'CONNECT',
      'statusCode', 200,
      'bytesSent', 500 + floor(random() * 5000),
      'bytesReceived', floor(
        20000 + random() * 16000000
        -- less at night and on weekends, and slightly less further in the past
        * (1.1 + sin((extract(hour from event.at)::float - 9) / 24 * 2 * pi()))
        * case when extract(isodow from event.at) > 5 then 0.45 else 1 end
        * (1 - extract(epoch from now() - event.at)::float / 86400 / 120)
      ),
      'durationMs', 80 + floor(random() * 4000),
      'servedByNodeId', 'demo'
    )))
    from (
      select n, now() - random() * interval '62 days' as at
      from generate_series(1, 62 * wanted.connects_per_day) as n
    ) as event;
  end loop;
end
$$;
