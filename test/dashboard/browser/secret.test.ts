import { describe, expect, it } from 'vitest';
import { withoutChromium } from './chromium.ts';
import { close, enter, mint, shownAs } from './steps.ts';
import { newVisitor, type Visitor } from './visitor.ts';

describe.skipIf(withoutChromium)('a secret', () => {
  it('is in one answer, and nowhere else once its dialog is closed', async () => {
    const visitor = await newVisitor({ recorded: true });
    const { page } = visitor;
    await enter(visitor);
    await mint(page, 'prod-scraper');
    const minted = await shownAs(page, 'Secret');
    expect(minted).toMatch(/^[0-9a-f]{64}$/);
    await page.getByRole('button', { name: 'Copy Secret' }).click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(minted);
    await page.getByRole('tab', { name: 'Go', exact: true }).click();
    expect(await shownAs(page, 'Go')).toContain(minted);
    await close(page);
    await page.getByRole('heading', { name: 'prod-scraper', level: 1 }).waitFor();
    await expectGone(visitor, minted);
    // the selected client is remembered, without the secret
    await page.getByRole('button', { name: 'Copy Go' }).click();
    const snippet = await page.evaluate(() => navigator.clipboard.readText());
    expect(snippet).toContain('os.Getenv("PROXY_SECRET")');

    await page.getByRole('button', { name: 'Rotate secret' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate secret' }).click();
    const rotated = await shownAs(page, 'Secret');
    await close(page);
    await expectGone(visitor, minted);
    await expectGone(visitor, rotated);

    // and nothing brings it back
    await page.goBack();
    await page.goForward();
    await page.reload();
    await page.getByRole('heading', { name: 'prod-scraper', level: 1 }).waitFor();
    await page.getByRole('button', { name: 'Copy Go' }).waitFor();
    await expectGone(visitor, minted);
    await expectGone(visitor, rotated);
  });

  it('stays open on Escape, a click outside or Back, and leaving the page asks first', async () => {
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor);
    await mint(page, 'kept');
    const secret = await shownAs(page, 'Secret');
    await page.keyboard.press('Escape');
    await page.mouse.click(5, 5);
    expect(await shownAs(page, 'Secret')).toBe(secret);

    // the page was reached from another one, to which a phone's swipe would go back
    for (const direction of [-1, 1]) {
      await page.evaluate((steps) => {
        const gone = new Promise((resolve) =>
          addEventListener('popstate', resolve, { once: true }),
        );
        history.go(steps);
        // there is no page ahead
        return steps > 0 || gone;
      }, direction);
      expect(await shownAs(page, 'Secret')).toBe(secret);
    }

    const asked = page.waitForEvent('dialog');
    void page.reload().catch(() => {});
    const question = await asked;
    expect(question.type()).toBe('beforeunload');
    await question.dismiss();
    expect(await shownAs(page, 'Secret')).toBe(secret);
    await close(page);
  });
});

/** Searches everywhere that a page can leave something. */
async function expectGone({ page, context, console: lines, exchanges }: Visitor, secret: string) {
  const places = await page.evaluate(async () => {
    const databases = await indexedDB.databases();
    const caches = await globalThis.caches?.keys();
    return {
      markup: document.documentElement.outerHTML,
      values: [...document.querySelectorAll('input, textarea')].map(
        (control) => (control as HTMLInputElement).value,
      ),
      localStorage: JSON.stringify(localStorage),
      sessionStorage: JSON.stringify(sessionStorage),
      historyState: JSON.stringify(history.state),
      url: location.href,
      title: document.title,
      databases: databases.map(({ name }) => name),
      caches: caches ?? [],
    };
  });
  expect(JSON.stringify(places)).not.toContain(secret);
  expect(places.databases).toEqual([]);
  expect(places.caches).toEqual([]);
  expect(JSON.stringify(await context.storageState())).not.toContain(secret);
  expect(lines.join('\n')).not.toContain(secret);

  const client = await context.newCDPSession(page);
  const navigation = await client.send('Page.getNavigationHistory');
  expect(JSON.stringify(navigation)).not.toContain(secret);
  await client.detach();

  const all = await exchanges();
  expect(all.filter(({ url, sent }) => `${url}${sent}`.includes(secret))).toEqual([]);
  expect(all.filter(({ received }) => received.includes(secret))).toHaveLength(1);
}
