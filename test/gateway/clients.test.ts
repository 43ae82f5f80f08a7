import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { fetch as fetchThrough, ProxyAgent } from 'undici';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { newUser, type Persona } from '../personas.ts';
import { certificateFile, startPlainTarget, startTlsTarget, type TargetServer } from './targets.ts';

const stack = inject('stack');
const run = promisify(execFile);
const body = 'bytes: '.repeat(10_000);

let plain: TargetServer;
let tls: TargetServer;

beforeAll(async () => {
  const answer: Parameters<typeof startPlainTarget>[0] = (request, response) => {
    request.resume();
    response.end(body);
  };
  [plain, tls] = await Promise.all([startPlainTarget(answer), startTlsTarget(answer)]);
});

afterAll(async () => {
  await Promise.all([plain.close(), tls.close()]);
});

interface MintedKey {
  id: string;
  keyId: string;
  basicAuth: string;
}

async function newKey(owner: Persona): Promise<MintedKey> {
  const response = await owner.request('POST', '/api/v1/proxy/keys', { label: 'client' });
  return ((await response.json()) as { key: MintedKey }).key;
}

/** The gateway's URL with a key in it. */
function proxyFor(key: MintedKey): string {
  return stack.gatewayUrl.replace('//', `//${key.basicAuth}@`);
}

const clients: [string, (proxy: string, url: string) => Promise<string>][] = [
  [
    'curl',
    async (proxy, url) => {
      const args = ['--silent', '--show-error', '--fail', '--cacert', certificateFile, '-x', proxy];
      return (await run('curl', [...args, url], { maxBuffer: 1e7 })).stdout;
    },
  ],
  [
    'fetch with an undici ProxyAgent',
    async (proxy, url) => {
      const { origin, username, password } = new URL(proxy);
      const agent = new ProxyAgent({
        uri: origin,
        token: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
        requestTls: { rejectUnauthorized: false },
      });
      const response = await fetchThrough(url, { dispatcher: agent });
      const text = await response.text();
      await agent.close();
      expect(response.status).toBe(200);
      return text;
    },
  ],
  [
    'Python’s urllib',
    async (proxy, url) => {
      const script = `
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[3])
opener = urllib.request.build_opener(
    urllib.request.ProxyHandler({'http': sys.argv[1], 'https': sys.argv[1]}),
    urllib.request.HTTPSHandler(context=context))
response = opener.open(sys.argv[2])
assert response.status == 200
sys.stdout.write(response.read().decode())
`;
      const args = ['-c', script, proxy, url, certificateFile];
      return (await run('python3', args, { maxBuffer: 1e7 })).stdout;
    },
  ],
];
const python = await run('python3', ['--version']).then(
  () => true,
  () => false,
);

describe.each(clients.filter(([name]) => python || !name.startsWith('Python')))('%s', (_, get) => {
  it.each([
    ['TLS', () => `https://localhost:${tls.port}/path?query=1`],
    ['plain', () => `http://localhost:${plain.port}/path?query=1`],
  ])('reaches a %s server, and the owner sees the usage', async (_kind, url) => {
    const owner = await newUser();
    const key = await newKey(owner);
    expect(await get(proxyFor(key), url())).toBe(body);

    await vi.waitFor(
      async () => {
        const usage = await (await owner.request('GET', '/api/v1/proxy/usage')).json();
        expect(usage).toMatchObject({ totalRequests: 1 });
        expect(usage.totalBandwidthBytes).toBeGreaterThan(body.length);
        const [listed] = await (await owner.request('GET', '/api/v1/proxy/keys')).json();
        expect(listed.bandwidthUsedThisPeriodBytes).toBe(usage.totalBandwidthBytes);
        expect(Date.parse(listed.lastUsedAt)).toBeGreaterThan(Date.parse(listed.createdAt));
      },
      { timeout: 60_000, interval: 100 },
    );
    const { data: page } = await owner.supabase.rpc('list_proxy_key_events', { id: key.id });
    expect(page?.items).toMatchObject([
      { api_key_id: key.id, target_host: 'localhost', status_code: 200, slice: 0 },
    ]);
  });
});

it('curl is told to authenticate when it sends no key', async () => {
  const attempt = run('curl', [
    '--silent',
    '--write-out',
    '%{http_connect}',
    '-x',
    stack.gatewayUrl,
    `https://localhost:${tls.port}/`,
  ]);
  await expect(attempt).rejects.toMatchObject({ stdout: '407' });
});
