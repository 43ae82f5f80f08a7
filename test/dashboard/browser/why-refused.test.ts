import { afterAll, describe, expect, it } from 'vitest';
import { connectGateway, connectOwner, newAdmin, newUser } from '../../support/personas.ts';
import { overrideAccountLimits, type SeededKey, seedKey } from '../../support/seeded-keys.ts';
import { recordUsage, usageEvent } from '../../support/usage-events.ts';
import { section } from './burn-steps.ts';
import { withoutChromium } from './chromium.ts';
import { enter } from './steps.ts';
import { newVisitor } from './visitor.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const nothing = { bytesSent: 0, bytesReceived: 0 };

/** A user with keys that are each refused for a different reason. */
async function refusedKeys() {
  const user = await newUser();
  const seed = () => seedKey(sql, user.id);
  const team = (): Promise<SeededKey> => seedKey(sql, user.id, { tier: 'team' });
  const [suspended, expired, overQuota, fine] = [
    await seed(),
    await seed(),
    await team(),
    await seed(),
  ];
  await sql`
    update proxy_private.proxy_keys set suspended_at = now(), suspended_reason = 'Abuse report 17'
    where id = ${suspended.id}`;
  await sql`
    update proxy_private.proxy_keys set expires_at = now() - interval '1 hour' where id = ${expired.id}`;
  await overrideAccountLimits(
    sql,
    { userId: user.id, tier: 'team' },
    { account_limit_bytes: 1_000 },
  );
  const events = [
    usageEvent(overQuota.id, { bytesReceived: 2_000 }),
    usageEvent(fine.id, { occurredAt: new Date(Date.now() - 60_000).toISOString() }),
    usageEvent(fine.id, { ...nothing, statusCode: 403, code: 'address_forbidden', count: 12 }),
  ];
  expect(await recordUsage(gateway, events)).toMatchObject({ recorded: events.length });
  return { user, suspended, expired, overQuota, fine };
}

describe.skipIf(withoutChromium)('an admin with a keyId', () => {
  it('finds out why its requests are refused in at most two actions', async () => {
    const { user, ...keys } = await refusedKeys();
    const reasons: Record<keyof typeof keys, string[]> = {
      suspended: ['403 key_suspended', 'Abuse report 17', 'Reactivate it'],
      expired: ['407 credentials_required', 'It expired on', 'sets a new expiry'],
      overQuota: ['402 account_quota_exceeded', 'share a quota', 'It resets on'],
      fine: [
        'Active',
        'Not served',
        'address_forbidden',
        '12 times',
        'add yours to its allowed ranges',
      ],
    };
    const visitor = await newVisitor();
    const { page, picture } = visitor;
    await enter(visitor, '/admin', await newAdmin());
    for (const name of Object.keys(keys) as (keyof typeof keys)[]) {
      let actions = 0;
      const act = async (action: Promise<unknown>) => {
        actions += 1;
        await action;
      };
      await act(
        page.getByRole('searchbox', { name: 'Key ID' }).fill(keys[name].keyId.toUpperCase()),
      );
      await act(page.getByRole('searchbox', { name: 'Key ID' }).press('Enter'));
      const why = section(page, 'Key status');
      await why.getByText(keys[name].keyId).first().waitFor();
      const words = await why.textContent();
      for (const reason of reasons[name]) expect(words, name).toContain(reason);
      expect(actions).toBeLessThanOrEqual(2);
      await picture(`why-refused-${name}`);
      if (name === 'fine') break;
      await page.getByRole('link', { name: 'Keys of all users' }).click();
    }

    // the owner's reading of the refusal, and no actions that an admin may not take
    await section(page, 'Events').getByText('add yours to its allowed ranges').first().waitFor();
    await section(page, 'Owner').getByText(user.email).waitFor();
    for (const name of ['Edit', 'Delete', 'Rename']) {
      expect(await page.getByRole('button', { name }).count(), name).toBe(0);
    }
    await page.getByRole('link', { name: 'Usage of this user' }).click();
    await page.getByRole('row', { name: user.email }).getByText('2 kB').first().waitFor();
    await picture('users');
    await page.getByRole('link', { name: user.email }).click();
    await page.getByRole('table').getByText(keys.fine.keyId).waitFor();
    await page.getByLabel('State').selectOption('Quota used up');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByText('1 key in total').waitFor();
    await page.getByRole('table').getByText(keys.overQuota.keyId).waitFor();
  });
});
