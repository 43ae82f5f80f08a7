import { describe, expect, it } from 'vitest';
import { ConfigurationMissing, checkConfiguration } from '../../dashboard/src/configuration.ts';

const origin = 'https://keys.example.com';
const whole = {
  supabaseUrl: 'https://project.supabase.co',
  publishableKey: 'sb_publishable_abc',
  gatewayUrl: 'http://gateway.example.com:7777',
};

describe('config.json', () => {
  it('names a project, or defaults to the page’s own origin', () => {
    expect(checkConfiguration(whole, origin)).toEqual(whole);
    const { supabaseUrl: _, ...own } = whole;
    expect(checkConfiguration(own, origin).supabaseUrl).toBe(origin);
  });

  it('has URLs of which only the origin is used', () => {
    const read = { ...whole, gatewayUrl: 'http://user:password@gateway.example.com:7777/$(id);id' };
    expect(checkConfiguration(read, origin).gatewayUrl).toBe(whole.gatewayUrl);
  });

  it('can name the gateway’s TLS port', () => {
    const read = checkConfiguration({ ...whole, gatewayTlsPort: 7443 }, origin);
    expect(read.gatewayTlsPort).toBe(7443);
  });

  it.each([
    ['a TLS port that is text', { ...whole, gatewayTlsPort: '7443' }],
    ['a TLS port out of range', { ...whole, gatewayTlsPort: 65_536 }],
    ['nothing', null],
    ['text', 'sb_publishable_abc'],
    ['no key', { ...whole, publishableKey: undefined }],
    ['a secret key', { ...whole, publishableKey: 'sb_secret_abc' }],
    ['a gateway that is a number', { ...whole, gatewayUrl: 7777 }],
    ['a host that a shell would execute', { ...whole, gatewayUrl: 'http://$(id);id' }],
    ['a script as project', { ...whole, supabaseUrl: 'javascript:alert(1)' }],
    ['an empty project', { ...whole, supabaseUrl: '' }],
    ['an object as project', { ...whole, supabaseUrl: {} }],
  ])('with %s is refused', (_, read) => {
    expect(() => checkConfiguration(read, origin)).toThrow(ConfigurationMissing);
  });
});
