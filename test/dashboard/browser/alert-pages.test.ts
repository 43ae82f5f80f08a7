import type { Page } from 'playwright-core';
import { afterAll, describe, expect, it } from 'vitest';
import { startReceiver } from '../../deliver/receiver.ts';
import { connectGateway, newAdmin, newUser } from '../../support/personas.ts';
import { recordUsage, usageEvent } from '../../support/usage-events.ts';
import { expectAccessible } from './axe.ts';
import { focused, press, tabTo } from './by-keyboard.ts';
import { withoutChromium } from './chromium.ts';
import { dashboardUrl } from './dashboard-url.ts';
import { enter } from './steps.ts';
import { newVisitor, type Visitor } from './visitor.ts';

const gateway = connectGateway(1);
afterAll(() => gateway.end());

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const cancel = (page: Page) => button(page, 'Cancel').click();
const wide = 'W'.repeat(80);

const sizes = [
  { width: 1440, height: 900, judged: true },
  { width: 768, height: 1024, judged: false },
  { width: 320, height: 640, judged: false },
  { width: 390, height: 844, judged: true },
];

/** Checks that nothing exceeds the edge at each size; runs axe-core at some sizes. */
async function check({ page, picture }: Visitor, name: string): Promise<void> {
  for (const { judged, ...size } of sizes) {
    await page.setViewportSize(size);
    const beyond = await page.evaluate(() => {
      const { clientWidth } = document.documentElement;
      return [...document.querySelectorAll('main, main *, [role$=dialog], [role$=dialog] *')]
        .filter((element) => {
          const { right, width } = element.getBoundingClientRect();
          return width > 1 && right > clientWidth + 1 && !element.closest('.visually-hidden');
        })
        .map((element) => `${element.tagName} “${element.textContent?.slice(0, 40)}”`);
    });
    expect(beyond, `${name}, ${size.width} px`).toEqual([]);
    for (const colorScheme of judged ? (['light', 'dark'] as const) : []) {
      await page.emulateMedia({ colorScheme });
      const what = `${name}-${size.width}-${colorScheme}`;
      await picture(what);
      await expectAccessible(page, what);
    }
  }
}

describe.skipIf(withoutChromium)('the pages about alerts', () => {
  it('pass axe-core in light and dark, and nothing exceeds the edge at any size', async () => {
    const receiver = await startReceiver();
    receiver.answer = (response) => response.writeHead(500).end(`${wide}\n<html>no room</html>`);
    const user = await newUser();
    const { supabase } = user;
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor, '/alerts', user);
    await page.getByText('No alerts yet').waitFor();
    await check(visitor, 'no-alerts');
    await page.goto(dashboardUrl('/alerts/webhooks'));
    await page.getByText('No webhooks yet').waitFor();
    await check(visitor, 'no-webhooks');

    await button(page, 'Create webhook').click();
    await page.getByLabel('URL').fill('gopher://nowhere');
    await page.getByLabel('Label').fill(wide);
    await page.getByLabel('Selected types').check();
    await page.getByLabel('Key reached a quota threshold').check();
    await page.getByRole('dialog').getByRole('button', { name: 'Create webhook' }).click();
    await page.getByText('Enter a complete URL').waitFor();
    await check(visitor, 'new-webhook-refused');
    await page.getByLabel('URL').fill(`${receiver.url}/${wide}`);
    await page.getByRole('dialog').getByRole('button', { name: 'Create webhook' }).click();
    await button(page, 'I have stored it').waitFor();
    await check(visitor, 'signing-secret');
    await button(page, 'I have stored it').click();

    await supabase.rpc('create_proxy_webhook', {
      kind: 'webhook',
      url: 'http://127.0.0.1:9/',
      types: ['key.deleted'],
    });
    const { data: key } = await supabase.rpc('mint_proxy_key', { label: wide });
    const id = key?.id ?? '';
    await recordUsage(gateway, [usageEvent(id, { bytesReceived: 4.9e9 })]);
    const admin = await newAdmin();
    await admin.supabase.rpc('suspend_proxy_key', { id, reason: `abuse report 17, ${wide}` });
    await supabase.rpc('set_proxy_alert_thresholds', { id, percents: [50, 90] });
    await page.getByRole('link', { name: wide }).click();
    await page.getByText('Refused by the receiver', { exact: false }).first().waitFor();
    await page
      .getByText(/^\d+ attempts?$/)
      .first()
      .click();
    await check(visitor, 'webhook');
    for (const action of ['Edit', 'Rotate secret', 'Delete']) {
      await button(page, action).click();
      await page.getByRole('dialog').waitFor();
      await check(visitor, `webhook-${action.toLowerCase().replace(' ', '-')}`);
      await cancel(page);
    }
    await button(page, 'Disable').click();
    await button(page, 'Enable').waitFor();
    await check(visitor, 'webhook-disabled');
    await page.goto(dashboardUrl('/alerts/webhooks'));
    await page.getByRole('table').waitFor();
    await check(visitor, 'webhooks');
    await page.goto(dashboardUrl('/alerts'));
    await page.getByText('Key suspended').last().waitFor();
    await check(visitor, 'alerts');
    await page.goto(dashboardUrl('/alerts/thresholds'));
    await page.getByRole('table').waitFor();
    await check(visitor, 'thresholds');
    await button(page, 'Edit account thresholds').click();
    await page.getByLabel('At custom percentages of the quota').check();
    await page.getByLabel('Percentages', { exact: true }).fill('5');
    await button(page, 'Save').click();
    await page.getByText('Enter whole numbers').waitFor();
    await check(visitor, 'thresholds-wrong');
    await cancel(page);
    await button(page, 'Set for a key').click();
    await page.getByRole('dialog').waitFor();
    await page.getByRole('combobox', { name: 'Key' }).click();
    await page.getByRole('option').first().waitFor();
    await page.keyboard.press('ArrowDown');
    await check(visitor, 'thresholds-of-a-key');
    await page.keyboard.press('Escape');
    await cancel(page);
    await page.goto(dashboardUrl('/alerts/webhooks/none'));
    await page.getByRole('heading', { name: 'Webhook not found' }).waitFor();
    await check(visitor, 'no-such-webhook');
  });

  it('can be used by keyboard alone', async () => {
    const receiver = await startReceiver();
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor);
    await press(page, 'Alerts');
    await page.getByText('No alerts yet').waitFor();
    await press(page, 'Webhooks');
    await page.getByText('No webhooks yet').waitFor();
    await press(page, 'Create webhook');
    await expect.poll(async () => (await focused(page)).name).toBe('Kind');
    await tabTo(page, 'URL');
    await page.keyboard.type(receiver.url);
    await tabTo(page, 'Label');
    await page.keyboard.type('by hand');
    await press(page, 'Create webhook');
    await page.getByRole('alertdialog').waitFor();
    await press(page, 'Copy Signing secret');
    await page.getByText('Copied.').waitFor();
    await press(page, 'I have stored it');
    await page.getByRole('alertdialog').waitFor({ state: 'detached' });
    await expect.poll(async () => (await focused(page)).name).toBe('Create webhook');
    await press(page, 'by hand');
    await page.getByRole('heading', { name: 'by hand', level: 1 }).waitFor();
    await expect.poll(async () => (await focused(page)).name).toBe('by hand');
    await press(page, 'Send test');
    await page.getByText('Delivered, status 200', { exact: false }).first().waitFor();
    await press(page, /^Send again/);
    await receiver.until(2);
    await press(page, /^\d attempts?$/);
    await page.getByText('Response body').first().waitFor();
    await press(page, 'Delete');
    await page.getByRole('dialog').waitFor();
    await press(page, 'Delete webhook');
    await page.getByText('No webhooks yet').waitFor();
    await expect.poll(async () => (await focused(page)).name).toBe('Webhooks');
  });
});
