import { BlockList, isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { describe, expect, test } from 'vitest';
import { isPublic } from '../../supabase/functions/_shared/address-ranges.ts';

// IANA's special-purpose registries, multicast, and addresses outside IPv6 2000::/3, checked by
// Node's own BlockList

const forbidden = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '255.255.255.255/32',
  '::/3',
  '::1/128',
  '::/128',
  '::/96',
  '::ffff:0:0/96',
  '::ffff:0:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '100:0:0:1::/64',
  '2001::/23',
  '2001::/32',
  '2001:1::1/128',
  '2001:1::2/128',
  '2001:1::3/128',
  '2001:2::/48',
  '2001:3::/32',
  '2001:4:112::/48',
  '2001:10::/28',
  '2001:20::/28',
  '2001:30::/28',
  '2001:db8::/32',
  '2002::/16',
  '2620:4f:8000::/48',
  '3fff::/20',
  '4000::/2',
  '5f00::/16',
  '8000::/1',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
];

// separate lists: ::/3 in one list would also cover every IPv4 address
const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
const familyOf = (address: string) => (isIPv4(address) ? 'ipv4' : 'ipv6');
for (const cidr of forbidden) {
  const [network = '', length] = cidr.split('/');
  const family = familyOf(network);
  lists[family].addSubnet(network, Number(length), family);
}

function isForbidden(address: string): boolean {
  const family = familyOf(address);
  return lists[family].check(address, family);
}

function toNumber(address: string): bigint {
  const bytes = ipaddr.parse(address).toByteArray();
  return bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

function toAddress(number: bigint, bits: number): string {
  const bytes = Array.from({ length: bits / 8 }, (_, at) =>
    Number((number >> BigInt(bits - 8 - at * 8)) & 255n),
  );
  return ipaddr.fromByteArray(bytes).toString();
}

/** The first and the last address of a range, and those just outside it. */
function edges(cidr: string): string[] {
  const [network = '', length] = cidr.split('/');
  const bits = isIPv4(network) ? 32 : 128;
  const first = toNumber(network);
  const last = first + (1n << BigInt(bits - Number(length))) - 1n;
  return [first - 1n, first, last, last + 1n]
    .filter((number) => number >= 0n && number < 1n << BigInt(bits))
    .map((number) => toAddress(number, bits));
}

test.each(forbidden)('the edges of %s', (cidr) => {
  for (const address of edges(cidr)) {
    expect(isPublic(address), address).toBe(!isForbidden(address));
  }
  const [network = ''] = cidr.split('/');
  expect(isPublic(network)).toBe(false);
});

test.each([32, 128])('random %i-bit addresses around every range and far from it', (bits) => {
  let state = 0x2545f491;
  const random = () => {
    state = Math.imul(state ^ (state >>> 15), state | 1);
    state ^= state + Math.imul(state ^ (state >>> 7), state | 61);
    return BigInt(state >>> 0);
  };
  let publicOnes = 0;
  const bases = forbidden.map((cidr) => cidr.split('/')[0] ?? '');
  const ofFamily = bases.filter((base) => isIPv4(base) === (bits === 32));
  for (let round = 0; round < 20_000; round++) {
    const wide = (random() << 96n) | (random() << 64n) | (random() << 32n) | random();
    const base = toNumber(ofFamily[round % ofFamily.length] ?? '');
    // keeps as many of the base's first bits as the round says
    const number = base ^ ((wide & ((1n << BigInt(bits)) - 1n)) >> BigInt(round % bits));
    const address = toAddress(number, bits);
    expect(isPublic(address), address).toBe(!isForbidden(address));
    if (isPublic(address)) publicOnes++;
  }
  expect(publicOnes).toBeGreaterThan(1_000);
});

describe('text that is not a canonical address is not public', () => {
  test.each(['', 'localhost', '1', '8.8', '010.8.8.8', '0x8.8.8.8', '8.8.8.8.', '[2606:4700::1]'])(
    '%j',
    (address) => {
      expect(isPublic(address)).toBe(false);
    },
  );
});

test.each(['8.8.8.8', '1.1.1.1', '168.63.129.15', '168.63.129.17', '2606:4700:4700::1111'])(
  '%s is public',
  (address) => {
    expect(isPublic(address)).toBe(true);
  },
);
