import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { expect, inject, onTestFinished } from 'vitest';
import { browser } from './chromium.ts';

/** A request that the page made, and its answer. */
export interface Exchange {
  method: string;
  url: string;
  sent: string;
  status: number;
  received: string;
}

/** Somebody at a browser of their own, with nothing in it yet. */
export interface Visitor {
  page: Page;
  context: BrowserContext;
  /** Every line of the console. */
  console: string[];
  /** Every request that was answered until now, with its answer. */
  exchanges(): Promise<Exchange[]>;
  /** Takes a picture of what the visitor sees, where `DASHBOARD_PICTURES` names a folder for them. */
  picture(name: string): Promise<void>;
}

/** Where the dashboard is, behind it a path of its own, as `/keys`. */
export function dashboardUrl(path = '/'): string {
  return `${inject('stack').url}/developer/#${path}`;
}

/**
 * Opens a browser. When the test ends it is closed; the test fails if the page then had an error, broke
 * its own Content-Security-Policy, or sent anything to another origin. `expected` are errors that are
 * none: a refusal is an answer, and what the page makes of it is tested.
 */
export async function newVisitor(
  options: BrowserContextOptions = {},
  expected = /^Failed to load resource/,
): Promise<Visitor> {
  const context = await (await browser()).newContext({
    viewport: { width: 1440, height: 900 },
    permissions: ['clipboard-read', 'clipboard-write'],
    ...options,
  });
  context.setDefaultTimeout(90_000);
  const page = await context.newPage();
  const lines: string[] = [];
  const problems: string[] = [];
  const answered: Promise<Exchange | null>[] = [];
  const { origin } = new URL(inject('stack').url);
  page.on('console', (message) => {
    lines.push(message.text());
    if (!['error', 'warning'].includes(message.type())) return;
    if (!expected.test(message.text())) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== 'blob:') problems.push(`request to ${url}`);
  });
  context.on('requestfinished', (request) => {
    answered.push(
      (async () => {
        const response = await request.response();
        return {
          method: request.method(),
          url: request.url(),
          sent: request.postData() ?? '',
          status: response?.status() ?? 0,
          received: (await response?.text().catch(() => '')) ?? '',
        };
      })().catch(() => null),
    );
  });
  onTestFinished(async () => {
    await context.close();
    expect(problems).toEqual([]);
  });
  return {
    page,
    context,
    console: lines,
    async exchanges() {
      return (await Promise.all(answered)).filter((exchange) => exchange !== null);
    },
    async picture(name) {
      const folder = process.env.DASHBOARD_PICTURES;
      if (!folder) return;
      mkdirSync(folder, { recursive: true });
      await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled' });
    },
  };
}
