import type { Browser } from 'playwright-core';
import { afterAll, vi } from 'vitest';
import { chromiumPath, launchChromium } from '../../../scripts/chromium.ts';

/** Whether tests in a browser are left out: no Chromium, and `REQUIRE_CHROMIUM` not set. */
export const withoutChromium = !chromiumPath && !process.env.REQUIRE_CHROMIUM;

// a browser, a stack and other tests share a small machine; a hang is still a failure
vi.setConfig({ testTimeout: 300_000 });

let launched: Promise<Browser> | undefined;

/** The browser of this test file, started when it is first asked for and closed with the file. */
export function browser(): Promise<Browser> {
  // pages of one visitor share a process, in which the dashboard's scripts are compiled once
  launched ??= launchChromium('--process-per-site');
  return launched;
}

afterAll(async () => {
  await (await launched)?.close();
});
