import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrowserServer } from 'playwright-core';
import type { TestProject } from 'vitest/node';
import { chromiumPath, serveChromium } from '../../../scripts/chromium.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The URL that returns a worker's Chromium address; null without Chromium. */
    chromium: string | null;
  }
}

/**
 * A Chromium for each worker, started on first use. It outlives the worker's test files, unlike a
 * hook in them; one for all workers would share one clipboard.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (!chromiumPath && !process.env.REQUIRE_CHROMIUM) {
    project.provide('chromium', null);
    return async () => {};
  }
  const started = new Map<string, Promise<BrowserServer>>();
  const server = createServer(async ({ url = '' }, response) => {
    // the pages of a visitor share a process, in which the dashboard's scripts are compiled once
    const chromium = started.get(url) ?? serveChromium('--process-per-site');
    started.set(url, chromium);
    await chromium.then(
      (its) => response.end(its.wsEndpoint()),
      (error: Error) => response.writeHead(500).end(error.message),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  project.provide('chromium', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return async () => {
    server.closeAllConnections();
    server.close();
    const ends = await Promise.allSettled(started.values());
    await Promise.all(ends.map((end) => end.status === 'fulfilled' && end.value.close()));
  };
}
