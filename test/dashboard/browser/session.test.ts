import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { createSupabase, newUser, password, signToken } from '../../support/personas.ts';
import { withoutChromium } from './chromium.ts';
import { dashboardUrl } from './dashboard-url.ts';
import { chooseAction, enter, signIn, signUp } from './steps.ts';
import { newVisitor } from './visitor.ts';

const storageKey = 'proxy-keys-session';
const heading = (page: Page, name: string) => page.getByRole('heading', { name, exact: true });

/** Gives the browser's session an access token that expired an hour ago. */
async function expireToken(page: Page): Promise<void> {
  const stored = await page.evaluate((key) => localStorage.getItem(key), storageKey);
  const session = JSON.parse(stored ?? '');
  const [, claims = ''] = session.access_token.split('.');
  const anHourAgo = Math.floor(Date.now() / 1_000) - 3_600;
  const expired = await signToken({
    ...JSON.parse(Buffer.from(claims, 'base64url').toString()),
    iat: anHourAgo - 3_600,
    exp: anHourAgo,
  });
  await page.evaluate(
    ([key = '', value = '']) => localStorage.setItem(key, value),
    [storageKey, JSON.stringify({ ...session, access_token: expired, expires_at: anHourAgo })],
  );
}

describe.skipIf(withoutChromium)('a session', () => {
  it('survives a reload, and an expired access token', async () => {
    const { page, exchanges } = await newVisitor({ recorded: true });
    const email = await signUp(page);
    await page.reload();
    await heading(page, 'Overview').waitFor();
    await expireToken(page);
    await page.goto(dashboardUrl('/keys'));
    await page.reload();
    await page.getByText('You have no keys yet').waitFor();
    expect(await page.getByText(email).isVisible()).toBe(true);
    const refreshes = (await exchanges()).filter(({ url }) => url.includes('grant_type=refresh'));
    expect(refreshes.map(({ status }) => status)).toEqual([200]);
  });

  it('continues in a page that stays open for longer than its token is valid', async () => {
    // an installed clock stays in its browser
    const visitor = await newVisitor({ recorded: true, unused: true });
    const { page, exchanges } = visitor;
    await page.clock.install();
    await enter(visitor);
    const refreshed = page.waitForResponse((answer) => answer.url().includes('grant_type=refresh'));
    await page.clock.fastForward('02:00:00');
    expect((await refreshed).status()).toBe(200);
    await page.getByRole('link', { name: 'Keys', exact: true }).click();
    await page.getByText('You have no keys yet').waitFor();
    expect((await exchanges()).filter(({ status }) => status === 401)).toEqual([]);
  });

  it('that was ended elsewhere asks for a sign-in, and returns to the same page', async () => {
    const visitor = await newVisitor();
    const { page } = visitor;
    const { email } = await enter(visitor, '/keys?state=deleted');
    await heading(page, 'Keys').waitFor();
    const elsewhere = createSupabase();
    await elsewhere.auth.signInWithPassword({ email, password });
    await elsewhere.auth.signOut({ scope: 'global' });
    await expireToken(page);
    await page.reload();
    await heading(page, 'Sign in').waitFor();
    await page.getByLabel('E-mail address').fill(email);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await heading(page, 'Keys').waitFor();
    expect(page.url()).toBe(dashboardUrl('/keys?state=deleted'));
  });

  it('ends in every tab of the browser, and leaves nothing behind', async () => {
    const visitor = await newVisitor();
    const { page, context } = visitor;
    await enter(visitor);
    await page.getByRole('link', { name: 'Keys', exact: true }).click();
    await heading(page, 'Keys').waitFor();
    const other = await context.newPage();
    await other.goto(dashboardUrl('/keys'));
    await heading(other, 'Keys').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await heading(page, 'Sign in').waitFor();
    await heading(other, 'Sign in').waitFor();
    expect(await page.evaluate((key) => localStorage.getItem(key), storageKey)).toBeNull();
    await page.goBack();
    await heading(page, 'Sign in').waitFor();
  });

  it('also ends without a connection', async () => {
    const visitor = await newVisitor();
    const { page, context } = visitor;
    await enter(visitor);
    await context.setOffline(true);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await heading(page, 'Sign in').waitFor();
    expect(await page.evaluate((key) => localStorage.getItem(key), storageKey)).toBeNull();
    await context.setOffline(false);
    await page.reload();
    await heading(page, 'Sign in').waitFor();
  });

  it('does not start with a wrong password, nor with a registered address at sign-up', async () => {
    const visitor = await newVisitor();
    const { page } = visitor;
    const { email } = await enter(visitor);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('E-mail address').fill(email);
    await page.getByLabel('Password').fill('not that one');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await expect
      .poll(() => page.getByRole('alert').textContent())
      .toBe('The e-mail address or password is wrong.');
    expect(await page.getByLabel('E-mail address').inputValue()).toBe(email);

    await page.getByRole('button', { name: 'Create account' }).click();
    await page.getByLabel('Password').fill('another password');
    await page.getByRole('button', { name: 'Create account' }).click();
    await expect
      .poll(() => page.getByRole('alert').textContent())
      .toContain('An account with this address already exists.');
  });

  it('shows the link to the admin pages only to admins', async () => {
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor);
    expect(await page.getByRole('link', { name: 'Admin' }).count()).toBe(0);
    await page.goto(dashboardUrl('/admin'));
    await heading(page, 'Page not found').waitFor();
    await page.goto(dashboardUrl('/admin/grants'));
    await heading(page, 'Page not found').waitFor();
  });

  it('of another user shows nothing of the previous one', async () => {
    const visitor = await newVisitor({ recorded: true });
    const { page, exchanges } = visitor;
    await enter(visitor);
    const { supabase, email } = await newUser();
    await supabase.rpc('mint_proxy_key', { label: 'of-the-first' });
    await page.getByRole('button', { name: 'Sign out' }).click();
    await signIn(page, email, '/keys');
    await chooseAction(page, 'of-the-first', 'Rename');
    await page.getByRole('button', { name: 'Rename' }).click();
    await page.getByText('Key renamed to “of-the-first”.').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    const before = (await exchanges()).length;
    await signUp(page);
    await page.getByRole('link', { name: 'Keys', exact: true }).click();
    await page.getByText('You have no keys yet').waitFor();
    expect(await page.content()).not.toContain('of-the-first');
    const since = (await exchanges()).slice(before).map(({ received }) => received);
    expect(since.join()).not.toContain('of-the-first');
  });
});
