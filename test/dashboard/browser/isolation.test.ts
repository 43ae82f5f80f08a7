import { describe, expect, it } from 'vitest';
import { withoutChromium } from './chromium.ts';
import { dashboardUrl } from './dashboard-url.ts';
import { close, enter, mint, shownAs } from './steps.ts';
import { newVisitor, type Visitor } from './visitor.ts';

describe.skipIf(withoutChromium)('two users in two browsers', () => {
  it('never see anything of each other', async () => {
    const [first, second] = await Promise.all([
      newVisitor({ recorded: true }),
      newVisitor({ recorded: true }),
    ]);
    const users = await Promise.all([enter(first), enter(second)]);
    const own = await Promise.all([
      mintOwn(first, 'first-of-all'),
      mintOwn(second, 'second-to-none'),
    ]);
    const visitors = [first, second] as const;
    for (const [index, { page }] of visitors.entries()) {
      const theirs = own[1 - index] as string[];
      await page.goto(dashboardUrl('/'));
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      for (const named of theirs) {
        // by its address, as if someone had sent it to them
        await page.goto(dashboardUrl(`/keys/${named}`));
        await page.getByText('Key not found').first().waitFor();
      }
      await page.goto(dashboardUrl(`/keys?search=${theirs[0]}&state=`));
      await page.getByText('No keys match these filters').waitFor();
      await page.goto(dashboardUrl('/keys?state='));
      await page.getByRole('table').waitFor();
      expect(await page.getByRole('table').getByRole('rowheader').count()).toBe(1);
    }
    for (const [index, { page, exchanges }] of visitors.entries()) {
      const theirs = [...(own[1 - index] as string[]), users[1 - index]?.email as string];
      const received = (await exchanges()).map((exchange) => exchange.received).join('\n');
      const stored = await page.evaluate(() => JSON.stringify(localStorage));
      for (const named of theirs) {
        expect(received).not.toContain(named);
        expect(stored).not.toContain(named);
      }
      // proves that the search would find it
      for (const named of own[index] as string[]) expect(received).toContain(named);
    }
  });
});

/** Mints a key; returns what no other user may see of it. */
async function mintOwn({ page }: Visitor, label: string): Promise<string[]> {
  await mint(page, label);
  const keyId = await shownAs(page, 'Key ID');
  await close(page);
  return [keyId, label];
}
