import { afterAll, describe, expect, it } from 'vitest';
import { connectGateway, connectOwner } from '../../support/personas.ts';
import { dayFromNow } from '../../support/usage-scenes.ts';
import { culprit, overQuota, rows, scrollTo } from './burn-steps.ts';
import { withoutChromium } from './chromium.ts';
import { enter } from './steps.ts';
import { newVisitor } from './visitor.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
const database = { sql, gateway };
afterAll(() => Promise.all([sql.end(), gateway.end()]));

describe.skipIf(withoutChromium)('the time span', () => {
  it('is chosen by name or by days, and is in the address', async () => {
    const { user } = await overQuota(database);
    const visitor = await newVisitor();
    const { page } = visitor;
    const asked: string[] = [];
    page.on('request', (request) => {
      if (request.url().endsWith('/rpc/proxy_usage_targets')) asked.push(request.postData() ?? '');
    });
    await enter(visitor, '/', user);
    await expect.poll(() => rows(page, 'Top targets')).toHaveLength(4);
    for (const [name, value] of [
      ['24 hours', 'hours'],
      ['7 days', 'week'],
      ['30 days', 'days'],
    ]) {
      await page.getByRole('radio', { name: name ?? '' }).check();
      await expect.poll(() => page.url()).toContain(`span=${value}`);
      await expect.poll(async () => (await rows(page, 'Top targets'))[0]).toBe(culprit);
    }
    await page.getByRole('radio', { name: 'Custom' }).check();
    const [first, last] = [dayFromNow(-40), dayFromNow(-36)];
    await page.getByLabel('First day (UTC)').fill(last);
    await page.getByLabel('Last day (UTC)').fill(first);
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByText('The last day is before the first.').waitFor();
    await page.getByLabel('First day (UTC)').fill(first);
    await page.getByLabel('Last day (UTC)').fill(last);
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByText('No targets in this time.').waitFor();
    expect(page.url()).toContain(`span=${first}_${last}`);
    expect(JSON.parse(asked.at(-1) ?? '{}')).toMatchObject({
      from: `${first}T00:00:00.000Z`,
      to: `${dayFromNow(-35)}T00:00:00.000Z`,
    });
    // an address that was saved
    await page.reload();
    await scrollTo(page, 'Top targets');
    await page.getByText('No targets in this time.').waitFor();
    expect(await page.getByLabel('First day (UTC)').inputValue()).toBe(first);
  });

  it('is kept while the events of a key are filtered', async () => {
    const { user, quiet } = await overQuota(database);
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor, `/keys/${quiet.keyId}?span=week`, user);
    await page.getByLabel('Status').fill('429');
    await page.getByRole('button', { name: 'Filter', exact: true }).click();
    await expect.poll(() => page.url()).toContain('status=429');
    expect(page.url()).toContain('span=week');
    await page.getByRole('radio', { name: '30 days' }).check();
    await expect.poll(() => page.url()).toContain('span=days');
    expect(page.url()).toContain('status=429');
  });
});
