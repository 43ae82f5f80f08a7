import postgres from 'postgres';
import { demoUser } from '../stack/describe-stack.ts';
import type { Stack } from '../stack/stack.ts';

const megabytesAnHour = { 'price-monitor': 45, 'prod-scraper': 4, 'integration-tests': 0.3 };

/**
 * Gives the keys of a stack's demo user two months of usage that rises and falls as people's does; what
 * they have already is even, and goes five weeks back.
 */
export async function furnishDemoUser({ dbUrl }: Pick<Stack, 'dbUrl'>): Promise<void> {
  const sql = postgres(dbUrl, { max: 1, onnotice: () => {} });
  try {
    // older than their usage, which a key cannot have before it is made
    await sql`
      update private.proxy_keys as k
      set created_at = date_trunc('month', now(), 'UTC') - interval '1 month'
      from auth.users as u
      where u.id = k.user_id and u.email = ${demoUser.email}`;
    await sql`
      select gateway.record_usage(jsonb_agg(jsonb_build_object(
        'eventId', gen_random_uuid(),
        'apiKeyId', k.id,
        'occurredAt', hour,
        'targetHost', 'shop.example.com',
        'method', 'CONNECT',
        'statusCode', 200,
        'bytesSent', 20000,
        'bytesReceived', round(
          1e6 * wanted.megabytes::numeric
          * (1.1 + sin((extract(hour from hour) - 9) / 24 * 6.283))
          * case when extract(isodow from hour) > 5 then 0.45 else 1 end
          * (1 - extract(epoch from now() - hour) / 86400 / 120)
        ),
        'durationMs', 900,
        'servedByNodeId', 'fra-1'
      )))
      from private.proxy_keys as k
      join auth.users as u on u.id = k.user_id and u.email = ${demoUser.email}
      join jsonb_each_text(${JSON.stringify(megabytesAnHour)}::text::jsonb)
        as wanted (label, megabytes) on wanted.label = k.label
      cross join generate_series(
        date_trunc('month', now(), 'UTC') - interval '1 month', now(), interval '1 hour'
      ) as hour`;
  } finally {
    await sql.end({ timeout: 1 });
  }
}
