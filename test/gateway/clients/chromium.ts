import { chromiumPath, launchChromium } from '../../../scripts/chromium.ts';
import { body } from './body.ts';
import type { Client } from './client.ts';

/** Keeps Chromium from requesting an icon, which the close would interrupt. */
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
      // `ignoreHTTPSErrors` does not cover the proxy's certificate
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
