import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { totpAt } from '../../../scripts/stack/auth/totp.ts';
import { mailedLink, mailsTo } from '../../support/mails.ts';
import { createSupabase, newAdmin, newUser, password } from '../../support/personas.ts';
import { realAuth } from '../../support/real-auth.ts';
import { withoutChromium } from './chromium.ts';
import { dashboardUrl } from './dashboard-url.ts';
import { enter } from './steps.ts';
import { newVisitor } from './visitor.ts';

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const heading = (page: Page, name: string) => page.getByRole('heading', { name, exact: true });
const code = (page: Page) => page.getByLabel('Code from your authenticator app');

describe.skipIf(withoutChromium)('the account page', () => {
  it('sets up a second factor, which each sign-in then requires before it shows anything', async () => {
    const visitor = await newVisitor({ recorded: true });
    const { page, picture, exchanges } = visitor;
    const { email } = await enter(visitor);
    await page.getByRole('link', { name: email }).click();
    await heading(page, 'Account').waitFor();
    await button(page, 'Set up authenticator').click();
    const secret = page.getByRole('group', { name: 'Secret', exact: true }).locator('code');
    const read = (await secret.textContent()) ?? '';
    await picture('account-enroll');
    await code(page).fill(totpAt(read, Date.now() - 600_000));
    await button(page, 'Turn on').click();
    await page.getByText('This code is wrong or expired.').waitFor();
    await code(page).fill(totpAt(read, Date.now()));
    await button(page, 'Turn on').click();
    await page.getByText('Each sign-in asks for a code').waitFor();
    await picture('account-factor');

    await button(page, 'Sign out').click();
    await page.getByLabel('E-mail address').fill(email);
    await page.getByLabel('Password').fill(password);
    const before = (await exchanges()).length;
    await button(page, 'Sign in').click();
    await heading(page, 'Enter your code').waitFor();
    await page.reload();
    await heading(page, 'Enter your code').waitFor();
    await picture('second-factor');
    const since = (await exchanges()).slice(before).map(({ url }) => url);
    expect(since.filter((url) => url.includes('/rest/'))).toEqual([]);
    await code(page).fill(totpAt(read, Date.now()));
    await button(page, 'Continue').click();
    await heading(page, 'Overview').waitFor();

    await page.getByRole('link', { name: email }).click();
    await button(page, 'Remove Authenticator').click();
    await button(page, 'Remove').click();
    await button(page, 'Set up authenticator').waitFor();
    expect(
      (await createSupabase().auth.signInWithPassword({ email, password })).data.user?.factors,
    ).toBeUndefined();
  });

  it.skipIf(realAuth)(
    'changes the password, with a mailed code if the project requires one',
    async () => {
      const visitor = await newVisitor();
      const { page } = visitor;
      const { email } = await enter(visitor, '/account');
      let asked = 0;
      await page.route('**/auth/v1/user', (route) => {
        const asks = route.request().method() === 'PUT' && asked++ === 0;
        if (!asks) return route.continue();
        const refused = { code: 400, error_code: 'reauthentication_needed', msg: 'reauthenticate' };
        return route.fulfill({ status: 400, json: refused });
      });
      await page.getByLabel('New password').fill('battery staple');
      await button(page, 'Save password').click();
      await page.getByLabel('Code from the e-mail').waitFor();
      const [mail] = await mailsTo(email);
      expect(mail?.type).toBe('reauthentication');
      await page.getByLabel('Code from the e-mail').fill(mail?.code ?? '');
      const sent = page.waitForRequest((request) => request.method() === 'PUT');
      await button(page, 'Save password').click();
      expect((await sent).postDataJSON()).toMatchObject({ nonce: mail?.code });
      await page.getByText('Password changed.').waitFor();
      const old = await createSupabase().auth.signInWithPassword({ email, password });
      expect(old.error).toMatchObject({ code: 'invalid_credentials' });
    },
  );

  it('changes the address after the link in its mail is followed', async () => {
    const visitor = await newVisitor();
    const { page } = visitor;
    const { id } = await enter(visitor, '/account');
    const taken = await newUser();
    await page.getByLabel('New e-mail address').fill(taken.email);
    await button(page, 'Change address').click();
    await page.getByText('An account with this address already exists.').waitFor();
    const next = `${crypto.randomUUID()}@example.com`;
    await page.getByLabel('New e-mail address').fill(next);
    await button(page, 'Change address').click();
    await page.getByText(`We sent an e-mail to ${next}`).waitFor();
    await page.goto(await mailedLink(next, 'email_change', dashboardUrl().replace('#/', '')));
    // the user is still signed in with the previous address
    await button(page, 'Follow link').click();
    await page.getByRole('link', { name: next }).waitFor();
    const { data } = await createSupabase().auth.signInWithPassword({ email: next, password });
    expect(data.user?.id).toBe(id);
  });

  it('ends every session, or reports that it could not', async () => {
    const visitor = await newVisitor();
    const { page, context } = visitor;
    const { email } = await enter(visitor, '/account');
    const other = createSupabase();
    await other.auth.signInWithPassword({ email, password });
    await button(page, 'Sign out everywhere').waitFor();
    await context.setOffline(true);
    await button(page, 'Sign out everywhere').click();
    await page.getByText('No connection or no response.').waitFor();
    await context.setOffline(false);
    await button(page, 'Sign out everywhere').click();
    await heading(page, 'Sign in').waitFor();
    expect(page.url()).toBe(dashboardUrl());
    expect((await other.auth.refreshSession()).error).not.toBeNull();
  });

  it('is where an admin without a required second factor is sent', async () => {
    const visitor = await newVisitor();
    const { page, picture } = visitor;
    const refused = { code: 'PT403', hint: 'second_factor_required', message: 'no', details: null };
    await page.route('**/rest/v1/rpc/*', (route) =>
      /find|list_proxy_tier/.test(route.request().url())
        ? route.fulfill({ status: 403, json: refused })
        : route.continue(),
    );
    await enter(visitor, '/admin/grants', await newAdmin());
    await heading(page, 'Admins need a second factor').waitFor();
    await picture('admin-second-factor');
    await page.getByRole('link', { name: 'Set up a second factor' }).click();
    await button(page, 'Set up authenticator').waitFor();
  });

  it('and the sign-in page offer passkeys if the project supports them', async () => {
    const visitor = await newVisitor();
    const { page, picture } = visitor;
    await page.route('**/auth/v1/settings', (route) =>
      route.fulfill({ json: { passkeys_enabled: true, disable_signup: true } }),
    );
    await page.route('**/auth/v1/passkeys', (route) =>
      route.fulfill({
        json: [{ id: 'one', friendly_name: 'laptop', created_at: '2026-01-01T00:00:00Z' }],
      }),
    );
    await page.goto(dashboardUrl());
    await button(page, 'Use a passkey').waitFor();
    await picture('sign-in-passkey');
    expect(await button(page, 'Create account').count()).toBe(0);
    await page.goto('about:blank');
    await enter(visitor, '/account', await newUser());
    await button(page, 'Remove laptop').waitFor();
    await picture('account-passkeys');
  });
});
