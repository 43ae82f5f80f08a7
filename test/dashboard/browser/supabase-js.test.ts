import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import type { createClient } from '@supabase/supabase-js';
import { describe, expect, inject, it } from 'vitest';
import { journeyFound, takeJourney } from '../../clients/journey.ts';
import { newUser, password } from '../../support/personas.ts';
import { browser, withoutChromium } from './chromium.ts';

const { url, publishableKey } = inject('stack');
const entry = createRequire(import.meta.url).resolve('@supabase/supabase-js');
const bundle = join(dirname(entry), 'umd', 'supabase.js');

describe.skipIf(withoutChromium)('a page of another origin', () => {
  it('can do everything that a developer needs over supabase-js', async () => {
    const { email } = await newUser();
    // on a loopback address too, as browsers ask before a public page may reach one
    const app = createServer((_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>an app');
    }).listen(0, '127.0.0.1');
    await once(app, 'listening');
    const context = await (await browser()).newContext();
    try {
      const page = await context.newPage();
      await page.goto(`http://127.0.0.1:${(app.address() as AddressInfo).port}/`);
      await page.addScriptTag({ path: bundle });
      const found = await page.evaluate(
        ([journey, start]) => {
          const { supabase } = globalThis as unknown as {
            supabase: { createClient: typeof createClient };
          };
          // the same code as in Node, from its source text
          const take = new Function(`return (${journey})`)() as typeof takeJourney;
          return take(supabase.createClient, start);
        },
        [takeJourney.toString(), { url, publishableKey, email, password }] as const,
      );
      expect(found).toEqual(journeyFound);
    } finally {
      await context.close();
      app.close();
    }
  });
});
