import { fetch, ProxyAgent } from 'undici';
import type { Client } from './client.ts';

export const undici: Client = {
  name: 'fetch with an undici ProxyAgent',
  installed: true,
  async read(proxy, site) {
    const { origin, username, password } = new URL(proxy);
    const agent = new ProxyAgent({
      uri: origin,
      token: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
      requestTls: { rejectUnauthorized: false },
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
