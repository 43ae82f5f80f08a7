import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { startReceiver } from '../../deliver/receiver.ts';
import { newAdmin, newUser } from '../../support/personas.ts';
import { withoutChromium } from './chromium.ts';
import { dashboardUrl } from './dashboard-url.ts';
import { enter, shownAs } from './steps.ts';
import { newVisitor, type Visitor } from './visitor.ts';

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const said = (page: Page) => page.getByRole('main').getByRole('status');

/** Creates a webhook on the list of webhooks; its signing secret is then shown. */
async function createWebhook(
  page: Page,
  url: string,
  label: string,
  onlyType?: string,
): Promise<void> {
  await button(page, 'Create webhook').click();
  await page.getByLabel('URL').fill(url);
  await page.getByLabel('Label').fill(label);
  if (onlyType) {
    await page.getByLabel('Selected types').check();
    await page.getByLabel(onlyType).check();
  }
  await page.getByRole('dialog').getByRole('button', { name: 'Create webhook' }).click();
  await button(page, 'I have stored it').waitFor();
}

/** Everything that the page shows and stores, to search for a secret. */
function keptBy(page: Page): Promise<string> {
  return page.evaluate(() =>
    JSON.stringify([
      document.documentElement.outerHTML,
      [...document.querySelectorAll('input, textarea')].map(
        (control) => (control as HTMLInputElement).value,
      ),
      { ...localStorage },
      { ...sessionStorage },
      history.state,
      location.href,
    ]),
  );
}

async function expectGone({ page, console: lines, exchanges }: Visitor, secret: string) {
  expect(await keptBy(page)).not.toContain(secret);
  expect(lines.join('\n')).not.toContain(secret);
  const received = (await exchanges()).filter((exchange) => exchange.received.includes(secret));
  expect(received).toHaveLength(1);
}

describe.skipIf(withoutChromium)('alerts', () => {
  it('a webhook is created, tested, shown as failing, sent again, disabled and deleted', async () => {
    const receiver = await startReceiver();
    const visitor = await newVisitor({ recorded: true });
    const { page } = visitor;
    await enter(visitor);
    await page.getByRole('link', { name: 'Alerts', exact: true }).click();
    await page.getByText('No alerts yet').waitFor();
    await page.getByRole('link', { name: 'Webhooks', exact: true }).first().click();
    await page.getByText('No webhooks yet').waitFor();
    await createWebhook(page, receiver.url, 'ops');
    const secret = await shownAs(page, 'Signing secret');
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    await page.keyboard.press('Escape');
    expect(await shownAs(page, 'Signing secret')).toBe(secret);
    await button(page, 'I have stored it').click();
    await page.getByRole('alertdialog').waitFor({ state: 'detached' });
    await expectGone(visitor, secret);

    await page.getByRole('link', { name: 'ops' }).click();
    await page.getByText('No deliveries yet').waitFor();
    await button(page, 'Send test').click();
    const [test] = await receiver.until(1);
    expect(test?.body).toContain('webhook.test');
    await page.getByText('Delivered, status 200', { exact: false }).first().waitFor();
    await said(page).getByText('Working', { exact: true }).waitFor();

    receiver.answer = (response) => response.writeHead(500).end('<b>no room</b>');
    await button(page, 'Send test').click();
    await page.getByText('Refused by the receiver, status 500', { exact: false }).first().waitFor();
    await said(page).getByText('Failing', { exact: true }).waitFor();
    const failing = page.getByRole('listitem').filter({ hasText: 'Next attempt' });
    await failing.getByText(/^\d+ attempts?$/).click();
    // a receiver's answer is shown as text, whatever it contains
    await failing.locator('pre').getByText('<b>no room</b>').first().waitFor();
    expect(await page.locator('pre b').count()).toBe(0);

    receiver.answer = (response) => response.end('ok');
    await page
      .getByRole('button', { name: /^Send again/ })
      .first()
      .click();
    await failing.waitFor({ state: 'detached' });
    await said(page).getByText('Working', { exact: true }).waitFor();

    await button(page, 'Rotate secret').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate secret' }).click();
    const rotated = await shownAs(page, 'Signing secret');
    expect(rotated).not.toBe(secret);
    await button(page, 'I have stored it').click();
    await page.getByRole('alertdialog').waitFor({ state: 'detached' });
    await expectGone(visitor, rotated);

    await button(page, 'Disable').click();
    await said(page).getByText('Disabled', { exact: true }).waitFor();
    expect(await button(page, 'Send test').count()).toBe(0);
    await button(page, 'Enable').click();
    await button(page, 'Send test').waitFor();

    await button(page, 'Edit').click();
    await page.getByLabel('Label').fill('ops, quotas');
    await page.getByLabel('Selected types').check();
    await button(page, 'Save').click();
    await page.getByText('Select at least one type.').waitFor();
    await page.getByLabel('Key reached a quota threshold').check();
    await button(page, 'Save').click();
    await page.getByRole('heading', { name: 'ops, quotas' }).waitFor();
    await page.getByRole('definition').getByText('Key reached a quota threshold').waitFor();

    await button(page, 'Delete').click();
    await button(page, 'Delete webhook').click();
    await page.getByText('No webhooks yet').waitFor();
    await page.reload();
    await page.getByText('No webhooks yet').waitFor();
    await expectGone(visitor, secret);
    await expectGone(visitor, rotated);
  });

  it('an invalid URL of a Slack webhook is explained, and the URL is nowhere after it was sent', async () => {
    const visitor = await newVisitor({ recorded: true });
    const { page } = visitor;
    await enter(visitor, '/alerts/webhooks');
    await button(page, 'Create webhook').click();
    await page.getByLabel('Kind').selectOption('Slack');
    const url = page.getByLabel('Incoming webhook URL');
    await url.fill('https://example.com/services');
    // nothing is sent to this address
    await page.getByLabel('Selected types').check();
    await page.getByLabel('Webhook disabled').check();
    await page.getByRole('dialog').getByRole('button', { name: 'Create webhook' }).click();
    await page.getByText('Enter a URL that starts with https://hooks.slack.com/.').waitFor();
    await page.getByLabel('Kind').selectOption('Discord');
    expect(await page.getByLabel('Webhook URL').inputValue()).toBe('');
    await page.getByLabel('Kind').selectOption('Slack');
    const token = crypto.randomUUID();
    await url.fill(`https://hooks.slack.com/services/T0/B0/${token}`);
    await page.getByRole('dialog').getByRole('button', { name: 'Create webhook' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'hooks.slack.com' }).click();
    await page.getByText('No deliveries yet').waitFor();
    expect(await button(page, 'Rotate secret').count()).toBe(0);
    expect(await keptBy(page)).not.toContain(token);
    const all = await visitor.exchanges();
    expect(all.filter(({ received }) => received.includes(token))).toEqual([]);
  });

  it('a webhook that answers 410 is disabled; the list of alerts shows the reason and a link to it', async () => {
    const receiver = await startReceiver();
    receiver.answer = (response) => response.writeHead(410).end();
    const user = await newUser();
    await user.supabase.rpc('create_proxy_webhook', {
      kind: 'webhook',
      url: receiver.url,
      label: 'gone',
    });
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor, '/alerts/webhooks', user);
    await page.getByRole('link', { name: 'gone' }).click();
    await button(page, 'Send test').click();
    await said(page)
      .getByText(/^Disabled since .+, after it returned 410 Gone/)
      .waitFor();
    await page.getByText('Failed', { exact: true }).waitFor();
    await page.goto(dashboardUrl('/alerts'));
    const disabled = page.getByRole('listitem').filter({ hasText: 'Webhook disabled' });
    await disabled.getByText('it responded with 410 Gone').waitFor();
    await disabled.getByRole('link', { name: 'Open webhook' }).click();
    await page.getByRole('heading', { name: 'gone', level: 1 }).waitFor();
    await button(page, 'Enable').waitFor();
  });

  it('the alerts of keys are listed, can be filtered, and link to the key', async () => {
    const user = await newUser();
    const { supabase } = user;
    await supabase.rpc('mint_proxy_key', { label: 'kept' });
    const { data: gone } = await supabase.rpc('mint_proxy_key', { label: '<i>gone</i>' });
    await supabase.rpc('delete_proxy_key', { id: gone?.id ?? '' });
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor, '/alerts', user);
    const entries = page.getByRole('list').getByRole('listitem');
    await expect.poll(() => entries.count()).toBe(3);
    expect(await entries.first().textContent()).toContain(
      `Key ${gone?.key_id} (<i>gone</i>) was deleted. Its requests are refused.`,
    );
    await page.getByLabel('Type').selectOption('Key created');
    await expect.poll(() => entries.count()).toBe(2);
    await page.getByRole('combobox', { name: 'Key' }).fill(gone?.key_id ?? '');
    await page
      .getByRole('option')
      .filter({ hasText: gone?.key_id ?? '' })
      .click();
    await expect.poll(() => entries.count()).toBe(1);
    await page.reload();
    await expect.poll(() => entries.count()).toBe(1);
    await page.getByLabel('Type').selectOption('Key suspended');
    await page.getByText('No alerts match these filters').waitFor();
    await button(page, 'Show all alerts').click();
    await expect.poll(() => entries.count()).toBe(3);
    await entries.last().getByRole('link').click();
    await page.getByRole('heading', { name: 'kept', level: 1 }).waitFor();
  });

  it('more alerts than fit a page are shown page by page', async () => {
    const user = await newUser();
    const { supabase } = user;
    const { data: key } = await supabase.rpc('mint_proxy_key', { label: 'one' });
    const admin = await newAdmin();
    const id = key?.id ?? '';
    for (let turn = 0; turn < 26; turn++) {
      await admin.supabase.rpc('suspend_proxy_key', { id, reason: 'test' });
      await admin.supabase.rpc('reactivate_proxy_key', { id, reason: 'test' });
    }
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor, '/alerts', user);
    await page.getByText('First 50 alerts. More are available.').waitFor();
    await button(page, 'Show more').click();
    await page.getByText('53 alerts in total.').waitFor();
    await page.setViewportSize({ width: 390, height: 900 });
    await page.getByText('First 10 alerts. More are available.').waitFor();
    expect(await page.getByText('Key created').count()).toBeGreaterThan(0);
  });

  it('thresholds of the account and of a key are set and kept, and invalid ones are explained', async () => {
    const user = await newUser();
    const { data: key } = await user.supabase.rpc('mint_proxy_key', { label: 'prod' });
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor, '/alerts/thresholds', user);
    await page.getByText('Alert at 80, 95 and 100 %.', { exact: true }).waitFor();
    await button(page, 'Edit account thresholds').click();
    await page.getByLabel('At custom percentages of the quota').check();
    await page.getByLabel('Percentages', { exact: true }).fill('5, 50');
    await button(page, 'Save').click();
    await page.getByText('Enter whole numbers from 10 to 100.').waitFor();
    await page.getByLabel('Percentages', { exact: true }).fill('90, 50, 50');
    await button(page, 'Save').click();
    await page.getByText('Alert at 50 and 90 %.', { exact: true }).waitFor();

    await page.goto(dashboardUrl(`/keys/${key?.key_id}`));
    await page.getByRole('link', { name: 'Alert thresholds' }).click();
    await page.getByRole('heading', { name: 'Thresholds for “prod”' }).waitFor();
    await page.getByLabel('Never').check();
    await button(page, 'Save').click();
    const row = page.getByRole('row', { name: 'prod' });
    await row.getByText('never', { exact: true }).waitFor();
    await page.reload();
    await row.getByText('never', { exact: true }).waitFor();
    await page.getByText('Alert at 50 and 90 %.', { exact: true }).waitFor();

    await button(page, 'Edit thresholds of prod').click();
    await page.getByLabel('Default').check();
    await button(page, 'Save').click();
    await row.waitFor({ state: 'detached' });
    await button(page, 'Set for a key').click();
    await page.getByRole('combobox', { name: 'Key' }).click();
    await page.getByRole('option').first().click();
    await page.getByLabel('Never').check();
    await button(page, 'Save').click();
    await row.getByText('never', { exact: true }).waitFor();
  });

  it('an admin sets the operator’s webhooks, which no user sees', async () => {
    const admin = await newAdmin();
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor, '/admin', admin);
    await page.getByRole('link', { name: 'Operator’s webhooks' }).click();
    await page.getByRole('heading', { name: 'Operator’s webhooks' }).waitFor();
    const label = `operator ${admin.id}`;
    // nothing listens there; other tests raise the operator's other alerts
    await createWebhook(page, 'http://127.0.0.1:9/', label, 'Webhook disabled');
    await button(page, 'I have stored it').click();
    await page.getByRole('link', { name: label }).click();
    await page.getByText('No deliveries yet').waitFor();
    await button(page, 'Send test').click();
    await page.getByText('Could not connect', { exact: false }).first().waitFor();
    const own = await admin.supabase.rpc('list_proxy_webhooks');
    expect(own.data).toEqual([]);
    await button(page, 'Delete').click();
    await button(page, 'Delete webhook').click();
    await page.getByRole('heading', { name: 'Operator’s webhooks' }).waitFor();
    await expect.poll(() => page.getByRole('link', { name: label }).count()).toBe(0);
  });
});
