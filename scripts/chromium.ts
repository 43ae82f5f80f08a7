import { existsSync } from 'node:fs';
import { type Browser, type BrowserServer, chromium, type LaunchOptions } from 'playwright-core';

/** Debian's Chromium, or the one that `CHROMIUM` names; undefined where both are missing. */
export const chromiumPath = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
].find((path) => path && existsSync(path));

/** What it is started with, for pages of this machine alone. */
export const chromiumArguments = [
  // its sandbox does not start as root, as whom tests may run
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  // it would call hosts of its own
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * Starts Chromium without a window, with `args` besides, for pages of this machine alone. Throws where
 * it is not installed.
 */
export async function launchChromium(...args: string[]): Promise<Browser> {
  return chromium.launch(launchOptions(...args));
}

/** Starts such a Chromium, with `args` besides, for other processes to use. */
export async function serveChromium(...args: string[]): Promise<BrowserServer> {
  return chromium.launchServer({ ...launchOptions(...args), host: '127.0.0.1' });
}

function launchOptions(...args: string[]): LaunchOptions {
  if (!chromiumPath) {
    throw new Error(
      'There is no Chromium. Install it (`apt-get install chromium`) or set CHROMIUM.',
    );
  }
  return {
    executablePath: chromiumPath,
    args: [...chromiumArguments, ...args],
  };
}
