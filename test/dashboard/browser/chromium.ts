import { type Browser, chromium } from 'playwright-core';
import { inject } from 'vitest';

const provider = inject('chromium');

/** Whether browser tests are skipped: no Chromium, and `REQUIRE_CHROMIUM` not set. */
export const withoutChromium = provider === null;

let connected: Promise<Browser> | undefined;

/** The browser of this worker's tests, started on first use. */
export function browser(): Promise<Browser> {
  connected ??= connect();
  return connected;
}

async function connect(): Promise<Browser> {
  const answer = await fetch(`${provider}/${process.env.VITEST_POOL_ID}`);
  const words = await answer.text();
  if (!answer.ok) throw new Error(words);
  return chromium.connect(words);
}
