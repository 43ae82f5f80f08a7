import { expect, test } from 'vitest';
import {
  matches,
  parseAllowedTargets,
  permitsPort,
} from '../../../gateway/targets/allowed-targets.ts';

test.each([
  ['127.0.0.0/8:8443', '127.255.255.255', 8443, true],
  ['127.0.0.0/8:8443', '127.0.0.1', 443, false],
  ['127.0.0.0/8:8443', '128.0.0.0', 8443, false],
  ['127.0.0.0/8', '127.0.0.1', 1, true],
  ['127.0.0.1', '127.0.0.1', 65_535, true],
  ['127.0.0.1', '127.0.0.2', 443, false],
  ['127.0.0.1:9000', '127.0.0.1', 9000, true],
  ['127.0.0.1:9000', '127.0.0.1', 9001, false],
  ['0.0.0.0/0', '10.1.2.3', 22, true],
  ['0.0.0.0/0', '::1', 22, false],
  ['0.0.0.0/0', '::ffff:7f00:1', 22, false],
  ['::1/128', '::1', 443, true],
  ['::1', '::1', 443, true],
  ['::1', '::2', 443, false],
  ['[::1]', '::1', 443, true],
  ['[::1]:8443', '::1', 8443, true],
  ['[::1]:8443', '::1', 443, false],
  ['[::1]/128:8443', '::1', 8443, true],
  ['::1/128:8443', '::1', 8443, true],
  ['::1/128:8443', '::1', 443, false],
  // brackets or a prefix separate the port: without them it is part of the address
  ['::1:8443', '::1:8443', 443, true],
  ['::1:8443', '::1', 8443, false],
  ['fd00::/8:443', 'fdff::1', 443, true],
  ['fd00::/8:443', 'fc00::1', 443, false],
  ['::/0', '127.0.0.1', 443, false],
  [' 10.0.0.0/8 ,\t::1/128 , ', '10.2.3.4', 443, true],
  ['10.0.0.0/8,::1/128', '::1', 443, true],
  ['10.0.0.0/8:1,10.0.0.0/8:2', '10.0.0.1', 2, true],
  ['10.0.0.0/8:1,192.168.0.0/16:2', '10.0.0.1', 2, false],
  ['', '127.0.0.1', 443, false],
  [' , ', '127.0.0.1', 443, false],
])('with "%s", %s at port %i: %s', (text, address, port, allowed) => {
  expect(matches(parseAllowedTargets(text), address, port)).toBe(allowed);
});

test.each([
  'localhost',
  'localhost/8',
  '127.0.0.1/33',
  '127.0.0.1/',
  '127.0.0.1/-1',
  '127.0.0.1/8',
  '127.0.0.0/8:',
  '127.0.0.0/8:0',
  '127.0.0.0/8:65536',
  '127.0.0.0/8:http',
  '127.1',
  '127.1/32',
  '0x7f000001',
  '2130706433/32',
  '127.0.0.1.',
  '010.0.0.0/8',
  '[127.0.0.1]',
  '[127.0.0.0]/8:443',
  '::1/129',
  '::1/64',
  '[::1',
  '::1]',
  '[]',
  '[::1]8443',
  'fe80::1%eth0',
  '[fe80::1%eth0]/128',
  '10.0.0.0/8 172.16.0.0/12',
  '*',
  '/8',
  ':443',
])('refuses %s and names it', (item) => {
  expect(() => parseAllowedTargets(`10.0.0.0/8, ${item}`)).toThrow(`"${item}"`);
});

test('a port can be open by an exception for it, or by one for every port', () => {
  expect(permitsPort(parseAllowedTargets('10.0.0.0/8:22'), 22)).toBe(true);
  expect(permitsPort(parseAllowedTargets('10.0.0.0/8:22'), 23)).toBe(false);
  expect(permitsPort(parseAllowedTargets('10.0.0.0/8:22, ::1'), 23)).toBe(true);
  expect(permitsPort([], 22)).toBe(false);
});
