import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { parseClientRanges, permitsClient } from '../../../gateway/keys/client-ranges.ts';
import { connectOwner } from '../../support/personas.ts';

const sql = connectOwner();
afterAll(() => sql.end());

const permits = (ranges: string[], remoteAddress: string | undefined) =>
  permitsClient(parseClientRanges(ranges), { remoteAddress });

it.each([
  ['any client without ranges', [], '192.0.2.1', true],
  ['an address in the range', ['192.0.2.0/24'], '192.0.2.255', true],
  ['an address after it', ['192.0.2.0/24'], '192.0.3.0', false],
  ['an address before it', ['192.0.2.0/24'], '192.0.1.255', false],
  ['a prefix within a byte', ['192.0.2.128/25'], '192.0.2.127', false],
  ['the only address', ['192.0.2.1/32'], '192.0.2.1', true],
  ['an address next to the only one', ['192.0.2.1/32'], '192.0.2.0', false],
  ['the last of several ranges', ['10.0.0.0/8', '::1/128', '192.0.2.0/24'], '192.0.2.9', true],
  ['every IPv4 address', ['0.0.0.0/0'], '255.255.255.255', true],
  ['an IPv6 address in an IPv4 range', ['0.0.0.0/0'], '::1', false],
  ['an IPv4 address in an IPv6 range', ['::/0'], '192.0.2.1', false],
  ['an IPv6 address in the range', ['2001:db8::/32'], '2001:db8:ffff::1', true],
  ['an IPv6 address after it', ['2001:db8::/32'], '2001:db9::', false],
  ['an IPv4-mapped IPv6 address', ['192.0.2.0/24'], '::ffff:192.0.2.1', true],
  ['an IPv4-mapped address outside the range', ['192.0.2.0/24'], '::ffff:192.0.3.1', false],
  ['an IPv4-mapped address in an IPv6 range', ['::/0'], '::ffff:192.0.2.1', false],
  ['::a.b.c.d, which is not an IPv4 address', ['192.0.2.0/24'], '::192.0.2.1', false],
  ['::a.b.c.d in its range', ['::192.0.2.0/120'], '::192.0.2.1', true],
  [
    'a range within ::ffff:0:0/96, which counts as IPv6',
    ['::ffff:192.0.2.0/120'],
    '192.0.2.1',
    false,
  ],
  ['an address with its interface', ['fe80::/10'], 'fe80::1%br-0.1', true],
  ['one outside, with its interface', ['2001:db8::/32'], 'fe80::1%eth0', false],
  ['a client that has disconnected', ['0.0.0.0/0', '::/0'], undefined, false],
  ['text that is not an address', ['0.0.0.0/0', '::/0'], 'localhost', false],
])('%s', (_, ranges, address, permitted) => {
  expect(permits(ranges, address)).toBe(permitted);
});

it('without ranges, the address is not read and nothing is allocated', () => {
  const client = {
    get remoteAddress(): string {
      throw new Error('asked for');
    },
  };
  expect(permitsClient(parseClientRanges([]), client)).toBe(true);
  expect(parseClientRanges([])).toBe(parseClientRanges([]));
});

it.each(['', '10.0.0.0', '10.0.0.0/33', '::/129', 'localhost/8', '10.0.0.0/8,'])(
  'a range that Postgres would not write (%j) throws, even after a valid one',
  (text) => {
    expect(() => parseClientRanges(['192.0.2.0/24', text])).toThrow();
  },
);

describe('in agreement with Postgres', () => {
  // few values, so that ranges and addresses often overlap
  const byte = fc.constantFrom(0, 1, 127, 128, 254, 255);
  const word = fc.constantFrom(0, 1, 0x7fff, 0x8000, 0xffff);
  const ipv4 = fc.tuple(byte, byte, byte, byte).map((bytes) => bytes.join('.'));
  const ipv6 = fc
    .tuple(word, word, word, word, word, word, word, word)
    .map((words) => words.map((part) => part.toString(16)).join(':'));
  const low = fc
    .tuple(word, word)
    .map((words) => `::${words.map((w) => w.toString(16)).join(':')}`);
  const range = fc.oneof(
    fc.tuple(ipv4, fc.nat(32)).map(([address, length]) => `${address}/${length}`),
    fc.tuple(ipv6, fc.nat(128)).map(([address, length]) => `${address}/${length}`),
    fc
      .tuple(low, fc.integer({ min: 80, max: 128 }))
      .map(([address, length]) => `${address}/${length}`),
  );
  const scene = fc.record({
    ranges: fc.array(range, { minLength: 1, maxLength: 3 }),
    address: fc.oneof(ipv4, ipv6, low),
  });

  it('every range that Postgres writes is parsed, and contains the same addresses', async () => {
    const scenes = fc.sample(scene, 5_000);
    const rows = await sql<{ ranges: string[]; address: string; holds: boolean }[]>`
      select
        s.ranges::text[] as ranges, host(s.address) as address, s.address <<= any (s.ranges) as holds
      from (
        select
          array(select network(r::inet) from jsonb_array_elements_text(e -> 'ranges') as r) as ranges,
          (e ->> 'address')::inet as address
        from jsonb_array_elements(${sql.json(scenes)}) as e
      ) as s`;
    expect(rows).toHaveLength(scenes.length);
    expect(rows.filter(({ holds }) => holds).length).toBeGreaterThan(100);
    // in this form it is an IPv4 address, but Postgres treats it as IPv6
    const asked = rows.filter(({ address }) => !/^::ffff:/.test(address));
    for (const { ranges, address, holds } of asked) {
      expect([ranges, address, permits(ranges, address)]).toEqual([ranges, address, holds]);
      if (isIPv6(address)) continue;
      expect([ranges, permits(ranges, `::ffff:${address}`)]).toEqual([ranges, holds]);
    }
  });
});
