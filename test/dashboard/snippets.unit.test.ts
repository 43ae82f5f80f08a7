import { describe, expect, it } from 'vitest';
import { gatewayAddress } from '../../dashboard/src/connect/gateway-address.ts';
import {
  type ClientId,
  clientIds,
  clients,
  isClientId,
  snippetFor,
} from '../../dashboard/src/connect/snippets.ts';

const keyId = 'avp_live_64a231d7cae0';
const secret = '0123456789abcdef'.repeat(4);
const host = 'gateway.example.com';
const httpPort = 7777;
const httpsPort = 7443;
const withoutTls: ClientId[] = ['scrapy'];

describe('the gateway’s address', () => {
  it.each([
    ['http://gateway.example.com:7777', undefined, { host, httpPort }],
    ['http://gateway.example.com:7777', 7443, { host, httpPort, httpsPort }],
    ['http://gateway.example.com', undefined, { host, httpPort: 80 }],
    ['https://gateway.example.com:7443', undefined, { host, httpsPort }],
    ['https://gateway.example.com', undefined, { host, httpsPort: 443 }],
    ['http://[2001:db8::1]:7777', undefined, { host: '[2001:db8::1]', httpPort }],
  ])('is read from %s with the TLS port %s', (gatewayUrl, gatewayTlsPort, address) => {
    expect(gatewayAddress({ gatewayUrl, ...(gatewayTlsPort && { gatewayTlsPort }) })).toEqual(
      address,
    );
  });
});

describe.each(clientIds)('the snippet for %s', (id) => {
  const snippet = (gateway: Parameters<typeof snippetFor>[1]['gateway'], shown?: string) =>
    snippetFor(id, { gateway, keyId, ...(shown ? { secret: shown } : {}) });

  it('names the host, the port and the key, and reads the secret from the environment', () => {
    const { text } = snippet({ host, httpPort }) ?? { text: '' };
    expect(text).toContain(`${host}:${httpPort}`);
    expect(text).toContain(keyId);
    expect(text).toContain('PROXY_SECRET');
  });

  it('contains the secret if it may be shown', () => {
    const { text } = snippet({ host, httpPort }, secret) ?? { text: '' };
    expect(text.split(secret)).toHaveLength(2);
    expect(text).not.toContain('PROXY_SECRET');
  });

  it('uses TLS to the gateway if both support it', () => {
    const both = snippet({ host, httpPort, httpsPort });
    const speaksTls = !withoutTls.includes(id);
    expect(both?.text).toContain(`${host}:${speaksTls ? httpsPort : httpPort}`);
    expect(/https(:\/\/|")/.test(both?.text.replaceAll('https://example.com/', '') ?? '')).toBe(
      speaksTls,
    );
    expect(both?.note.includes('so this uses the HTTP port')).toBe(!speaksTls);
    expect(snippet({ host, httpsPort }) === undefined).toBe(!speaksTls);
  });

  it('is short enough for a page', () => {
    const { text } = snippet({ host, httpPort }) ?? { text: '' };
    expect(text.split('\n').length).toBeLessThan(30);
  });
});

it('a client is recognized only by its own name', () => {
  expect(Object.keys(clients).every(isClientId)).toBe(true);
  for (const other of ['', 'toString', '__proto__', null, 1]) expect(isClientId(other)).toBe(false);
});
