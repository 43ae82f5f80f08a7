import type { BrowserContext, Page } from 'playwright-core';
import { browser } from './chromium.ts';
import { dashboardUrl } from './dashboard-url.ts';

/** A browser's storage with a page of the dashboard's origin in it that has no script. */
export interface KeptContext {
  context: BrowserContext;
  /** Reaches the storage, and keeps the origin's process with what is compiled in it. */
  keeper: Page;
  /** Whether it is nobody's after the visitor who has it. */
  once: boolean;
}

/** Those that nobody has now: empty, but for the files of the dashboard in the cache. */
const idle: KeptContext[] = [];

/** A context with nothing stored in it; with nothing cached either where it is for one visitor alone. */
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

/** Takes a context back when its visitor leaves, with all that they left in it removed. */
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
