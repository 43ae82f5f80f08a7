import { chromiumPath, launchChromium } from '../../../scripts/chromium.ts';
import { body } from './body.ts';
import type { Client } from './client.ts';

/** It would ask for an icon, and be closed before it has read all of it. */
const withIcon = '<link rel="icon" href="data:,">';

export const chromium: Client = {
  name: 'Chromium',
  installed: chromiumPath !== undefined,
  secured: ['plain', 'TLS'],
  site: async () => (_, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(withIcon + body);
  },
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
    return (await response.text()).replace(withIcon, '');
  },
};
