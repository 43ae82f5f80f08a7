import type { Page } from 'playwright-core';
import { afterAll, describe, expect, it } from 'vitest';
import { connectGateway, connectOwner } from '../../support/personas.ts';
import { period } from '../../support/usage-scenes.ts';
import { expectAccessible } from './axe.ts';
import { overQuota, scrollTo, section } from './burn-steps.ts';
import { withoutChromium } from './chromium.ts';
import { dashboardUrl } from './dashboard-url.ts';
import { enter } from './steps.ts';
import { newVisitor } from './visitor.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
const database = { sql, gateway };
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const looks = [
  { colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  { colorScheme: 'dark', viewport: { width: 390, height: 844 } },
  { colorScheme: 'dark', viewport: { width: 768, height: 900 } },
  { colorScheme: 'light', viewport: { width: 320, height: 640 } },
] as const;

/** Scrolls to each section, until all of them are loaded. */
async function readThrough(page: Page, parts: (string | RegExp)[]): Promise<void> {
  for (const part of parts) {
    await scrollTo(page, part);
    await section(page, part).last().getByRole('table').first().waitFor();
  }
}

/** The page and the sideways-scrolling elements that exceed their width. */
const beyond = (page: Page) =>
  page.evaluate(() =>
    [document.documentElement, ...document.querySelectorAll('main *')]
      .filter((element) => {
        const scrolls = ['auto', 'scroll'].includes(getComputedStyle(element).overflowX);
        return (
          (scrolls || element === document.documentElement) &&
          element.scrollWidth > element.clientWidth + 1
        );
      })
      .map((element) => `${element.tagName} “${element.textContent?.slice(0, 40)}”`),
  );

describe.skipIf(withoutChromium)('at any window size, light and dark', () => {
  it('the usage pages pass axe-core, and nothing exceeds the edge', async () => {
    const { user, quiet } = await overQuota(database);
    const visitor = await newVisitor(looks[0]);
    const { page, picture } = visitor;
    const pages: [name: string, path: string, ready: () => Promise<unknown>][] = [
      [
        'overview',
        '/?span=week',
        () => readThrough(page, [/^Top keys/, 'Top targets', /^Outcomes/]),
      ],
      [
        'key',
        `/keys/${quiet.keyId}`,
        () => readThrough(page, ['Targets of this key', /^Outcomes/]),
      ],
      ['targets', '/usage/targets?span=hours', () => page.getByRole('table').waitFor()],
      ['outcomes', '/usage/outcomes', () => page.getByRole('table').last().waitFor()],
      [
        'other-days',
        `/usage/targets?span=${period(-1)}-01_${period(-1)}-05`,
        () => page.getByText('No targets in this time').waitFor(),
      ],
    ];
    await enter(visitor, '/', user);
    for (const [name, path, ready] of pages) {
      await page.goto(dashboardUrl(path));
      await ready();
      for (const { colorScheme, viewport } of looks) {
        await page.setViewportSize(viewport);
        await page.emulateMedia({ colorScheme });
        await picture(`burns-${name}-${viewport.width}-${colorScheme}`);
        await expectAccessible(page, `${name}, ${viewport.width} px, ${colorScheme}`);
        expect(await beyond(page), `${name}, ${viewport.width} px`).toEqual([]);
      }
    }
  });
});
