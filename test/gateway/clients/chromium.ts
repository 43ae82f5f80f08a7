import { chromiumPath, launchChromium } from '../../../scripts/chromium.ts';
import { body } from './body.ts';
import type { Client } from './client.ts';

export const chromium: Client = {
  name: 'Chromium',
  installed: chromiumPath !== undefined,
  secured: ['plain', 'TLS'],
  // it may ask for an icon too, and be closed before it has read all of it
  site: async () => (request, response) => response.end(request.url === '/' ? body : undefined),
  async read(proxy, site, _, { proxyKey }) {
    const { origin, username, password } = new URL(proxy);
    await using browser = await launchChromium(
      // of a proxy's certificate `ignoreHTTPSErrors` says nothing
      ...(proxyKey ? [`--ignore-certificate-errors-spki-list=${proxyKey}`] : []),
    );
    const context = await browser.newContext({
      proxy: { server: origin, username, password },
      ignoreHTTPSErrors: true,
    });
    const page = await context.newPage();
    const response = await page.goto(site);
    if (response?.status() !== 200) throw new Error(`status ${response?.status()}`);
    return await response.text();
  },
};
