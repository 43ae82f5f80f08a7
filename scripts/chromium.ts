import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Debian's Chromium, or the one that `CHROMIUM` names; undefined where there is none. */
export const chromiumPath = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
].find((path) => path && existsSync(path));

/**
 * Starts Chromium without a window, for pages of this machine alone, with `args` besides. Throws where
 * there is none.
 */
export function launchChromium(...args: string[]): Promise<Browser> {
  if (!chromiumPath) {
    throw new Error(
      'There is no Chromium. Install it (`apt-get install chromium`) or set CHROMIUM.',
    );
  }
  return chromium.launch({
    executablePath: chromiumPath,
    args: [
      // its sandbox does not start as root, as whom tests may run
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      // it would call hosts of its own
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...args,
    ],
  });
}
