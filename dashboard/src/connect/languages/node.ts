import { type Client, type Connection, exampleUrl, proxyOrigin, proxyUrl } from '../client.ts';

/** The code expression for the secret. */
function secretOf({ secret }: Connection): string {
  return secret === undefined ? 'process.env.PROXY_SECRET' : `'${secret}'`;
}

/** The `fetch` of undici: Node's own comes from another version, which may refuse the agent. */
export const undici: Client = {
  name: 'Node (undici)',
  note: 'Needs npm install undici. Save it as proxy.mjs, then: node proxy.mjs.',
  tls: true,
  write(connection) {
    const { secret } = connection;
    const url =
      secret === undefined
        ? `\`${proxyUrl(connection, `\${${secretOf(connection)}}`)}\``
        : `'${proxyUrl(connection, secret)}'`;
    return [
      "import { fetch, ProxyAgent } from 'undici';",
      '',
      'const dispatcher = new ProxyAgent(',
      `  ${url},`,
      ');',
      `const response = await fetch('${exampleUrl}', { dispatcher });`,
      'console.log(response.status);',
      'await dispatcher.destroy();',
    ].join('\n');
  },
};

/** Playwright. */
export const playwright: Client = {
  name: 'Playwright',
  note: 'Needs npm install playwright. Save it as proxy.mjs, then: node proxy.mjs.',
  tls: true,
  write: (connection) =>
    [
      "import { chromium } from 'playwright';",
      '',
      'const browser = await chromium.launch({',
      '  proxy: {',
      `    server: '${proxyOrigin(connection)}',`,
      `    username: '${connection.keyId}',`,
      `    password: ${secretOf(connection)},`,
      '  },',
      '});',
      'const page = await browser.newPage();',
      `const response = await page.goto('${exampleUrl}');`,
      'console.log(response.status());',
      'await browser.close();',
    ].join('\n'),
};

/** Puppeteer, which authenticates to the proxy for each page. */
export const puppeteer: Client = {
  name: 'Puppeteer',
  note: 'Needs npm install puppeteer. Save it as proxy.mjs, then: node proxy.mjs.',
  tls: true,
  write: (connection) =>
    [
      "import puppeteer from 'puppeteer';",
      '',
      'const browser = await puppeteer.launch({',
      `  args: ['--proxy-server=${proxyOrigin(connection)}'],`,
      '});',
      'const page = await browser.newPage();',
      'await page.authenticate({',
      `  username: '${connection.keyId}',`,
      `  password: ${secretOf(connection)},`,
      '});',
      `const response = await page.goto('${exampleUrl}');`,
      'console.log(response.status());',
      'await browser.close();',
    ].join('\n'),
};
