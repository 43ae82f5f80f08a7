import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Session } from '@supabase/supabase-js';
import type { BrowserContext, Page, Request } from 'playwright-core';
import { expect, inject, onTestFinished } from 'vitest';
import { giveBack, takeContext } from './contexts.ts';

/** A request that the page made, and its answer. */
export interface Exchange {
  method: string;
  url: string;
  sent: string;
  status: number;
  received: string;
}

/** A visitor with a separate, empty browser. */
export interface Visitor {
  page: Page;
  context: BrowserContext;
  /** Every line of the console. */
  console: string[];
  /** Stores a session where the dashboard keeps it, as after an earlier sign-in. */
  remember(session: Session): Promise<void>;
  /** Every request that was answered so far, with its answer; only if the visitor is recorded. */
  exchanges(): Promise<Exchange[]>;
  /** Saves a screenshot if `DASHBOARD_PICTURES` names a folder. */
  picture(name: string): Promise<void>;
}

/** The properties of a visitor's browser. */
export interface VisitorOptions {
  viewport?: { width: number; height: number };
  colorScheme?: 'light' | 'dark';
  /** Whether the browser has never loaded anything, and is not reused afterwards. */
  unused?: boolean;
  /** Whether `exchanges` records what is sent and received. */
  recorded?: boolean;
  /** Expected errors: a refusal is an answer, and tests check how the page handles it. */
  expected?: RegExp;
}

/**
 * Opens a browser, and closes it when the test ends. The test fails if the page had an error, broke
 * its own Content-Security-Policy, or sent anything to another origin.
 */
export async function newVisitor(options: VisitorOptions = {}): Promise<Visitor> {
  const { expected = /^Failed to load resource/, unused = false } = options;
  const used = await takeContext(unused);
  const { context } = used;
  const page = await context.newPage();
  if (options.viewport) await page.setViewportSize(options.viewport);
  if (options.colorScheme) await page.emulateMedia({ colorScheme: options.colorScheme });
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
  const noteRequest = (request: Request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== 'blob:') problems.push(`request to ${url}`);
  };
  const noteAnswer = (request: Request) => answered.push(toExchange(request).catch(() => null));
  context.on('request', noteRequest);
  if (options.recorded) context.on('requestfinished', noteAnswer);
  onTestFinished(async () => {
    await giveBack(used);
    context.off('request', noteRequest);
    context.off('requestfinished', noteAnswer);
    expect(problems).toEqual([]);
  });
  return {
    page,
    context,
    console: lines,
    async remember(session) {
      await used.keeper.evaluate(
        (value) => localStorage.setItem('proxy-keys-session', value),
        JSON.stringify(session),
      );
    },
    async exchanges() {
      expect(options.recorded, 'the visitor is recorded').toBe(true);
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

async function toExchange(request: Request): Promise<Exchange> {
  const response = await request.response();
  return {
    method: request.method(),
    url: request.url(),
    sent: request.postData() ?? '',
    status: response?.status() ?? 0,
    received: (await response?.text().catch(() => '')) ?? '',
  };
}
