import { describe, expect, it } from 'vitest';
import { DeploymentRefused, readDeployment } from '../../dashboard/read-deployment.ts';

const whole = {
  SUPABASE_URL: 'https://project.supabase.co',
  SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_abc-DEF_123',
  PROXY_GATEWAY_URL: 'http://gateway.example.com:7777',
};

function token(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'HS256' })}.${part(claims)}.c2lnbmF0dXJl`;
}

describe('the project of a build', () => {
  it('is undefined if the environment names none', () => {
    expect(readDeployment({})).toBeUndefined();
    expect(
      readDeployment({ SUPABASE_URL: '', SUPABASE_PUBLISHABLE_KEY: '', PROXY_GATEWAY_URL: '' }),
    ).toBeUndefined();
  });

  it('is named by three variables, whose URLs are reduced to their origins', () => {
    const named = { ...whole, SUPABASE_URL: 'https://project.supabase.co/rest/v1/' };
    expect(readDeployment(named)).toEqual({
      supabaseUrl: 'https://project.supabase.co',
      publishableKey: 'sb_publishable_abc-DEF_123',
      gatewayUrl: 'http://gateway.example.com:7777',
    });
  });

  it('can have a gateway with a TLS port', () => {
    const read = (port: string) => readDeployment({ ...whole, PROXY_GATEWAY_TLS_PORT: port });
    expect(read('7443')?.gatewayTlsPort).toBe(7443);
    expect(read('')).not.toHaveProperty('gatewayTlsPort');
  });

  it.each(['0', '65536', '-1', '74 43', '7443;id', '1e3', 'https'])(
    'is refused with the TLS port %s',
    (port) => {
      const read = () => readDeployment({ ...whole, PROXY_GATEWAY_TLS_PORT: port });
      expect(read).toThrow(DeploymentRefused);
      expect(read).toThrow('PROXY_GATEWAY_TLS_PORT');
    },
  );

  it('is refused if only a TLS port is named', () => {
    expect(() => readDeployment({ PROXY_GATEWAY_TLS_PORT: '7443' })).toThrow(DeploymentRefused);
  });

  it('can have a legacy anon key', () => {
    const key = token({ role: 'anon', iss: 'supabase' });
    const read = readDeployment({ ...whole, SUPABASE_PUBLISHABLE_KEY: key });
    expect(read?.publishableKey).toBe(key);
  });

  it.each(Object.keys(whole))('is refused if %s is missing or empty', (name) => {
    const { [name as keyof typeof whole]: _, ...half } = whole;
    for (const environment of [half, { ...half, [name]: '' }]) {
      expect(() => readDeployment(environment)).toThrow(DeploymentRefused);
      expect(() => readDeployment(environment)).toThrow(name);
    }
  });

  it.each([
    ['a secret key', 'sb_secret_abcdefgh'],
    ['a legacy service_role key', token({ role: 'service_role' })],
    [
      'a legacy key with its claims in another order',
      token({ iss: 'supabase', role: 'service_role', ref: 'x' }),
    ],
    ['a user’s access token', token({ role: 'authenticated', note: '"role":"anon"' })],
    ['a personal access token', 'sbp_0102030405060708'],
    ['an invalid token', 'a.b.c'],
    ['a password', 'hunter2'],
    ['a publishable key followed by a secret key', 'sb_publishable_abc sb_secret_def'],
  ])('is refused with %s, which the refusal does not repeat', (_, key) => {
    const read = () => readDeployment({ ...whole, SUPABASE_PUBLISHABLE_KEY: key });
    expect(read).toThrow(DeploymentRefused);
    expect(read).toThrow('SUPABASE_PUBLISHABLE_KEY');
    expect(read).not.toThrow(key);
  });

  it.each([
    'project.supabase.co',
    'gateway.example.com:7777',
    'ftp://example.com',
    'javascript:alert(1)',
    'https://',
    "https://example.com;script-src'unsafe-inline'",
    'https://*',
  ])('is refused with a URL like %s', (url) => {
    for (const name of ['SUPABASE_URL', 'PROXY_GATEWAY_URL']) {
      const read = () => readDeployment({ ...whole, [name]: url });
      expect(read).toThrow(DeploymentRefused);
      expect(read).toThrow(name);
    }
  });

  it('has no credentials from a URL', () => {
    const named = { ...whole, PROXY_GATEWAY_URL: 'http://user:password@gateway.example.com:7777' };
    expect(readDeployment(named)?.gatewayUrl).toBe('http://gateway.example.com:7777');
  });
});
