import type { Page } from 'playwright-core';
import { afterAll, describe, expect, it } from 'vitest';
import { connectGateway, newAdmin, newUser } from '../../support/personas.ts';
import { recordUsage, usageEvent } from '../../support/usage-events.ts';
import { expectAccessible } from './axe.ts';
import { rows, scrollTo } from './burn-steps.ts';
import { withoutChromium } from './chromium.ts';
import { dashboardUrl } from './dashboard-url.ts';
import { backToKeys, chooseAction, close, enter, mint, untilFoundAlone } from './steps.ts';
import { newVisitor } from './visitor.ts';

const gateway = connectGateway(1);
afterAll(() => gateway.end());

// a window of 1280 px at 400 %
const viewport = { width: 320, height: 256 };
const wide = 'W'.repeat(80);

// WCAG 2.2, 1.4.12
const spacing = `
  * { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }
  p { margin-block-end: 2em !important; }`;

/** The elements of the page or its dialog that exceed the window or scroll sideways. */
function beyond(page: Page) {
  return page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement;
    const within = '#root *, [role$=dialog], [role$=dialog] *, [role=menu] *';
    const found = [...document.querySelectorAll(within)].filter((element) => {
      const { left, right, width, height } = element.getBoundingClientRect();
      // one-pixel elements are for screen readers only
      if (width <= 1 || height <= 1 || element.closest('.visually-hidden')) return false;
      const scrolls = ['auto', 'scroll'].includes(getComputedStyle(element).overflowX);
      const scrolled = scrolls && element.scrollWidth > element.clientWidth + 1;
      return left < -1 || right > clientWidth + 1 || scrolled;
    });
    return [
      ...(scrollWidth > clientWidth ? [`the page is ${scrollWidth} px wide`] : []),
      ...found.map((element) => `${element.tagName} “${element.textContent?.slice(0, 40)}”`),
    ];
  });
}

/** Fails if anything exceeds the edge with normal or spaced text; leaves the other one set. */
async function check(page: Page, what: string): Promise<void> {
  expect(await beyond(page), what).toEqual([]);
  // as a reader's own style sheet; the page's policy does not apply to it here
  const spaced = await page.evaluate(async (rules) => {
    const sheets = document.adoptedStyleSheets;
    if (!sheets.pop()) sheets.push(await new CSSStyleSheet().replace(rules));
    return sheets.length > 0;
  }, spacing);
  expect(await beyond(page), `${what}, text ${spaced ? 'spaced out' : 'as it is'}`).toEqual([]);
}

/** Also checks forced colors, and 200 % of a window 1440 px wide; restores the narrow size. */
async function checkEverywhere(page: Page, what: string): Promise<void> {
  await check(page, what);
  await page.emulateMedia({ forcedColors: 'active' });
  await expectAccessible(page, `${what}, forced colors`);
  await page.setViewportSize({ width: 720, height: 450 });
  await page.evaluate(() => {
    document.adoptedStyleSheets = [];
  });
  expect(await beyond(page), `${what}, 200 %`).toEqual([]);
  await expectAccessible(page, `${what}, forced colors, 200 %`);
  await page.emulateMedia({ forcedColors: 'none' });
  await page.setViewportSize(viewport);
}

const cancel = (page: Page) => page.getByRole('button', { name: 'Cancel' }).click();

describe.skipIf(withoutChromium)('in a window 320 px wide, nothing exceeds its edge', () => {
  it('on a user’s pages and dialogs', async () => {
    const user = await newUser();
    const { supabase } = user;
    const { data: key } = await supabase.rpc('mint_proxy_key', { label: wide });
    const id = key?.id ?? '';
    await recordUsage(gateway, [
      usageEvent(id, { targetHost: `${'sub.'.repeat(40)}example.com`, bytesReceived: 4.9e9 }),
    ]);
    const visitor = await newVisitor({ viewport });
    const { page } = visitor;
    await page.goto(dashboardUrl());
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await check(page, 'sign in');
    await page.goto('about:blank');
    await enter(visitor, '/', user);
    await page.getByRole('img').first().waitFor();
    for (const part of [/^Top keys/, 'Top targets']) {
      await expect.poll(() => rows(page, part)).toHaveLength(1);
    }
    await scrollTo(page, /^Outcomes/);
    await page.getByRole('img', { name: /^Outcomes by/ }).waitFor();
    await page.getByText('Show outcomes as a table').click();
    await check(page, 'overview');
    await page.goto(dashboardUrl('/usage/targets?span=week'));
    await page.getByRole('table').waitFor();
    await page.getByText('Custom').click();
    await check(page, 'targets');
    await page.goto(dashboardUrl('/usage/outcomes'));
    await page.getByRole('table').last().waitFor();
    await check(page, 'outcomes');
    await page.goto(dashboardUrl('/account'));
    await page.getByRole('button', { name: 'Set up authenticator' }).click();
    await page.getByLabel('Code from your authenticator app').waitFor();
    await checkEverywhere(page, 'account');

    await mint(page, 'one');
    await check(page, 'secret');
    await close(page);
    // the focus moves and scrolls, which would close a menu that opened earlier
    const focused = () => page.evaluate(() => document.activeElement?.textContent);
    await expect.poll(focused).toBe('one');
    for (const client of ['Environment', 'Playwright', 'Go']) {
      await page.getByRole('tab', { name: client, exact: true }).click();
      await check(page, `new key, ${client}`);
    }
    await backToKeys(page);
    await expect.poll(focused).toBe('Keys');
    await page.getByLabel(`Select ${wide}`).check();
    await checkEverywhere(page, 'keys');
    await page.getByRole('group', { name: 'Selected keys' }).getByText('Set expiry').click();
    await page.getByRole('dialog').waitFor();
    await check(page, 'expiry of several');
    await cancel(page);
    await page.getByRole('button', { name: `Actions for ${wide}` }).click();
    await page.getByRole('menu').waitFor();
    await check(page, 'menu');
    await page.keyboard.press('Escape');
    for (const action of ['Rename', 'Rotate secret', 'Delete']) {
      await chooseAction(page, wide, action);
      await page.getByRole('dialog').waitFor();
      await check(page, action);
      await cancel(page);
    }
    await page.getByRole('button', { name: 'Create key' }).click();
    await page.getByText('Expiry and allowed clients').click();
    await check(page, 'new key');
    await cancel(page);
    await page.getByLabel('Search').fill('nothing that there is');
    await page.getByText('No keys match these filters').waitFor();
    await check(page, 'no key fits');

    await page.goto(dashboardUrl(`/keys/${id}`));
    await page.getByRole('cell', { name: 'example.com' }).waitFor();
    await page.getByText('Show as a table').click();
    await check(page, 'key');
    for (const edited of ['allowed clients', 'expiry']) {
      await page.getByRole('button', { name: `Edit ${edited}` }).click();
      await page.getByRole('dialog').waitFor();
      await check(page, edited);
      await cancel(page);
    }
    await page.goto(dashboardUrl('/nowhere'));
    await page.getByRole('heading', { name: 'Page not found' }).waitFor();
    await check(page, 'no such page');
  });

  it('on an admin’s pages and dialogs', async () => {
    const [user, admin] = await Promise.all([newUser(), newAdmin()]);
    const { data: key } = await user.supabase.rpc('mint_proxy_key', { label: wide });
    const granted = { user: user.email, tier: 'enterprise', reason: wide };
    await admin.supabase.rpc('grant_proxy_tier', granted);
    const visitor = await newVisitor({ viewport });
    const { page } = visitor;
    await enter(visitor, '/admin', admin);
    await page.getByLabel('User').fill(user.email);
    await page.getByRole('button', { name: 'Search' }).click();
    await untilFoundAlone(page, user.email);
    await check(page, 'found keys');
    for (const action of ['Set limits', 'Suspend']) {
      await chooseAction(page, wide, action);
      await page.getByLabel(/^Reason/).waitFor();
      await check(page, action);
      await cancel(page);
    }
    await page.goto(dashboardUrl(`/admin/users?user=${user.id}`));
    await page.getByRole('row', { name: user.email }).waitFor();
    await checkEverywhere(page, 'users');
    await page.goto(dashboardUrl(`/admin/keys/${key?.key_id}`));
    await page.getByRole('tab', { name: 'History' }).waitFor();
    await checkEverywhere(page, 'any key');
    await page.goto(dashboardUrl('/admin/grants'));
    const takeBack = page.getByRole('button', {
      name: `Revoke enterprise from ${user.email}`,
    });
    await takeBack.waitFor();
    await check(page, 'grants');
    await page.getByRole('button', { name: 'Grant tier' }).click();
    await page.getByLabel(/^Reason/).waitFor();
    await check(page, 'grant');
    await cancel(page);
    await takeBack.click();
    await page.getByLabel(/^Reason/).waitFor();
    await check(page, 'revoke');
  });
});
