import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { withoutChromium } from './chromium.ts';
import { backToKeys, chooseAction, close, enter, mint } from './steps.ts';
import { newVisitor } from './visitor.ts';

const labels = {
  markup: `<img src=x onerror="document.title='owned'"><script>alert()</script>`,
  'right-to-left text': 'מפתח ראשי – المفتاح الرئيسي',
  emoji: '👩‍👩‍👧‍👦🔑🇪🇺 prod',
  '80 wide characters': 'Ｗ'.repeat(80),
  '80 characters without a break': 'W'.repeat(80),
};

const widths = [390, 1440] as const;

/** Fails if anything but an input scrolls sideways at either size; leaves the other size set. */
async function expectFits(page: Page): Promise<void> {
  await expectNothingWide(page);
  const width = page.viewportSize()?.width === widths[0] ? widths[1] : widths[0];
  await page.setViewportSize({ width, height: 900 });
  await expectNothingWide(page);
}

async function expectNothingWide(page: Page): Promise<void> {
  const wide = await page.evaluate(() =>
    [document.documentElement, ...document.querySelectorAll('main *, [role$=dialog] *')]
      .filter((element) => element.scrollWidth > element.clientWidth + 1)
      .filter(
        (element) =>
          element === document.documentElement ||
          (element.tagName !== 'INPUT' &&
            ['auto', 'scroll'].includes(getComputedStyle(element).overflowX)),
      )
      .map((element) => `${element.tagName}.${element.className}`),
  );
  expect(wide).toEqual([]);
}

describe.skipIf(withoutChromium)('a label with', () => {
  // each step runs at one of two sizes, and with the next label at the other
  it.each(
    Object.entries(labels).map(([what, label], index) => [what, label, widths[index % 2]] as const),
  )('%s is shown as text, and does not break the layout', async (_, label, width = 390) => {
    const visitor = await newVisitor({ viewport: { width, height: 900 } });
    const { page } = visitor;
    await enter(visitor);
    await mint(page, label);
    await expectFits(page);
    await close(page);
    await page.getByRole('heading', { name: label, level: 1 }).waitFor();
    await backToKeys(page);
    const link = page.getByRole('table').getByRole('link');
    expect(await link.textContent()).toBe(label);
    await expectFits(page);

    await chooseAction(page, label, 'Rename');
    expect(await page.getByLabel('Label').inputValue()).toBe(label);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await chooseAction(page, label, 'Rotate secret');
    await page.getByRole('heading', { name: label }).waitFor();
    await expectFits(page);
    await page.getByRole('button', { name: 'Cancel' }).click();

    await link.click();
    await page.getByRole('heading', { name: label, level: 1 }).waitFor();
    await expectFits(page);
    expect(await page.title()).toBe(`${label} · Proxy Keys`);

    await page.getByRole('link', { name: 'Keys', exact: true }).first().click();
    await chooseAction(page, label, 'Delete');
    await page.getByLabel('Type the label').fill(label);
    await expectFits(page);
    await page.getByRole('button', { name: 'Delete key' }).click();
    await page.getByText('No keys match these filters').waitFor();
  });

  it('a direction override is refused with the reason, and the input is kept', async () => {
    const visitor = await newVisitor({ viewport: { width: 390, height: 900 } });
    const { page } = visitor;
    await enter(visitor, '/keys');
    await page.getByRole('button', { name: 'Create key' }).click();
    await page.getByLabel('Label').fill('invoice\u202Efdp.exe');
    await page.getByRole('dialog').getByRole('button', { name: 'Create key' }).click();
    await page.getByText('none controls text or its direction').waitFor();
    expect(await page.getByLabel('Label').inputValue()).toBe('invoice\u202Efdp.exe');
    await expectFits(page);
  });
});
