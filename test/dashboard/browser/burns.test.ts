import { text } from 'node:stream/consumers';
import type { Page } from 'playwright-core';
import { afterAll, describe, expect, it } from 'vitest';
import { connectGateway, connectOwner } from '../../support/personas.ts';
import { hourMs, period } from '../../support/usage-scenes.ts';
import { culprit, overQuota, rows, scrollTo, section } from './burn-steps.ts';
import { withoutChromium } from './chromium.ts';
import { dashboardUrl } from './dashboard-url.ts';
import { enter } from './steps.ts';
import { newVisitor } from './visitor.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
const database = { sql, gateway };
afterAll(() => Promise.all([sql.end(), gateway.end()]));

describe.skipIf(withoutChromium)('a customer over quota', () => {
  it('finds the key and the target responsible in at most three actions', async () => {
    const { user, burner } = await overQuota(database);
    const visitor = await newVisitor();
    const { page, picture } = visitor;
    let actions = 0;
    const act = async (action: Promise<unknown>) => {
      actions += 1;
      await action;
    };
    await act(enter(visitor, '/', user));
    const quota = section(page, 'This month’s quota, by tier');
    await quota.getByText('Used up', { exact: true }).waitFor();
    expect(await quota.textContent()).toContain('account_quota_exceeded');
    await expect.poll(() => rows(page, /^Top keys/)).toEqual(['nightly-crawler', 'checkout']);
    await expect.poll(async () => (await rows(page, 'Top targets'))[0]).toBe(culprit);
    await picture('overview-over-quota');
    // the key's own page proves that it was this key
    await act(page.getByRole('link', { name: 'nightly-crawler' }).first().click());
    await page.getByRole('heading', { name: 'nightly-crawler', level: 1 }).waitFor();
    expect(page.url()).toContain(burner.keyId);
    await expect
      .poll(() => rows(page, 'Targets of this key'))
      .toEqual([culprit, 'api.example.org']);
    expect(await section(page, 'Targets of this key').textContent()).toContain('99 %');
    expect(actions).toBeLessThanOrEqual(3);
  });

  it('sees when the quota is used up at this pace, after the first hours of a month', async () => {
    // slightly more than the usage: any pace exceeds it
    const { user } = await overQuota(database, 2_105_001_000);
    const visitor = await newVisitor();
    const { page, picture } = visitor;
    await enter(visitor, '/', user);
    const quota = section(page, 'This month’s quota, by tier');
    await quota.getByRole('meter').waitFor();
    const begun = Date.now() - Date.parse(`${period(0)}-01T00:00:00Z`) >= 6 * hourMs;
    if (begun) await quota.getByText(/At this pace, used up on \d/).waitFor();
    else expect(await quota.textContent()).not.toContain('At this pace');
    await picture('overview-pace');
    // sections that were not scrolled to load before printing
    const targets = section(page, 'Top targets');
    expect(await targets.getByRole('table').count()).toBe(0);
    const reading = await targets.evaluate((part) => {
      const before = part.textContent;
      dispatchEvent(new Event('beforeprint'));
      return part.textContent !== before;
    });
    expect(reading, 'it loads before printing').toBe(true);
    await targets.getByRole('table').waitFor();
  });

  it('sees why requests were refused or failed, and how to fix it', async () => {
    const { user, quiet } = await overQuota(database);
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor, `/keys/${quiet.keyId}`, user);
    const outcomes = section(page, 'Outcomes of this key');
    await scrollTo(page, 'Outcomes of this key');
    await expect
      .poll(() => outcomes.getByRole('table').first().textContent())
      .toContain('rate_limited');
    const words = await outcomes.textContent();
    expect(words).toContain('11.1 %');
    expect(words).toContain('wait for the time in Retry-After');
    expect(words).toContain('target_unreachable');
    expect(words).toContain('Check that the host exists');
    const chart = page.getByRole('img', { name: /^Traffic, running total/ });
    expect(await chart.getAttribute('aria-label')).toContain('The quota is 5 GB');
  });

  it('sorts and filters the lists, and downloads them as CSV', async () => {
    const { user, quiet } = await overQuota(database);
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor, '/', user);
    await section(page, 'Top targets').getByRole('link', { name: 'All targets' }).click();
    const names = () => page.getByRole('table').getByRole('rowheader').allTextContents();
    await expect
      .poll(names)
      .toEqual([culprit, 'shop.example.com', 'api.example.org', 'gone.example.com']);
    await page.getByLabel('Order').selectOption('errors');
    await expect.poll(async () => (await names())[0]).toBe('gone.example.com');
    await page.getByLabel('By').selectOption('site');
    await expect
      .poll(async () => (await names()).sort())
      .toEqual([
        'example.com (hosts of this site)',
        'example.net (hosts of this site)',
        'example.org (hosts of this site)',
      ]);
    await page.getByLabel('By').selectOption('host');
    await page.getByRole('combobox', { name: 'Key' }).fill(quiet.keyId);
    await page.getByRole('option').filter({ hasText: quiet.keyId }).click();
    await expect.poll(names).toEqual(['gone.example.com', 'shop.example.com']);
    expect(page.url()).toContain(`key=${quiet.keyId}`);
    const csv = await downloaded(page);
    expect(csv.name).toBe('targets.csv');
    expect(csv.lines[0]).toBe('kind,host,site,requests,errors,bytesSent,bytesReceived,billedBytes');
    expect(csv.lines[1]).toMatch(/^host,gone\.example\.com,/);
    expect(csv.lines.join()).not.toContain(culprit);

    await page.goto(dashboardUrl(`/usage/outcomes?key=${quiet.keyId}`));
    await expect
      .poll(names)
      .toEqual([
        'Refusedrate_limited: rate limited',
        'Served',
        'Failedtarget_unreachable: target unreachable',
      ]);
    const outcomes = await downloaded(page);
    expect(outcomes.lines[0]).toBe(
      'start,outcome,kind,requests,bytesSent,bytesReceived,billedBytes,howToFix',
    );
    expect(outcomes.lines.filter((line) => line.includes('rate_limited'))).toHaveLength(1);
  });
});

async function downloaded(page: Page) {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download CSV' }).click(),
  ]);
  const csv = await text(await download.createReadStream());
  return { name: download.suggestedFilename(), lines: csv.split('\r\n') };
}

describe.skipIf(withoutChromium)('a section that cannot be loaded', () => {
  const parts: [rpc: string, name: string | RegExp][] = [
    ['proxy_account', 'This month’s quota, by tier'],
    ['proxy_usage_series', 'Usage over time'],
    ['proxy_usage_by_key', /^Top keys/],
    ['proxy_usage_targets', 'Top targets'],
    ['proxy_usage_outcomes', /^Outcomes/],
  ];
  const shown = async (page: Page, name: string | RegExp) => {
    const part = section(page, name).last();
    await scrollTo(page, name);
    await part.locator('table, svg[role=img]').first().waitFor({ state: 'attached' });
    expect(await part.getByRole('alert').count()).toBe(0);
  };

  it('shows its error code and a way to continue, and does not affect the other sections', async () => {
    const { user } = await overQuota(database);
    const visitor = await newVisitor();
    const { page } = visitor;
    let blocked = '';
    await page.route('**/rpc/*', (route) =>
      blocked && route.request().url().endsWith(`/${blocked}`)
        ? route.fulfill({ status: 403, json: { code: '42501', message: 'permission denied' } })
        : route.continue(),
    );
    for (const [rpc, name] of parts) {
      blocked = rpc;
      await page.goto('about:blank');
      await enter(visitor, '/', user);
      const broken = section(page, name).last();
      await scrollTo(page, name);
      await broken.getByRole('alert').waitFor();
      expect(await broken.getByRole('alert').textContent(), rpc).toMatch(
        /ask the operator.*\(forbidden\)/,
      );
      for (const [, other] of parts) if (other !== name) await shown(page, other);
      blocked = '';
      await broken.getByRole('button', { name: 'Try again' }).click();
      await shown(page, name);
    }
  });
});
