import { afterAll, describe, expect, it } from 'vitest';
import { connectOwner, newUser } from '../../support/personas.ts';
import { seedKeys } from '../../support/seeded-keys.ts';
import { withoutChromium } from './chromium.ts';
import { dashboardUrl } from './dashboard-url.ts';
import { enter } from './steps.ts';
import { newVisitor } from './visitor.ts';

const sql = connectOwner();
afterAll(() => sql.end());

describe.skipIf(withoutChromium)('the first load', () => {
  it('of the overview, with nothing cached, transfers under 200 kB in at most 12 requests', async () => {
    const user = await newUser();
    await user.supabase.rpc('mint_proxy_key', { label: 'one' });
    const visitor = await newVisitor({ unused: true });
    const { page, context } = visitor;
    await enter(visitor, '/', user);
    const session = await context.newCDPSession(page);
    await session.send('Network.enable');
    await session.send('Network.setCacheDisabled', { cacheDisabled: true });
    const transferred: { url: string; bytes: number }[] = [];
    const urls = new Map<string, string>();
    session.on('Network.responseReceived', ({ requestId, response }) =>
      urls.set(requestId, response.url),
    );
    session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) =>
      transferred.push({ url: urls.get(requestId) ?? '', bytes: encodedDataLength }),
    );
    await page.goto('about:blank');
    // ignore requests that the previous page was waiting for
    transferred.length = 0;
    await page.goto(dashboardUrl());
    await page.getByRole('img').first().waitFor();
    await page.waitForLoadState('networkidle');
    const scripts = transferred.filter(({ url }) => url.endsWith('.js'));
    expect(scripts.length).toBeGreaterThan(0);
    const total = transferred.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(total, JSON.stringify(transferred, null, 2)).toBeLessThan(200_000);
    expect(transferred.length, JSON.stringify(transferred, null, 2)).toBeLessThanOrEqual(12);
  });

  it('of each page takes no more bytes or CPU time with 1,500 keys than with twelve', async () => {
    const few = await loadsOf(4);
    const many = await loadsOf(500);
    for (const [path, { bytes, seconds }] of Object.entries(few)) {
      expect(bytes, path).toBeGreaterThan(0);
      expect(many[path]?.bytes, `${path}: ${bytes} bytes for twelve keys`).toBeLessThan(
        bytes * 1.03 + 100,
      );
      expect(many[path]?.seconds, path).toBeLessThan(seconds * 1.5 + 0.1);
    }
  });
});

interface Load {
  /** Bytes of the database's answers: the page itself is the same. */
  bytes: number;
  /** CPU time of the page's thread. */
  seconds: number;
}

/** The load of each page on a phone, for a user with that many keys per tier. */
async function loadsOf(keysOfTier: number): Promise<Record<string, Load>> {
  const user = await newUser();
  for (const tier of ['developer', 'team', 'enterprise']) {
    await seedKeys(sql, user.id, keysOfTier, { tier });
  }
  // each new key raises an alert
  await sql`delete from proxy_private.proxy_alerts where user_id = ${user.id}`;
  const visitor = await newVisitor({ viewport: { width: 390, height: 900 }, unused: true });
  const { page, context } = visitor;
  await enter(visitor, '/', user);
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const secondsUntilNow = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0;
  };
  const answers = new Set<string>();
  let bytes = 0;
  session.on('Network.responseReceived', ({ requestId, response }) => {
    if (response.url.includes('/rest/v1/')) answers.add(requestId);
  });
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (answers.has(requestId)) bytes += encodedDataLength;
  });
  const loads: Record<string, Load> = {};
  for (const path of ['/', '/keys', '/alerts', '/alerts/thresholds']) {
    await page.goto('about:blank');
    bytes = 0;
    const before = await secondsUntilNow();
    await page.goto(dashboardUrl(path));
    await page.waitForLoadState('networkidle');
    loads[path] = { bytes, seconds: (await secondsUntilNow()) - before };
  }
  return loads;
}
