import { describe, expect, it } from 'vitest';
import { newAdmin, newUser, password } from '../../support/personas.ts';
import { focused, press, tabTo } from './by-keyboard.ts';
import { withoutChromium } from './chromium.ts';
import { dashboardUrl } from './dashboard-url.ts';
import { untilFoundAlone } from './steps.ts';
import { newVisitor } from './visitor.ts';

describe.skipIf(withoutChromium)('by keyboard alone', () => {
  it('a user signs up, mints, copies, renames, rotates, deletes and signs out', async () => {
    const { page } = await newVisitor();
    await page.goto(dashboardUrl());
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await press(page, 'Create account');
    await tabTo(page, 'E-mail address', 'Shift+Tab');
    await page.keyboard.type(`${crypto.randomUUID()}@example.com`);
    await tabTo(page, 'Password');
    await page.keyboard.type(password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();

    await press(page, 'Keys');
    // the link has the same name as the heading of its page
    await page.getByText('You have no keys yet').waitFor();
    // after a link is followed, the focus is at the start of the page
    await expect.poll(async () => (await focused(page)).name).toBe('Keys');
    await press(page, 'Create your first key');
    await expect.poll(async () => (await focused(page)).name).toBe('Label');
    await page.keyboard.type('by hand');
    await tabTo(page, /^developer/);
    await page.keyboard.press('ArrowDown');
    expect((await focused(page)).name).toMatch(/^team/);
    await press(page, 'Create key');
    await page.getByRole('alertdialog').waitFor();
    await press(page, 'Copy Secret');
    await page.getByText('Copied.').waitFor();
    await tabTo(page, 'curl');
    await page.keyboard.press('ArrowRight');
    await expect.poll(async () => (await focused(page)).name).toBe('Environment');
    await press(page, 'Copy Environment');
    await page.getByRole('alertdialog').getByText('Copied.').last().waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^export http_proxy/);
    await page.keyboard.press('Escape');
    expect(await page.getByRole('alertdialog').count()).toBe(1);
    await press(page, 'I have stored it');
    await page.getByRole('alertdialog').waitFor({ state: 'detached' });
    // as after following a link: at the start of the new key's page
    await expect.poll(async () => (await focused(page)).name).toBe('by hand');
    await tabTo(page, 'Environment');
    await page.keyboard.press('End');
    await press(page, 'Copy Go');
    await page.getByText('Copied.').waitFor();
    await tabTo(page, 'Keys', 'Shift+Tab');
    await page.keyboard.press('Enter');
    await expect.poll(async () => (await focused(page)).name).toBe('Keys');
    await page.getByRole('table').waitFor();

    await press(page, 'Actions for by hand');
    await page.getByRole('menu').waitFor();
    await page.keyboard.type('ren');
    await page.keyboard.press('Enter');
    await expect.poll(async () => (await focused(page)).name).toBe('Label');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('by touch');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await expect.poll(async () => (await focused(page)).name).toBe('Actions for by touch');

    await press(page, 'Actions for by touch');
    await page.getByRole('menu').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('menu').waitFor({ state: 'detached' });
    await expect.poll(async () => (await focused(page)).name).toBe('Actions for by touch');
    await page.keyboard.press('Enter');
    await page.getByRole('menu').waitFor();
    await page.keyboard.type('rot');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await tabTo(page, /^Immediately/);
    await page.keyboard.press('ArrowDown');
    await press(page, 'Rotate secret');
    await page
      .getByRole('alertdialog')
      .getByText(/The old secret works for/)
      .waitFor();
    await press(page, 'I have stored it');
    await page.getByRole('alertdialog').waitFor({ state: 'detached' });
    await expect.poll(async () => (await focused(page)).name).toBe('Actions for by touch');

    await press(page, 'by touch');
    await page.getByRole('heading', { name: 'by touch', level: 1 }).waitFor();
    await expect.poll(async () => (await focused(page)).name).toBe('by touch');
    await press(page, 'Delete');
    await expect.poll(async () => (await focused(page)).name).toMatch(/^Type the label/);
    await page.keyboard.type('by touch');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByText('Deleted').first().waitFor();
    await page.keyboard.press('Home');
    await tabTo(page, 'Sign out', 'Shift+Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  it('an admin finds a key, suspends it and reactivates it', async () => {
    const owner = await newUser();
    await owner.supabase.rpc('mint_proxy_key', { label: 'held' });
    const { page } = await newVisitor();
    const admin = await newAdmin();
    await page.goto(dashboardUrl('/admin'));
    await tabTo(page, 'E-mail address');
    await page.keyboard.type(admin.email);
    await tabTo(page, 'Password');
    await page.keyboard.type(password);
    await page.keyboard.press('Enter');
    await page.getByRole('form', { name: 'Find keys' }).waitFor();
    await tabTo(page, 'User');
    await page.keyboard.type(owner.email);
    await page.keyboard.press('Enter');
    await untilFoundAlone(page, owner.email);
    await page.getByRole('row', { name: 'held' }).waitFor();
    for (const [action, state] of [
      ['Suspend', 'Suspended'],
      ['Reactivate', 'Active'],
    ] as const) {
      await press(page, 'Actions for held');
      await page.getByRole('menu').waitFor();
      await page.keyboard.type(action.slice(0, 3));
      await page.keyboard.press('Enter');
      await expect.poll(async () => (await focused(page)).name).toMatch(/^Reason/);
      await page.keyboard.type('as asked for');
      await press(page, `${action} key`);
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await page.getByRole('row', { name: 'held' }).getByText(state, { exact: true }).waitFor();
    }
  });
});
