import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectOwner, newUser, type Persona } from '../../support/personas.ts';
import { seedKeys } from '../../support/seeded-keys.ts';
import { press, tabTo } from './by-keyboard.ts';
import { withoutChromium } from './chromium.ts';
import { dashboardUrl } from './dashboard-url.ts';
import { enter } from './steps.ts';
import { newVisitor } from './visitor.ts';

const sql = connectOwner();
let owner: Persona;

/** 120 keys, `key 1` is the newest. */
beforeAll(async () => {
  owner = await newUser();
  const keys = await seedKeys(sql, owner.id, 120);
  await sql`
    update proxy_private.proxy_keys as k
    set label = 'key ' || u.n, created_at = now() - u.n * interval '1 minute'
    from unnest(${keys.map(({ id }) => id)}::uuid[]) with ordinality as u (id, n) where k.id = u.id`;
});
afterAll(() => sql.end());

describe.skipIf(withoutChromium)('a user with many keys', () => {
  it('pages, sorts and searches them, and returns to the same place', async () => {
    const visitor = await newVisitor({ viewport: { width: 1440, height: 900 } });
    const { page } = visitor;
    await enter(visitor, '/keys', owner);
    const names = () => page.getByRole('rowheader').getByRole('link').allTextContents();
    await expect.poll(names).toEqual(Array.from({ length: 25 }, (_, n) => `key ${n + 1}`));
    await page.getByRole('button', { name: 'Next page' }).click();
    await page.getByText('Keys 26 to 50').waitFor();
    await page.getByRole('button', { name: 'Next page' }).click();
    await page.getByText('Keys 51 to 75').waitFor();
    await expect.poll(names).toHaveLength(25);
    await page.getByRole('link', { name: 'key 60' }).click();
    await page.getByRole('heading', { name: 'key 60', level: 1 }).waitFor();
    await page.goBack();
    await page.getByText('Keys 51 to 75').waitFor();
    await page.getByRole('button', { name: 'Previous page' }).click();
    await page.getByText('Keys 26 to 50').waitFor();

    await page.getByRole('columnheader').getByRole('button', { name: 'Key' }).click();
    await page.getByText('Keys 1 to 25').waitFor();
    expect(new URL(page.url()).hash).toContain('sort=label');
    await page.getByRole('columnheader').getByRole('button', { name: 'Key' }).click();
    await expect.poll(async () => (await names())[0]).toBe('key 120');
    await page.getByLabel('Search').fill('KEY 11');
    await expect
      .poll(names)
      .toEqual([119, 118, 117, 116, 115, 114, 113, 112, 111, 110, 11].map((n) => `key ${n}`));

    const downloading = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download CSV' }).click();
    const csv = await text(await (await downloading).createReadStream());
    const lines = csv.trimEnd().split('\r\n');
    expect(lines.map((line) => line.split(',')[2])).toEqual(['label', ...(await names())]);
  });

  it('deletes several by keyboard alone, and sees which key prevents a change', async () => {
    const visitor = await newVisitor({ viewport: { width: 390, height: 900 } });
    const { page } = visitor;
    await enter(visitor, '/keys', owner);
    await page.getByText('Keys 1 to 10').waitFor();
    for (const label of ['key 1', 'key 3']) {
      await tabTo(page, `Select ${label}`);
      await page.keyboard.press('Space');
    }
    await page.getByRole('group').getByText('2 keys selected').waitFor();
    await tabTo(page, 'Delete', 'Shift+Tab');
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Delete 2 keys' });
    expect(await dialog.getByRole('listitem').allTextContents()).toEqual([
      expect.stringMatching(/^key 1 avp_live_/),
      expect.stringMatching(/^key 3 avp_live_/),
    ]);
    await page.keyboard.type('3');
    await page.keyboard.press('Enter');
    await page.getByText('This is not the number').waitFor();
    await page.keyboard.press('Backspace');
    await page.keyboard.type('2');
    await press(page, 'Delete 2 keys');
    await dialog.waitFor({ state: 'detached' });
    await expect
      .poll(() => page.getByRole('rowheader').getByRole('link').allTextContents())
      .toEqual(expect.not.arrayContaining(['key 1', 'key 3']));

    await page.getByLabel('Select key 2', { exact: true }).check();
    await page.getByRole('button', { name: 'Select all on this page' }).click();
    await page.getByRole('group').getByText('10 keys selected').waitFor();
    await page.getByRole('button', { name: 'Set expiry' }).click();
    await page.getByLabel('Expires').selectOption('30');
    await sql`
      update proxy_private.proxy_keys set deleted_at = now()
      where user_id = ${owner.id} and label = 'key 5'`;
    await page.getByRole('button', { name: 'Set expiry of 10 keys' }).click();
    await page.getByRole('alert').getByText('No keys were changed. The problem is key 5').waitFor();
  });

  it('finds a key by part of its name in a field that asks for a key', async () => {
    const visitor = await newVisitor({ viewport: { width: 390, height: 900 } });
    const { page } = visitor;
    await enter(visitor, '/alerts/thresholds', owner);
    await page.getByRole('button', { name: 'Set for a key' }).click();
    await page.getByRole('combobox', { name: 'Key' }).fill('key 77');
    await page.getByRole('option', { name: 'key 77' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect
      .poll(() => page.getByRole('combobox', { name: 'Key' }).inputValue())
      .toBe('key 77');
    await page.getByLabel('Never').check();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('link', { name: 'key 77' }).waitFor();
    await page.goto(dashboardUrl('/alerts'));
    await page.getByRole('combobox', { name: 'Key' }).click();
    await page.getByRole('option').nth(20).waitFor();
    await page.getByText('More keys match. Type').waitFor();
  });
});
