import { readFileSync } from 'node:fs';
import { fetch, ProxyAgent } from 'undici';
import type { Client } from './client.ts';

export const undici: Client = {
  name: 'fetch with an undici ProxyAgent',
  installed: true,
  secured: ['plain', 'TLS'],
  async read(proxy, site, _, { file }) {
    const { origin, username, password } = new URL(proxy);
    const agent = new ProxyAgent({
      uri: origin,
      token: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
      requestTls: { ca: readFileSync(file) },
      proxyTls: { ca: readFileSync(file) },
    });
    try {
      const response = await fetch(site, { dispatcher: agent });
      if (response.status !== 200) throw new Error(`status ${response.status}`);
      return await response.text();
    } finally {
      await agent.close();
    }
  },
};
