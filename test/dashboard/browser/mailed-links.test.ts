import type { Page } from 'playwright-core';
import { describe, expect, inject, it } from 'vitest';
import { mailedLink, mailsTo } from '../../support/mails.ts';
import { createSupabase, newUser, password } from '../../support/personas.ts';
import { realAuth } from '../../support/real-auth.ts';
import { withoutChromium } from './chromium.ts';
import { dashboardUrl } from './dashboard-url.ts';
import { enter } from './steps.ts';
import { newVisitor, type Visitor } from './visitor.ts';

const { secretKey } = inject('stack');
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const heading = (page: Page, name: string) => page.getByRole('heading', { name, exact: true });
const page404 = (page: Page) => heading(page, 'Page not found');

/** Requests a mail on the page, which gives the same answer for any address. */
async function askForMail(page: Page, by: string, email: string): Promise<void> {
  await page.goto(dashboardUrl());
  await button(page, by).click();
  await page.getByLabel('E-mail address').fill(email);
  await button(page, 'Send e-mail').click();
  await heading(page, 'Check your e-mail').waitFor();
}

/** Every address in the tab's history. */
async function addressesOf({ page, context }: Visitor): Promise<string> {
  const client = await context.newCDPSession(page);
  const { entries } = await client.send('Page.getNavigationHistory');
  return [page.url(), ...entries.map(({ url }) => url)].join('\n');
}

const linkOf = (email: string, type: string) =>
  mailedLink(email, type, dashboardUrl().replace('#/', ''));

/** A link that works in any browser, as in a project's own mail template. */
async function hashLink(email: string, type: string): Promise<string> {
  await createSupabase().auth.signInWithOtp({ email, options: { shouldCreateUser: false } });
  const { searchParams } = new URL(await linkOf(email, type));
  return dashboardUrl().replace('#/', `#token_hash=${searchParams.get('token')}&type=${type}`);
}

describe.skipIf(withoutChromium)('a mail', () => {
  it('for a forgotten password leads to a new one, and leaves no token in any address', async () => {
    const { email } = await newUser();
    const visitor = await newVisitor();
    const { page, picture } = visitor;
    await askForMail(page, 'Forgot your password?', 'nobody@example.com');
    const said = await page.locator('main').textContent();
    await button(page, 'Back').click();
    await askForMail(page, 'Forgot your password?', email);
    expect(await page.locator('main').textContent()).toBe(
      said?.replace('nobody@example.com', email),
    );
    await picture('mail-sent');
    await page.goto(await linkOf(email, 'recovery'));
    await heading(page, 'Choose a new password').waitFor();
    await picture('new-password');
    await page.getByLabel('New password').fill('12345');
    await button(page, 'Save password').click();
    await page.getByText('It needs at least 6 characters.').waitFor();
    await page.getByLabel('New password').fill('battery staple');
    await button(page, 'Save password').click();
    await heading(page, 'Overview').waitFor();
    expect(await addressesOf(visitor)).not.toMatch(/[?&#](code|token)/);
    const { error } = await createSupabase().auth.signInWithPassword({
      email,
      password: 'battery staple',
    });
    expect(error).toBeNull();
  });

  // Supabase Auth sends real mail, and does not keep the codes
  it.skipIf(realAuth)(
    'signs the user in by its code if its link was opened in another browser',
    async () => {
      const { email } = await newUser();
      const [asking, other] = [await newVisitor(), await newVisitor()];
      await askForMail(asking.page, 'Get a link or code by e-mail', email);
      await other.page.goto(await linkOf(email, 'magiclink'));
      await other.page.getByText('only in the browser that requested it').waitFor();
      await other.picture('other-browser');
      await button(asking.page, 'Send another e-mail').click();
      await asking.page.getByText('We sent another e-mail.').waitFor();
      const [next] = await mailsTo(email);
      await asking.page
        .getByLabel('Code from the e-mail')
        .fill(next?.code === '000000' ? '1' : '000000');
      await button(asking.page, 'Continue').click();
      await asking.page.getByText('This code is wrong or expired.').waitFor();
      await asking.page.getByLabel('Code from the e-mail').fill(next?.code ?? '');
      await button(asking.page, 'Continue').click();
      await heading(asking.page, 'Overview').waitFor();
    },
  );

  it('confirms an address, and can be sent again', async () => {
    const { page } = await newVisitor();
    const email = `${crypto.randomUUID()}@example.com`;
    await createSupabase(secretKey).auth.admin.createUser({ email, password });
    await page.goto(dashboardUrl());
    await page.getByLabel('E-mail address').fill(email);
    await page.getByLabel('Password').fill(password);
    await button(page, 'Sign in').click();
    await button(page, 'Send another e-mail').click();
    await button(page, 'Send e-mail').click();
    await heading(page, 'Check your e-mail').waitFor();
    await page.goto(await linkOf(email, 'signup'));
    await heading(page, 'Overview').waitFor();
  });

  it('with a link for any browser asks first, and does not mix up two users', async () => {
    const [first, second] = [await newUser(), await newUser()];
    await first.supabase.rpc('mint_proxy_key', { label: 'of-the-first' });
    const visitor = await newVisitor();
    const { page, picture } = visitor;
    await enter(visitor, '/keys', first);
    await page.getByText('of-the-first').waitFor();
    const link = await hashLink(second.email, 'magiclink');
    // load the whole page, like a link in a mail
    await page.goto('about:blank');
    await page.goto(link);
    await heading(page, 'Follow this link?').waitFor();
    await picture('follow-link');
    expect(await addressesOf(visitor)).not.toContain('token_hash');
    await button(page, 'Stay signed in').click();
    await heading(page, 'Overview').waitFor();
    expect(await page.getByText(first.email).isVisible()).toBe(true);

    await page.goto('about:blank');
    await page.goto(link);
    await button(page, 'Follow link').click();
    await page.getByText(second.email).waitFor();
    await page.getByRole('link', { name: 'Keys', exact: true }).click();
    await page.getByText('You have no keys yet').waitFor();
    expect(await page.content()).not.toContain('of-the-first');

    // a second use must fail
    await page.goto('about:blank');
    await page.goto(link);
    await button(page, 'Follow link').click();
    await heading(page, 'This link did not work').waitFor();
    await button(page, 'Continue').click();
    await page.getByText(second.email).waitFor();
  });

  it('with an expired link says so, and how to get another', async () => {
    const visitor = await newVisitor();
    const { page, picture } = visitor;
    const refused = 'error=access_denied&error_code=otp_expired&error_description=expired&sb=';
    await page.goto(dashboardUrl().replace('#/', `?${refused}#${refused}`));
    await page.getByText('This link was already used or has expired.').waitFor();
    await picture('expired-link');
    expect(page.url()).toBe(dashboardUrl());
    expect(await page404(page).count()).toBe(0);
  });
});
