import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { launchChromium } from './chromium.ts';
import { demoUser } from './stack/describe-stack.ts';
import { projectRoot } from './stack/project-root.ts';
import { startStack } from './stack/stack.ts';

// `npm run pictures`: takes the README's screenshots from a separate stack.

const folder = join(projectRoot, 'docs', 'pictures');
mkdirSync(folder, { recursive: true });

const stack = await startStack({ ephemeral: true });
try {
  const browser = await launchChromium();
  try {
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ colorScheme, viewport: { width: 1200, height: 860 } });
      await page.goto(`${stack.url}/developer/`);
      await page.getByLabel('E-mail address').fill(demoUser.email);
      await page.getByLabel('Password').fill(demoUser.password);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.getByRole('img').first().waitFor();
      await shoot(page, `overview-${colorScheme}`);

      await page.getByRole('link', { name: 'Keys', exact: true }).click();
      await page.getByRole('button', { name: 'Create key' }).click();
      await page.getByLabel('Label').fill(`checkout-monitor-${colorScheme}`);
      await page.getByRole('dialog').getByRole('button', { name: 'Create key' }).click();
      await page.getByRole('button', { name: 'Copy Secret' }).click();
      await shoot(page, `secret-${colorScheme}`);
      await page.close({ runBeforeUnload: false });
    }
  } finally {
    await browser.close();
  }
} finally {
  await stack.stop();
}

async function shoot(page: Page, name: string): Promise<void> {
  await page.waitForLoadState('networkidle');
  await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled' });
  console.error(`docs/pictures/${name}.png`);
}
