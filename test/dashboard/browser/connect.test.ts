import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { exampleUrl } from '../../../dashboard/src/connect/client.ts';
import { isOnPath } from '../../gateway/clients/client.ts';
import { startPlainTarget } from '../../support/gateway/targets.ts';
import { newUser, password } from '../../support/personas.ts';
import { withoutChromium } from './chromium.ts';
import { dashboardUrl } from './dashboard-url.ts';
import { close, enter, shownAs } from './steps.ts';
import { newVisitor } from './visitor.ts';

const withoutCurl = !isOnPath('curl') && !process.env.REQUIRE_CLIENTS;

describe.skipIf(withoutChromium || withoutCurl)('a new user', () => {
  it('gets from signing up to a 200 through the proxy in six presses', async () => {
    const target = await startPlainTarget();
    onTestFinished(() => target.close());
    const { page } = await newVisitor();
    const presses: string[] = [];
    const press = async (name: string) => {
      presses.push(name);
      const named = page.getByRole('button', { name }).or(page.getByRole('link', { name }));
      // an open dialog comes after the page
      await named.last().click();
    };
    await page.goto(dashboardUrl());
    await press('Create account');
    await page.getByLabel('E-mail address').fill(`${crypto.randomUUID()}@example.com`);
    await page.getByLabel('Password').fill(password);
    await press('Create account');
    await press('Create your first key');
    await page.getByText('You have no keys yet').waitFor();
    await press('Create your first key');
    await page.getByLabel('Label').fill('first');
    await press('Create key');
    await press('Copy curl');
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    const url = `http://127.0.0.1:${target.port}/hello`;
    const command = `${copied.replace(exampleUrl, url)} -sS -w ' %{http_code}'`;
    const { stdout } = await promisify(execFile)('bash', ['-c', command]);
    expect(stdout).toBe('GET /hello 200');
    expect(presses).toHaveLength(6);

    await press('I have stored it');
    await page.getByRole('heading', { name: 'first', level: 1 }).waitFor();
    // the request appears on the page that opens
    await page.getByRole('cell', { name: '127.0.0.1' }).first().waitFor();
    await page.getByRole('button', { name: 'Copy curl' }).click();
    const later = await page.evaluate(() => navigator.clipboard.readText());
    expect(later).toBe(copied.replace(/[0-9a-f]{64}/, '$PROXY_SECRET'));
  });
});

describe.skipIf(withoutChromium)('Connect', () => {
  it('names the ports of the deployment, and uses TLS for clients that support it', async () => {
    const visitor = await newVisitor();
    const { page, context } = visitor;
    await context.route('**/config.json', async (route) => {
      const answer = await route.fetch();
      const json = { ...(await answer.json()), gatewayTlsPort: 7443 };
      await route.fulfill({ json });
    });
    const user = await newUser();
    const { data: key } = await user.supabase.rpc('mint_proxy_key', { label: 'one' });
    await enter(visitor, `/keys/${key?.key_id}`, user);
    const section = page.getByRole('region', { name: 'Connect' });
    await section.getByText('7443', { exact: true }).waitFor();
    const shown = (name: string) =>
      section.getByRole('group', { name, exact: true }).locator('code').textContent();
    expect(await shown('curl')).toContain(`"https://${key?.key_id}:$PROXY_SECRET@127.0.0.1:7443"`);
    await section.getByRole('tab', { name: 'Scrapy' }).click();
    expect(await shown('Scrapy')).toContain(`proxy = f"http://${key?.key_id}:{secret}@127.0.0.1:`);
    await section.getByText('this uses the HTTP port').waitFor();
  });

  it('remembers the selected client for the tab, across keys and after a rotation', async () => {
    const visitor = await newVisitor();
    const { page, context } = visitor;
    const user = await newUser();
    const mint = async (label: string) =>
      (await user.supabase.rpc('mint_proxy_key', { label })).data?.key_id;
    const [one, two] = await Promise.all([mint('one'), mint('two')]);
    await enter(visitor, `/keys/${one}`, user);
    await page.getByRole('tab', { name: 'Python requests' }).click();
    await page.goto(dashboardUrl(`/keys/${two}`));
    await page.getByRole('heading', { name: 'two', level: 1 }).waitFor();
    const selected = selectedClient(page);
    await expect.poll(() => selected.textContent()).toBe('Python requests');
    await page.getByRole('button', { name: 'Rotate secret' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate secret' }).click();
    await page.getByRole('alertdialog').waitFor();
    const secret = await shownAs(page, 'Secret');
    expect(await shownAs(page, 'Python requests')).toContain(`${two}:${secret}@`);
    await page.getByRole('alertdialog').getByRole('tab', { name: 'Playwright' }).click();
    await close(page);
    await expect.poll(() => selected.textContent()).toBe('Playwright');
    expect(page.url()).toBe(dashboardUrl(`/keys/${two}`));

    const other = await context.newPage();
    await other.goto(dashboardUrl(`/keys/${two}`));
    const first = selectedClient(other);
    await expect.poll(() => first.textContent()).toBe('curl');
  });

  it('is not shown for a deleted key', async () => {
    const visitor = await newVisitor();
    const user = await newUser();
    const { data: key } = await user.supabase.rpc('mint_proxy_key', { label: 'gone' });
    await user.supabase.rpc('delete_proxy_key', { id: key?.id ?? '' });
    await enter(visitor, `/keys/${key?.key_id}`, user);
    await visitor.page.getByText('Deleted').first().waitFor();
    expect(await visitor.page.getByRole('heading', { name: 'Connect', exact: true }).count()).toBe(
      0,
    );
  });
});

function selectedClient(page: Page) {
  return page.getByRole('tablist', { name: 'Client' }).getByRole('tab', { selected: true });
}
