import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page, Request } from 'playwright-core';
import { createServer as createDevelopmentServer } from 'vite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createSupabase, newUser, signToken } from '../../support/personas.ts';
import { withoutChromium } from './chromium.ts';
import { dashboardUrl } from './dashboard-url.ts';
import { close, enter, mint, shownAs, signIn } from './steps.ts';
import { newVisitor } from './visitor.ts';

const storageKey = 'proxy-keys-session';
const heading = (page: Page, name: string) => page.getByRole('heading', { name, exact: true });
const signOut = (page: Page) => page.getByRole('button', { name: 'Sign out' }).click();
const stored = (page: Page) => page.evaluate((key) => localStorage.getItem(key), storageKey);

/** Gives the browser's session an expired access token. */
async function letTokenRunOut(page: Page): Promise<void> {
  const session = JSON.parse((await stored(page)) ?? '');
  const [, claims = ''] = session.access_token.split('.');
  const expired = await signToken({
    ...JSON.parse(Buffer.from(claims, 'base64url').toString()),
    exp: 1_000_000_000,
  });
  await page.evaluate(
    ([key = '', value = '']) => localStorage.setItem(key, value),
    [storageKey, JSON.stringify({ ...session, access_token: expired, expires_at: 1_000_000_000 })],
  );
}

describe.skipIf(withoutChromium)('a user who signs out', () => {
  it.each([
    ['has expired', '**/auth/v1/token**', letTokenRunOut],
    ['is valid', '**/auth/v1/logout**', async () => {}],
  ])('is signed out at once if the token %s and no answer comes', async (_, silent, prepare) => {
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor);
    await page.route(silent, () => {});
    await prepare(page);
    const asked = page.waitForRequest(silent);
    await signOut(page);
    await heading(page, 'Sign in').waitFor();
    // it still has no answer
    await asked;
    expect(await stored(page)).toBeNull();
    await page.reload();
    await heading(page, 'Sign in').waitFor();
  });

  it.each([
    ['valid', async () => {}],
    ['expired', letTokenRunOut],
  ])('ends the session at the project too, with a token that is %s', async (_, prepare) => {
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor);
    const { refresh_token } = JSON.parse((await stored(page)) ?? '');
    await prepare(page);
    const ended = page.waitForResponse(/logout/);
    await signOut(page);
    expect((await ended).status()).toBe(204);
    const { data, error } = await createSupabase().auth.refreshSession({ refresh_token });
    expect([data.session, error?.status]).toEqual([null, 400]);
    const left = await page.evaluate(() => JSON.stringify(localStorage));
    expect(left).toBe('{}');
  });

  it('leaves no search terms to the next user, in any tab', async () => {
    const visitor = await newVisitor();
    const { page, context } = visitor;
    await enter(visitor, '/keys?search=acme&state=');
    await heading(page, 'Keys').waitFor();
    const other = await context.newPage();
    await other.goto(dashboardUrl('/keys?search=bravo'));
    await heading(other, 'Keys').waitFor();
    await signOut(page);
    await heading(page, 'Sign in').waitFor();
    await heading(other, 'Sign in').waitFor();
    expect(page.url()).toBe(dashboardUrl('/'));
    await signIn(page, (await newUser()).email);
    await heading(other, 'Overview').waitFor();
    expect(other.url()).toBe(dashboardUrl('/'));
  });

  it("stays signed out if another tab's session message arrives late", async () => {
    const visitor = await newVisitor();
    const { page, context } = visitor;
    const { email } = await enter(visitor);
    const session = JSON.parse((await stored(page)) ?? '');
    await signOut(page);
    await heading(page, 'Sign in').waitFor();
    const other = await context.newPage();
    await other.goto(dashboardUrl().replace('#/', 'icon.svg'));
    await page.evaluate((name) => {
      new BroadcastChannel(name).onmessage = () => {
        requestAnimationFrame(() => requestAnimationFrame(() => document.body.append('came')));
      };
    }, storageKey);
    await other.evaluate(([name, message]) => new BroadcastChannel(name).postMessage(message), [
      storageKey,
      { event: 'TOKEN_REFRESHED', session },
    ] as const);
    await page.getByText('came').waitFor();
    expect(await heading(page, 'Sign in').isVisible()).toBe(true);
    expect(await page.content()).not.toContain(email);
  });

  it('leaves no pending answer to be shown to the next user', async () => {
    const visitor = await newVisitor();
    const { page } = visitor;
    const first = await newUser();
    await first.supabase.rpc('mint_proxy_key', { label: 'of-the-first' });
    const second = await newUser();
    await enter(visitor, '/keys', first);
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let held = 0;
    await page.route('**/rpc/list_proxy_keys', async (route) => {
      const answer = await route.fetch();
      if ((await answer.text()).includes('of-the-first')) {
        held += 1;
        await released;
      }
      await route.fulfill({ response: answer }).catch(() => {});
    });
    await page.reload();
    await expect.poll(() => held).toBeGreaterThan(0);
    await signOut(page);
    await signIn(page, second.email, '/keys');
    await page.getByText('You have no keys yet').waitFor();
    release();
    await page.getByRole('link', { name: 'Overview', exact: true }).click();
    await page.getByRole('link', { name: 'Keys', exact: true }).click();
    await page.getByText('You have no keys yet').waitFor();
    expect(await page.content()).not.toContain('of-the-first');
  });
});

describe.skipIf(withoutChromium)('a token', () => {
  it('of one project is not sent to another whose page is on the same host', async () => {
    const visitor = await newVisitor({ expected: /^Failed to load|Content Security Policy/ });
    const { page } = visitor;
    await enter(visitor);
    const tried: string[] = [];
    page.on('request', (request) => tried.push(request.url()));
    await page.route('**/config.json', (route) =>
      route.fulfill({
        json: {
          supabaseUrl: 'http://another.localhost',
          publishableKey: 'sb_publishable_another',
          gatewayUrl: 'http://gateway.example.com:7777',
        },
      }),
    );
    await page.reload();
    await heading(page, 'Sign in').waitFor();
    await page.unrouteAll();
    // and is still there for its own project
    await page.reload();
    await heading(page, 'Overview').waitFor();
    expect(tried.filter((url) => url.includes('another'))).toEqual([]);
  });

  it('from a link does not stay in the address or the history', async () => {
    const { page, context } = await newVisitor();
    const tokens = 'access_token=in-the-link&refresh_token=in-the-link-too';
    await page.goto(dashboardUrl().replace('#/', `#${tokens}&expires_in=3600&token_type=bearer`));
    await heading(page, 'Sign in').waitFor();
    expect(page.url()).toBe(dashboardUrl());
    const client = await context.newCDPSession(page);
    const history = await client.send('Page.getNavigationHistory');
    expect(history.entries.map(({ url }) => url).join()).not.toContain('in-the-link');
    expect(await stored(page)).toBeNull();
  });
});

describe.skipIf(withoutChromium)('an answer of the project', () => {
  it('is not stored on disk by the browser', async () => {
    const visitor = await newVisitor();
    const { page } = visitor;
    const asked: Request[] = [];
    // an aborted request has no final headers
    page.on('requestfinished', (request) => {
      if (/\/(rest|auth)\/v1\//.test(request.url())) asked.push(request);
    });
    await enter(visitor);
    await mint(page, 'not-on-disk');
    await close(page);
    await page.getByRole('tab', { name: 'History' }).click();
    await heading(page, 'History').waitFor();
    const ended = page.waitForResponse(/logout/);
    await signOut(page);
    await ended;
    const read = asked.filter((request) => request.method() === 'GET');
    expect(read.length).toBeGreaterThan(1);
    // the header that the browser adds if nothing may be stored
    const kept = await Promise.all(
      read.map(async (request) => (await request.allHeaders())['cache-control'] !== 'no-cache'),
    );
    expect(read.filter((_, index) => kept[index]).map((request) => request.url())).toEqual([]);
  });
});

describe.skipIf(withoutChromium)('a secret on the page', () => {
  it('is only text: not in an attribute, a field or the title', async () => {
    const visitor = await newVisitor();
    const { page } = visitor;
    await enter(visitor);
    await mint(page, 'text-alone');
    const secret = await shownAs(page, 'Secret');
    const holders = await page.evaluate((sought) => {
      const found = [...document.querySelectorAll('*')].flatMap((element) => [
        ...[...element.attributes].filter(({ value }) => value.includes(sought)),
        ...('value' in element && `${element.value}`.includes(sought) ? [element] : []),
      ]);
      return found.map(({ nodeName }) => nodeName);
    }, secret);
    expect(holders).toEqual([]);
    expect(await page.title()).not.toContain(secret);
    expect(await page.evaluate(() => navigator.clipboard.readText())).not.toContain(secret);
    await close(page);
  });
});

describe('the development server', () => {
  it('serves only the files of the checkout that the page is built from', async () => {
    const development = await createDevelopmentServer({
      configFile: 'dashboard/vite.config.ts',
      configLoader: 'native',
      logLevel: 'silent',
      optimizeDeps: { noDiscovery: true },
      server: { middlewareMode: true, hmr: false, ws: false },
    });
    const server = createServer(development.middlewares).listen(0, '127.0.0.1');
    onTestFinished(async () => {
      server.close();
      await development.close();
    });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const statusOf = async (path: string) => {
      const { status } = await fetch(`http://127.0.0.1:${port}/@fs${process.cwd()}/${path}`);
      return status;
    };
    // in the stack's folder of keys, a missing file is answered with the page
    for (const path of ['package.json', 'supabase/config.toml', 'scripts/start.ts']) {
      expect([path, await statusOf(`${path}?raw`)]).toEqual([path, 403]);
    }
    expect(await statusOf('dashboard/src/main.tsx')).toBe(200);
    expect(await statusOf('supabase/functions/_shared/database.types.ts')).toBe(200);
  });
});
