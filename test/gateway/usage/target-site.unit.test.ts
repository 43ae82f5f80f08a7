import { expect, it } from 'vitest';
import { siteOf } from '../../../gateway/usage/target-site.ts';

it.each([
  ['www.example.com', 'example.com'],
  ['example.co.uk', 'example.co.uk'],
  ['a.b.example.co.uk', 'example.co.uk'],
  ['_dmarc.example.com', 'example.com'],
  ['xn--bcher-kva.example.com', 'example.com'],
  ['WWW.Example.COM', 'Example.COM'],
  ['example.com.', undefined],
  // the site of a hosting company's customer is the company's
  ['alice.github.io', 'github.io'],
  ['co.uk', undefined],
  ['localhost', undefined],
  ['203.0.113.5', undefined],
  ['2001:db8::1', undefined],
  ['[2001:db8::1]', undefined],
  ['-', undefined],
])('the site of %s is %s', (host, site) => {
  expect(siteOf(host)).toBe(site);
});
