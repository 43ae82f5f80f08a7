import { existsSync } from 'node:fs';
import { type Browser, type BrowserServer, chromium, type LaunchOptions } from 'playwright-core';

/** The Chromium that `CHROMIUM` names, or Debian's; undefined if both are missing. */
export const chromiumPath = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
].find((path) => path && existsSync(path));

/** Its arguments, for pages on this machine only. */
export const chromiumArguments = [
  // the sandbox does not start as root, and tests may run as root
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  // it would contact its vendor's hosts
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * Starts headless Chromium with the additional `args`, for pages on this machine only. Throws if it is
 * not installed.
 */
export async function launchChromium(...args: string[]): Promise<Browser> {
  return chromium.launch(launchOptions(...args));
}

/** Starts the same Chromium as a server, for other processes to use. */
export async function serveChromium(...args: string[]): Promise<BrowserServer> {
  return chromium.launchServer({ ...launchOptions(...args), host: '127.0.0.1' });
}

function launchOptions(...args: string[]): LaunchOptions {
  if (!chromiumPath) {
    throw new Error(
      'Chromium is not installed. Install it (`apt-get install chromium`) or set CHROMIUM to its path.',
    );
  }
  return {
    executablePath: chromiumPath,
    args: [...chromiumArguments, ...args],
  };
}
