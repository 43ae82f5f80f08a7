import type { Page } from 'playwright-core';
import { afterAll, describe, expect, it } from 'vitest';
import { totpAt } from '../../../scripts/stack/auth/totp.ts';
import {
  connectGateway,
  connectOwner,
  newAdmin,
  newUser,
  password,
} from '../../support/personas.ts';
import { ageKeys } from '../../support/seeded-keys.ts';
import { recordUsage, usageEvent } from '../../support/usage-events.ts';
import { expectAccessible } from './axe.ts';
import { withoutChromium } from './chromium.ts';
import { dashboardUrl } from './dashboard-url.ts';
import { chooseAction, enter, untilFoundAlone } from './steps.ts';
import { newVisitor, type Visitor } from './visitor.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const looks = [
  { colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  { colorScheme: 'dark', viewport: { width: 390, height: 844 } },
] as const;

const button = (page: Page, name: string) => page.getByRole('button', { name });
const heading = (page: Page, name: string) => page.getByRole('heading', { name });
const cancel = (page: Page) => button(page, 'Cancel').click();

/** Checks the page in both looks; the test and its next check continue in the second. */
function checksOf({ page, picture }: Visitor) {
  const check = async (name: string, { colorScheme }: (typeof looks)[number]) => {
    await picture(`axe-${name}-${colorScheme}`);
    await expectAccessible(page, `${name}, ${colorScheme}`);
  };
  return async (name: string) => {
    const wide = page.viewportSize()?.width === looks[0].viewport.width;
    const [now, next] = wide ? looks : [looks[1], looks[0]];
    await check(name, now);
    await page.setViewportSize(next.viewport);
    await page.emulateMedia({ colorScheme: next.colorScheme });
    await check(name, next);
  };
}

describe.skipIf(withoutChromium)('axe-core finds nothing', () => {
  it('on a user’s pages and dialogs', async () => {
    const user = await newUser();
    const visitor = await newVisitor(looks[0]);
    const { page, context } = visitor;
    const check = checksOf(visitor);
    await page.goto(dashboardUrl());
    await heading(page, 'Sign in').waitFor();
    await check('sign in');
    await button(page, 'Create account').click();
    await check('sign up');
    await page.goto('about:blank');
    await enter(visitor, '/', user);
    await heading(page, 'Overview').waitFor();
    await check('overview without keys');
    await page.goto(dashboardUrl('/keys'));
    await page.getByText('You have no keys yet').waitFor();
    await check('no keys');
    await button(page, 'Create key').click();
    await page.getByLabel('Label').fill('prod');
    await page.getByText('Expiry and allowed clients').click();
    await check('new key');
    await page.getByLabel('enterprise').check();
    await page.getByRole('dialog').getByRole('button', { name: 'Create key' }).click();
    await page.getByRole('alert').waitFor();
    await check('new key refused');
    await page.getByLabel('developer').check();
    await page.getByRole('dialog').getByRole('button', { name: 'Create key' }).click();
    await button(page, 'I have stored it').waitFor();
    await check('secret');
    await page.getByRole('tab', { name: 'Environment' }).click();
    await check('secret, environment');
    await button(page, 'I have stored it').click();
    await page.getByText('No connection yet').waitFor();
    await page.getByRole('tab', { name: 'Go', exact: true }).click();
    await check('new key’s page');

    await useAndFurnish(user);
    await page.goto(dashboardUrl('/keys?state='));
    await page.reload();
    await page.getByRole('table').waitFor();
    await page.getByLabel('Select prod').check();
    await check('keys');
    for (const change of ['Delete', 'Set expiry', 'Set allowed clients']) {
      await page.getByRole('group', { name: 'Selected keys' }).getByText(change).click();
      await page.getByRole('dialog').waitFor();
      await check(`${change} of several`);
      await cancel(page);
    }
    await button(page, 'Clear selection').click();
    await button(page, 'Actions for prod').click();
    await page.getByRole('menu').waitFor();
    await check('menu');
    await page.keyboard.press('Escape');
    await chooseAction(page, 'prod', 'Rename');
    await check('rename');
    await cancel(page);
    await chooseAction(page, 'prod', 'Rotate secret');
    await check('rotate');
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate secret' }).click();
    await button(page, 'I have stored it').waitFor();
    await check('rotated');
    await button(page, 'I have stored it').click();
    await chooseAction(page, 'prod', 'Delete');
    await page.getByLabel('Type the label').fill('no');
    await button(page, 'Delete key').click();
    await check('delete');
    await cancel(page);
    await page.getByLabel('Search').fill('nothing that there is');
    await page.getByText('No keys match these filters').waitFor();
    await check('no key fits');
    await page.goto(dashboardUrl('/'));
    await page.getByText('shop.example.com').waitFor({ state: 'detached' });
    await heading(page, 'Overview').waitFor();
    await page.getByRole('img').first().waitFor();
    await check('overview');

    await page.goto(dashboardUrl('/keys?state='));
    await page.getByRole('link', { name: 'prod' }).click();
    await page.getByRole('cell', { name: 'shop.example.com' }).first().waitFor();
    await check('key');
    await button(page, 'Edit allowed clients').click();
    await page.getByLabel('Addresses and ranges').fill('no address');
    await button(page, 'Save').click();
    await check('allowed clients');
    await cancel(page);
    await button(page, 'Edit expiry').click();
    await page.getByRole('dialog').waitFor();
    await check('expiry');
    await cancel(page);

    await context.setOffline(true);
    await page.getByText('You are offline').waitFor();
    await check('offline');
    await context.setOffline(false);
    await page.goto(dashboardUrl('/nowhere'));
    await heading(page, 'Page not found').waitFor();
    await check('no such page');
    await page.goto(dashboardUrl('/keys/avp_live_000000000000'));
    await heading(page, 'Key not found').waitFor();
    await check('no such key');
  });

  it('on the pages of an account, and of mailed links', async () => {
    const user = await newUser();
    const visitor = await newVisitor(looks[0]);
    const { page } = visitor;
    const check = checksOf(visitor);
    const code = () => page.getByLabel('Code from your authenticator app');
    await page.goto(dashboardUrl());
    await button(page, 'Get a link or code').click();
    await page.getByLabel('E-mail address').fill(user.email);
    await check('ask for a mail');
    await button(page, 'Send e-mail').click();
    await page.getByLabel('Code from the e-mail').fill('none');
    await button(page, 'Continue').click();
    await page.getByRole('alert').waitFor();
    await check('mail sent');
    await page.goto('about:blank');
    await page.goto(dashboardUrl().replace('#/', '#token_hash=none&type=recovery'));
    await page.getByText('Follow it only if you requested').waitFor();
    await check('follow a link');
    await page.getByRole('button', { name: 'Follow link', exact: true }).click();
    await page.getByText('This link was already used').waitFor();
    await check('a link that is too old');
    await page.goto('about:blank');
    await page.route('**/auth/v1/settings', (route) =>
      route.fulfill({ json: { passkeys_enabled: true } }),
    );
    await page.route('**/auth/v1/passkeys', (route) => route.fulfill({ json: [] }));
    await enter(visitor, '/account', user);
    await button(page, 'Add passkey').waitFor();
    await button(page, 'Set up authenticator').click();
    await code().waitFor();
    await check('account, setting up');
    const secret = page.getByRole('group', { name: 'Secret', exact: true }).locator('code');
    await code().fill(totpAt((await secret.textContent()) ?? '', Date.now()));
    await button(page, 'Turn on').click();
    await button(page, 'Remove Authenticator').click();
    await page.getByRole('dialog').waitFor();
    await check('remove an authenticator');
    await cancel(page);
    await check('account');
    await button(page, 'Sign out').first().click();
    await page.getByLabel('E-mail address').fill(user.email);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await code().waitFor();
    await check('second factor');
  });

  it('on an admin’s pages and dialogs', async () => {
    const [user, admin] = await Promise.all([newUser(), newAdmin()]);
    await user.supabase.rpc('mint_proxy_key', { label: 'prod' });
    await admin.supabase.rpc('grant_proxy_tier', {
      user: user.email,
      tier: 'enterprise',
      reason: 'contract 17',
    });
    const visitor = await newVisitor(looks[1]);
    const { page } = visitor;
    const check = checksOf(visitor);
    await enter(visitor, '/admin', admin);
    await page.getByLabel('User').fill(user.email);
    await button(page, 'Search').click();
    await untilFoundAlone(page, user.email);
    await check('found keys');
    await chooseAction(page, 'prod', 'Set limits');
    await page.getByRole('dialog').waitFor();
    await check('limits');
    await cancel(page);
    await chooseAction(page, 'prod', 'Suspend');
    await page.getByLabel(/^Reason/).fill('abuse report 17');
    await check('suspend');
    await button(page, 'Suspend key').click();
    await page.getByText('abuse report 17').first().waitFor();
    await check('suspended');
    await chooseAction(page, 'prod', 'Reactivate');
    await page.getByRole('dialog').waitFor();
    await check('reactivate');
    await cancel(page);

    await page.getByRole('link', { name: 'prod', exact: true }).click();
    await page.getByText('Refused: suspended').waitFor();
    await page.getByRole('tab', { name: 'History' }).waitFor();
    await check('any key');

    await page.goto(dashboardUrl(`/admin/users?user=${user.id}`));
    await page.getByRole('row', { name: user.email }).waitFor();
    await check('users');

    await page.goto(dashboardUrl('/admin/grants'));
    await button(page, `Revoke enterprise from ${user.email}`).waitFor();
    await check('grants');
    await button(page, 'Grant tier').click();
    await page.getByRole('dialog').waitFor();
    await check('grant');
    await cancel(page);
    await button(page, `Revoke enterprise from ${user.email}`).click();
    await page.getByRole('dialog').waitFor();
    await check('revoke');
    await cancel(page);
  });
});

/** Gives a user usage of this month and last month, and keys in every state. */
async function useAndFurnish({ supabase }: Awaited<ReturnType<typeof newUser>>): Promise<void> {
  const { data } = await supabase.from('proxy_key_summaries').select('id').eq('label', 'prod');
  const id = data?.[0]?.id ?? '';
  await ageKeys(sql, [id]);
  const hour = 3_600_000;
  const times = Array.from({ length: 60 }, (_, index) => Date.now() - index * 15 * hour);
  const { rejected } = await recordUsage(
    gateway,
    times.map((time) =>
      usageEvent(id, { occurredAt: new Date(time).toISOString(), bytesReceived: 70_000_000 }),
    ),
  );
  expect(rejected).toEqual([]);
  const admin = await newAdmin();
  for (const label of ['suspended', 'gone']) {
    const minted = await supabase.rpc('mint_proxy_key', { label, live_mode: false });
    const other = minted.data?.id ?? '';
    if (label === 'gone') await supabase.rpc('delete_proxy_key', { id: other });
    else await admin.supabase.rpc('suspend_proxy_key', { id: other, reason: 'abuse report 17' });
  }
}
