import { text } from 'node:stream/consumers';
import { parse } from 'csv-parse/sync';
import { afterAll, describe, expect, it } from 'vitest';
import { connectGateway, connectOwner, newUser } from '../../support/personas.ts';
import { ageKeys } from '../../support/seeded-keys.ts';
import { recordUsage, usageEvent } from '../../support/usage-events.ts';
import { withoutChromium } from './chromium.ts';
import { enter } from './steps.ts';
import { newVisitor } from './visitor.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
afterAll(() => Promise.all([sql.end(), gateway.end()]));

/** A user with a key that has that many events, each for its own host, every fourth one refused. */
async function userOf(label: string, events: number) {
  const user = await newUser();
  const { data } = await user.supabase.rpc('mint_proxy_key', { label });
  const id = data?.id ?? '';
  await ageKeys(sql, [id]);
  const now = Date.now();
  for (let begin = 0; begin < events; begin += 5_000) {
    const length = Math.min(5_000, events - begin);
    await recordUsage(
      gateway,
      Array.from({ length }, (_, offset) => {
        const index = begin + offset;
        return usageEvent(id, {
          occurredAt: new Date(now - (index + 1) * 1_000).toISOString(),
          targetHost: `host-${index}.example.com`,
          statusCode: index % 4 === 3 ? 502 : 200,
        });
      }),
    );
  }
  return { user, id, keyId: data?.key_id ?? '' };
}

describe.skipIf(withoutChromium)('the events of a key', () => {
  it('are shown newest first, with more on demand, and with filters in the address', async () => {
    const { user, keyId } = await userOf('busy', 120);
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor, `/keys/${keyId}`, user);
    const hosts = () => page.getByRole('cell', { name: /^host-\d+\.example\.com$/ });
    const turn = (name: string) => page.getByRole('button', { name, exact: true }).click();
    await page.getByRole('table', { name: 'Events 1 to 50' }).waitFor();
    expect(await hosts().count()).toBe(50);
    expect(await hosts().first().textContent()).toBe('host-0.example.com');
    await turn('Older');
    await turn('Older');
    await page.getByRole('table', { name: 'Events 101 to 120' }).waitFor();
    expect(await hosts().last().textContent()).toBe('host-119.example.com');
    await turn('Newer');
    await page.getByRole('table', { name: 'Events 51 to 100' }).waitFor();
    expect(await hosts().first().textContent()).toBe('host-50.example.com');

    await page.getByLabel('Status').fill('502');
    await page.keyboard.press('Enter');
    await expect.poll(() => hosts().count()).toBe(30);
    expect(page.url()).toContain('502');
    await page.reload();
    await expect.poll(() => hosts().count()).toBe(30);
    await page.getByLabel(/host/i).fill('host-7.example.com');
    await page.keyboard.press('Enter');
    await expect.poll(() => hosts().count()).toBe(1);
    await page.getByLabel(/host/i).fill('nowhere.example.com');
    await page.keyboard.press('Enter');
    await page.getByText(/match these filters/).waitFor();
  });

  it('include one per hour of a long tunnel, and later ones are marked as continued', async () => {
    const { user, keyId, id } = await userOf('long', 1);
    const first = usageEvent(id, {
      occurredAt: new Date(Date.now() - 7_200_000).toISOString(),
      targetHost: 'long.example.com',
    });
    const later = { ...first, occurredAt: new Date(Date.now() - 3_600_000).toISOString() };
    await recordUsage(gateway, [first, { ...later, count: 0 }]);
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor, `/keys/${keyId}`, user);
    const rows = page.getByRole('row').filter({ hasText: 'long.example.com' });
    await rows.first().waitFor();
    expect(await rows.count()).toBe(2);
    const goesOn = rows.filter({ hasText: 'Continued from an earlier hour' });
    expect(await goesOn.count()).toBe(1);
    await page.getByText('All of its rows count as one connection.').waitFor();
  });

  it('appear automatically while the page is open', async () => {
    const { user, keyId, id } = await userOf('watched', 1);
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor, `/keys/${keyId}`, user);
    await page.getByRole('cell', { name: 'host-0.example.com' }).waitFor();
    await recordUsage(gateway, [usageEvent(id, { targetHost: 'new.example.com' })]);
    await page.getByRole('cell', { name: 'new.example.com' }).waitFor();
  });

  it('can be downloaded as CSV, all of them or only those that match the filters', async () => {
    const { user, keyId } = await userOf('exported', 5_300);
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor, `/keys/${keyId}`, user);
    const [all] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download all events (CSV)' }).click(),
    ]);
    expect(all.suggestedFilename()).toBe(`${keyId}-events.csv`);
    const rows: Record<string, string>[] = parse(await text(await all.createReadStream()), {
      columns: true,
    });
    expect(rows).toHaveLength(5_300);
    expect(new Set(rows.map(({ eventId }) => eventId)).size).toBe(5_300);
    expect(rows[0]?.targetHost).toBe('host-0.example.com');

    await page.getByLabel('Status').fill('502');
    await page.keyboard.press('Enter');
    const [some] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download these events (CSV)' }).click(),
    ]);
    const refused: Record<string, string>[] = parse(await text(await some.createReadStream()), {
      columns: true,
    });
    expect(refused).toHaveLength(1_325);
    expect(new Set(refused.map(({ statusCode }) => statusCode))).toEqual(new Set(['502']));
  });

  it('are saved to no file if the download breaks off, and to a file on the next try', async () => {
    const { user, keyId } = await userOf('cut', 5_300);
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor, `/keys/${keyId}`, user);
    let parts = 0;
    await page.route('**/rpc/export_proxy_key_events', (route) =>
      ++parts === 2 ? route.abort() : route.continue(),
    );
    let downloads = 0;
    page.on('download', () => downloads++);
    await page.getByRole('button', { name: 'Download all events (CSV)' }).click();
    await page.getByText('No file was saved.').waitFor();
    expect(downloads).toBe(0);
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Try again' }).click(),
    ]);
    const rows = parse(await text(await file.createReadStream()), { columns: true });
    expect(rows).toHaveLength(5_300);
  });
});
