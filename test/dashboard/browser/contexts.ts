import type { BrowserContext, Page } from 'playwright-core';
import { browser } from './chromium.ts';
import { dashboardUrl } from './dashboard-url.ts';

/** A browser context with a script-free page of the dashboard's origin. */
export interface KeptContext {
  context: BrowserContext;
  /** Accesses the storage, and keeps the origin's process with its compiled code alive. */
  keeper: Page;
  /** Whether it is closed after its visitor instead of reused. */
  once: boolean;
}

/** Contexts that are free: empty, except for the dashboard's files in the cache. */
const idle: KeptContext[] = [];

/** A context with empty storage; its cache is empty too if it is for only one visitor. */
export async function takeContext(once: boolean): Promise<KeptContext> {
  const kept = once ? undefined : idle.pop();
  if (kept) return kept;
  const context = await (await browser()).newContext({
    viewport: { width: 1440, height: 900 },
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  context.setDefaultTimeout(90_000);
  const keeper = await context.newPage();
  await keeper.goto(dashboardUrl().replace('#/', 'icon.svg'));
  return { context, keeper, once };
}

/** Takes a context back from its visitor, and clears everything that they left in it. */
export async function giveBack(kept: KeptContext): Promise<void> {
  const { context, keeper, once } = kept;
  if (once) return context.close();
  await Promise.all(context.pages().map((page) => page !== keeper && page.close()));
  await context.unrouteAll();
  await context.setOffline(false);
  await context.clearCookies();
  await keeper.evaluate(async () => {
    localStorage.clear();
    for (const { name = '' } of await indexedDB.databases()) indexedDB.deleteDatabase(name);
    for (const name of (await globalThis.caches?.keys()) ?? []) await caches.delete(name);
  });
  idle.push(kept);
}
