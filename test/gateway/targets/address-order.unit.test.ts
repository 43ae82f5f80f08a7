import { expect, test } from 'vitest';
import { interleave } from '../../../gateway/targets/address-order.ts';

const orderOf = (ipv4: string[], ipv6: string[], ipv6First?: boolean) =>
  interleave(ipv4, ipv6, ipv6First).map(({ address, family }) => `${family} ${address}`);

test('families alternate, each in its own order', () => {
  const [ipv4, ipv6] = [
    ['192.0.2.1', '192.0.2.2'],
    ['2001:db8::1', '2001:db8::2', '2001:db8::3'],
  ];
  expect(orderOf(ipv4, ipv6, true)).toEqual([
    '6 2001:db8::1',
    '4 192.0.2.1',
    '6 2001:db8::2',
    '4 192.0.2.2',
    '6 2001:db8::3',
  ]);
  expect(orderOf(ipv4, ipv6.slice(0, 1), false)).toEqual([
    '4 192.0.2.1',
    '6 2001:db8::1',
    '4 192.0.2.2',
  ]);
});

test('by default this machine’s addresses decide the first family, and no address is lost', () => {
  expect(orderOf(['192.0.2.1'], ['2001:db8::1']).sort()).toEqual(['4 192.0.2.1', '6 2001:db8::1']);
  expect(orderOf([], [])).toEqual([]);
});
