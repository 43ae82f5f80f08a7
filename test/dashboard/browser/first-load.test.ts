import { describe, expect, it } from 'vitest';
import { newUser } from '../../support/personas.ts';
import { withoutChromium } from './chromium.ts';
import { dashboardUrl } from './dashboard-url.ts';
import { enter } from './steps.ts';
import { newVisitor } from './visitor.ts';

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
    // what the page before still waited for is no part of it
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
});
