import type { Page } from 'playwright-core';
import type { Sql } from 'postgres';
import { expect } from 'vitest';
import { newUser } from '../../support/personas.ts';
import { overrideAccountLimits, seedKey } from '../../support/seeded-keys.ts';
import { recordUsage, usageEvent } from '../../support/usage-events.ts';

/** The target with nearly all of the usage. */
export const culprit = 'videos.example.net';

/**
 * An account over its quota: one of its two keys used nearly all, most of it on one target; the
 * other also has refusals and failures.
 */
export async function overQuota(
  { sql, gateway }: { sql: Sql; gateway: Sql },
  limit = 2_000_000_000,
) {
  const user = await newUser();
  const [burner, quiet] = [await seedKey(sql, user.id), await seedKey(sql, user.id)];
  await sql`update proxy_private.proxy_keys set label = 'nightly-crawler' where id = ${burner.id}`;
  await sql`update proxy_private.proxy_keys set label = 'checkout' where id = ${quiet.id}`;
  await overrideAccountLimits(sql, { userId: user.id }, { account_limit_bytes: limit });
  const refused = { statusCode: 429, code: 'rate_limited', bytesSent: 0, bytesReceived: 0 };
  const events = [
    usageEvent(burner.id, {
      targetHost: culprit,
      targetSite: 'example.net',
      bytesReceived: 1_900_000_000,
    }),
    usageEvent(burner.id, {
      targetHost: 'api.example.org',
      targetSite: 'example.org',
      bytesReceived: 5_000_000,
    }),
    usageEvent(quiet.id, {
      targetHost: 'shop.example.com',
      targetSite: 'example.com',
      bytesReceived: 200_000_000,
    }),
    usageEvent(quiet.id, { ...refused, count: 7, durationMs: 0 }),
    usageEvent(quiet.id, {
      targetHost: 'gone.example.com',
      targetSite: 'example.com',
      statusCode: 502,
      code: 'target_unreachable',
      bytesSent: 0,
      bytesReceived: 0,
    }),
  ];
  const outcome = await recordUsage(gateway, events);
  expect(outcome).toEqual({ recorded: events.length, repeated: 0, rejected: [] });
  return { user, burner, quiet };
}

/** A section of the page, by its heading. */
export const section = (page: Page, name: string | RegExp) => page.getByRole('region', { name });
/** The row names of a section, which loads when it is scrolled into view. */
export async function rows(page: Page, name: string | RegExp): Promise<string[]> {
  await scrollTo(page, name);
  const names = section(page, name).last().getByRole('rowheader');
  return (await names.allTextContents()).map((words) => words.trim());
}

/** Scrolls to a section, so that it loads. */
export const scrollTo = (page: Page, name: string | RegExp) =>
  section(page, name)
    .last()
    .evaluate((part) => part.scrollIntoView());
