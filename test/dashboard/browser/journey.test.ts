import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleUrl } from '../../../dashboard/src/connect/client.ts';
import { startPlainTarget, type TargetServer } from '../../support/gateway/targets.ts';
import { newAdmin } from '../../support/personas.ts';
import { withoutChromium } from './chromium.ts';
import { backToKeys, chooseAction, close, mint, shownAs, signIn, signUp } from './steps.ts';
import { newVisitor } from './visitor.ts';

const size = 1_234_000;
let target: TargetServer;
beforeAll(async () => {
  target = await startPlainTarget((request, response) => {
    request.resume();
    response.end(Buffer.alloc(size, 'a'));
  });
});
afterAll(() => target?.close());

/** Runs the dialog's command as a CONNECT to a local server; returns the status and the size. */
async function send(line: string): Promise<string> {
  const command = line.replace(exampleUrl, `http://127.0.0.1:${target.port}/`);
  const measured = "--proxytunnel -sS -o /dev/null -w '%{http_connect} %{size_download}'";
  const ran = promisify(execFile)('bash', ['-c', `${command} ${measured}`]);
  // curl fails when a proxy refuses, after it has printed the status
  return (await ran.catch((failed: { stdout: string }) => failed)).stdout;
}

async function copied(page: Page, name: string): Promise<string> {
  const dialog = page.getByRole('alertdialog');
  await dialog.getByRole('button', { name: `Copy ${name}` }).click();
  return page.evaluate(() => navigator.clipboard.readText());
}

// the steps alternate between light and dark
const windows = [
  { width: 1440, schemes: ['light', 'dark'] },
  { width: 390, schemes: ['dark', 'light'] },
] as const;

describe.skipIf(withoutChromium)('from signing up to a key that an admin reactivates', () => {
  for (const { width, schemes } of windows) {
    it(`works in a window ${width} px wide, light and dark`, async () => {
      let [colorScheme, other]: ['light' | 'dark', 'light' | 'dark'] = [...schemes];
      const options = { colorScheme, viewport: { width, height: 900 } };
      const { page, picture } = await newVisitor(options);
      const step = async (name: string) => {
        await picture(`${name}-${colorScheme}-${width}`);
        [colorScheme, other] = [other, colorScheme];
        await page.emulateMedia({ colorScheme });
        await picture(`${name}-${colorScheme}-${width}`);
      };

      await signUp(page);
      await page.getByRole('heading', { name: 'Welcome' }).waitFor();
      await step('01-signed-up');

      await mint(page, 'prod-scraper');
      await step('02-secret');
      const keyId = await shownAs(page, 'Key ID');
      expect(await copied(page, 'Username:password')).toBe(
        `${keyId}:${await shownAs(page, 'Secret')}`,
      );
      const line = await copied(page, 'curl');
      await close(page);
      await page.getByRole('heading', { name: 'prod-scraper', level: 1 }).waitFor();
      await page.getByText('No connection yet').waitFor();
      await step('03-new-key');
      await backToKeys(page);

      expect(await send(line)).toBe(`200 ${size}`);
      const row = page.getByRole('row', { name: 'prod-scraper' });
      await row.getByText('1.23 MB').waitFor();
      await row.getByText('just now').waitFor();
      await step('04-used');
      await page.getByRole('link', { name: 'Overview', exact: true }).click();
      await page.getByText('1.23 MB').first().waitFor();
      await step('05-overview');
      await page.getByRole('link', { name: 'Keys', exact: true }).click();
      await page.getByRole('link', { name: 'prod-scraper' }).click();
      await page.getByRole('cell', { name: '127.0.0.1' }).first().waitFor();
      await step('06-key');

      await page.getByRole('button', { name: 'Rotate secret' }).click();
      await step('07-rotate');
      await page.getByRole('dialog').getByRole('button', { name: 'Rotate secret' }).click();
      await page.getByText('The old secret no longer works.').waitFor();
      await step('08-rotated');
      expect(await shownAs(page, 'Key ID')).toBe(keyId);
      const newLine = await copied(page, 'curl');
      expect(newLine).not.toBe(line);
      await expect.poll(() => send(line)).toBe('407 0');
      expect(await send(newLine)).toBe(`200 ${size}`);
      await close(page);

      await page.getByRole('link', { name: 'Keys', exact: true }).first().click();
      await chooseAction(page, 'prod-scraper', 'Delete');
      await page.getByLabel('Type the label').fill('prod-scraper');
      await step('09-delete');
      await page.getByRole('button', { name: 'Delete key' }).click();
      await page.getByText('No keys match these filters').waitFor();
      await step('10-deleted');
      await expect.poll(() => send(newLine)).toBe('407 0');
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      await step('11-signed-out');

      const admin = await newAdmin();
      await signIn(page, admin.email, '/admin');
      await page.getByLabel('Key ID').fill(keyId);
      await page.getByRole('button', { name: 'Search' }).click();
      await page.getByText('Refused: deleted').waitFor();
      await step('12-found');
      await page.getByRole('button', { name: 'Reactivate' }).click();
      await page.getByLabel(/^Reason/).fill('asked for by ticket 17');
      await step('13-reactivate');
      await page.getByRole('button', { name: 'Reactivate key' }).click();
      await page.getByText('Active', { exact: true }).waitFor();
      await step('14-reactivated');
      await expect.poll(() => send(newLine)).toBe(`200 ${size}`);
    });
  }
});
