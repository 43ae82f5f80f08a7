import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { newUser } from '../../support/personas.ts';
import { withoutChromium } from './chromium.ts';
import { dashboardUrl } from './dashboard-url.ts';
import { backToKeys, chooseAction, close, enter, mint } from './steps.ts';
import { newVisitor } from './visitor.ts';

const rename = async (page: Page, from: string, to: string) => {
  await chooseAction(page, from, 'Rename');
  await page.getByLabel('Label').fill(to);
  await page.getByRole('button', { name: 'Rename' }).click();
};

describe.skipIf(withoutChromium)('without an answer', () => {
  it('the page reports that it is offline, keeps the input, and continues afterwards', async () => {
    const visitor = await newVisitor();
    const { page, context, picture } = visitor;
    await enter(visitor);
    await mint(page, 'steady');
    await close(page);
    await backToKeys(page);
    await context.setOffline(true);
    await page.getByText('You are offline').waitFor();
    await rename(page, 'steady', 'renamed');
    await expect.poll(() => page.getByRole('alert').textContent()).toContain('No response');
    expect(await page.getByLabel('Label').inputValue()).toBe('renamed');
    await picture('offline');
    await context.setOffline(false);
    await page.getByRole('button', { name: 'Rename' }).click();
    await page.getByRole('link', { name: 'renamed' }).waitFor();
    await page.getByText('You are offline').waitFor({ state: 'detached' });
  });

  it('a page that was never opened reports that it cannot be shown', async () => {
    const visitor = await newVisitor({
      unused: true,
      expected: /^Failed to load resource|Unable to preload|dynamically imported module/,
    });
    const { page, context } = visitor;
    await enter(visitor);
    await context.setOffline(true);
    await page.getByRole('link', { name: 'Keys', exact: true }).click();
    await page.getByRole('heading', { name: 'This page could not be loaded' }).waitFor();
    await context.setOffline(false);
    await page.getByRole('button', { name: 'Reload' }).click();
    await page.getByText('You have no keys yet').waitFor();
  });

  it('a list that cannot be loaded reports it, and loads on the next try', async () => {
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor);
    await page.getByRole('heading', { name: 'Welcome' }).waitFor();
    let cut = true;
    await page.route('**/rpc/proxy_key_attention', (route) =>
      cut ? route.abort() : route.continue(),
    );
    await page.goto(dashboardUrl('/keys'));
    // the overview already loaded it: it stays, with a note on its age
    await page.getByText('Could not refresh your keys').waitFor();
    await page.getByText('You have no keys yet').waitFor();
    await page.reload();
    await expect.poll(() => page.getByRole('alert').textContent()).toContain('No response');
    cut = false;
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('You have no keys yet').waitFor();
  });

  it('a mint that succeeded without an answer creates no second key', async () => {
    const visitor = await newVisitor();
    const { page } = visitor;
    let lost = 0;
    await page.route('**/rpc/mint_proxy_key', async (route) => {
      if (lost++ > 0) return route.continue();
      // the database mints the key, and the connection breaks before the answer arrives
      await route.fetch();
      return route.abort();
    });
    await enter(visitor, '/keys');
    await page.getByRole('button', { name: 'Create key' }).click();
    await page.getByLabel('Label').fill('once');
    await page.getByRole('dialog').getByRole('button', { name: 'Create key' }).click();
    await expect.poll(() => page.getByRole('alert').textContent()).toContain('No response');
    await page.getByRole('dialog').getByRole('button', { name: 'Create key' }).click();
    await page.getByText('its secret did not reach this page').waitFor();
    await page.getByRole('link', { name: 'Open the key' }).click();
    await page.getByRole('heading', { name: 'once', level: 1 }).waitFor();
    await page.getByRole('link', { name: 'Keys', exact: true }).first().click();
    await expect.poll(() => page.getByRole('table').getByRole('rowheader').count()).toBe(1);
  });
});

describe.skipIf(withoutChromium)('a refusal', () => {
  it('of a sixth rotation shows when to try again, and then it works', async () => {
    // an installed clock stays in its browser
    const visitor = await newVisitor({ unused: true });
    const { page, picture } = visitor;
    await page.clock.install();
    await enter(visitor);
    await mint(page, 'spinning');
    await close(page);
    await backToKeys(page);
    for (let rotations = 0; rotations < 5; rotations++) {
      await chooseAction(page, 'spinning', 'Rotate secret');
      await page.getByRole('dialog').getByRole('button', { name: 'Rotate secret' }).click();
      await page.getByRole('button', { name: 'I have stored it' }).waitFor();
      await close(page);
    }
    await chooseAction(page, 'spinning', 'Rotate secret');
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate secret' }).click();
    await expect.poll(() => page.getByRole('alert').textContent()).toMatch(/Try again in \d+ s/);
    const again = page.getByRole('dialog').getByRole('button', { name: 'Rotate secret' });
    expect(await again.getAttribute('aria-disabled')).toBe('true');
    await picture('rate-limited');
    await page.clock.fastForward('01:05');
    await expect.poll(() => page.getByRole('alert').textContent()).toContain('Try again now');
    expect(await again.getAttribute('aria-disabled')).not.toBe('true');
  });

  it('keeps the dialog and the input', async () => {
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor, '/keys');
    await page.getByRole('button', { name: 'Create key' }).click();
    await page.getByLabel('Label').fill('wants more');
    await page.getByLabel('enterprise').check();
    await page.getByLabel('Test').check();
    await page.getByRole('dialog').getByRole('button', { name: 'Create key' }).click();
    await expect.poll(() => page.getByRole('alert').textContent()).toContain('is not granted');
    expect(await page.getByLabel('Label').inputValue()).toBe('wants more');
    expect(await page.getByLabel('enterprise').isChecked()).toBe(true);
    await page.getByLabel('team').check();
    await page.getByRole('dialog').getByRole('button', { name: 'Create key' }).click();
    await page.getByRole('button', { name: 'I have stored it' }).waitFor();
  });

  it("of an unknown key, or of another user’s, leads back to the user's own keys", async () => {
    const other = await newUser();
    const { data: key } = await other.supabase.rpc('mint_proxy_key', { label: 'private' });
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor);
    for (const id of [key?.key_id, 'avp_live_000000000000']) {
      await page.goto(dashboardUrl(`/keys/${id}`));
      await page.getByText('Key not found').first().waitFor();
      expect(await page.content()).not.toContain('private');
    }
  });
});
