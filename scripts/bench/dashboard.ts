import { setTimeout as delay } from 'node:timers/promises';
import type { CDPSession, Page } from 'playwright-core';
import { chromiumPath, launchChromium } from '../chromium.ts';
import { addFigure, compare, type Measuring } from './measuring.ts';
import type { BenchUser } from './scene.ts';

/**
 * Measures what the list of keys costs the browser with many keys and with one, and the longest task that
 * blocks the page. Skipped without Chromium.
 */
export async function measureDashboard(measuring: Measuring): Promise<void> {
  const { scene, sql, tell } = measuring;
  const many = measuring.size.shownKeys;
  if (!chromiumPath) {
    tell('dashboard: skipped, as Chromium is not installed');
    return;
  }
  const [busy, fresh] = (await scene.newUsers(2)) as [BenchUser, BenchUser];
  await scene.newKeys(Array.from({ length: many }, () => busy));
  await scene.newKeys([fresh]);
  await sql`
    update proxy_private.proxy_keys as k set label = 'key ' || n.place
    from (select id, row_number() over (order by id) as place from proxy_private.proxy_keys
          where user_id in (${busy.id}, ${fresh.id})) as n
    where n.id = k.id`;
  const browser = await launchChromium();
  try {
    const [full, empty] = [
      await openKeys(measuring, await browser.newPage(), busy),
      await openKeys(measuring, await browser.newPage(), fresh),
    ];
    for (const step of ['show', 'search', 'sort'] as const) {
      const title = {
        group: 'dashboard',
        name: `${step}: ${many} keys`,
        against: 'one key',
        aim: null,
      };
      await compare(measuring, title, { candidate: full[step], baseline: empty[step] });
    }
    addFigure(measuring, {
      group: 'dashboard',
      name: 'longest task of the list (0: under 50)',
      unit: 'ms',
      values: { [`${many} keys`]: await full.longestTask(), 'one key': await empty.longestTask() },
    });
  } finally {
    await browser.close();
  }
}

/** A user's list of keys in its own page, with the steps to measure. */
async function openKeys({ stack }: Measuring, page: Page, user: BenchUser) {
  await page.addInitScript(() => {
    const seen: number[] = [];
    Object.assign(globalThis, { longTasks: seen });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) seen.push(duration);
    }).observe({ type: 'longtask' });
  });
  await page.addInitScript(
    (session) => localStorage.setItem('proxy-keys-session', session),
    sessionOf(user),
  );
  await page.goto(`${stack.url}/developer/#/keys`);
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const search = page.getByLabel('Search');
  await search.waitFor();
  // the page's start is not counted
  await page.evaluate(() => (globalThis as unknown as { longTasks: number[] }).longTasks.splice(0));

  const timed = (work: () => Promise<unknown>) => taskTime(session, work);
  const toOverview = () => page.getByRole('link', { name: 'Overview', exact: true }).click();
  const toKeys = async () => {
    await page.getByRole('link', { name: 'Keys', exact: true }).click();
    await page.getByRole('table').waitFor();
  };
  /** Times each, one after another. */
  const each = async <Item>(items: Iterable<Item>, work: (item: Item) => Promise<unknown>) => {
    const durations: number[] = [];
    for (const item of items) durations.push(await timed(() => work(item)));
    return durations;
  };
  const head = (name: string) => page.getByRole('columnheader', { name }).getByRole('button');
  return {
    /** Opens the list from another page. */
    show: {
      prepare: toOverview,
      round: async () => [await timed(toKeys)],
    },
    /** Types a search, letter by letter. */
    search: {
      prepare: async () => {
        await search.fill('');
        await search.focus();
      },
      round: () => each('key 7', (letter) => page.keyboard.type(letter)),
    },
    /** Clicks each column header. */
    sort: {
      prepare: () => search.fill(''),
      round: () => each(['Key', 'Used this month', 'Created'], (name) => head(name).click()),
    },
    /** Milliseconds; 0 if no task took 50 ms, the browser's threshold. */
    longestTask: () =>
      page.evaluate(() =>
        Math.max(0, ...(globalThis as unknown as { longTasks: number[] }).longTasks),
      ),
  };
}

/** How long the page's main thread was busy until it was idle, in ms. */
async function taskTime(session: CDPSession, work: () => Promise<unknown>): Promise<number> {
  const busy = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0) * 1_000;
  };
  const before = await busy();
  await work();
  // not with an idle callback, which a browser postpones while the machine has other work
  for (let last = before; ; ) {
    await delay(25);
    const now = await busy();
    if (now - last < 1) return now - before;
    last = now;
  }
}

/** A session as supabase-js stores it. */
function sessionOf({ id, token }: BenchUser): string {
  const [, claims = ''] = token.split('.');
  const { exp } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { exp: number };
  return JSON.stringify({
    access_token: token,
    refresh_token: 'none',
    token_type: 'bearer',
    expires_in: 3_600,
    expires_at: exp,
    user: { id, email: `${id}@example.com`, app_metadata: {}, user_metadata: {} },
  });
}
