import { isIP } from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { familyOf } from '../../supabase/functions/_shared/address-ranges.ts';

it.each([
  '1.2.3.4',
  '01.2.3.4',
  '1.2.3',
  '256.1.1.1',
  '0x7f.0.0.1',
  '::',
  '::1',
  '1::',
  ':::',
  '1:2:3:4:5:6:7:8',
  '1:2:3:4:5:6:7::',
  '1:2:3:4:5:6:7:8:9',
  '::ffff:1.2.3.4',
  '::1.2.3.4',
  '::ffff:01.2.3.4',
  '::ffff:256.2.3.4',
  '1::2::3',
  '12345::',
  '1.2.3.4::',
  '::1.2.3.4:5',
  '',
  ' 1.2.3.4',
  '1:2:3:4:5:6:1.2.3.4',
  '1:2:3:4:5:6:7:1.2.3.4',
])('%j has the family that Node reports', (address) => {
  expect(familyOf(address)).toBe(isIP(address));
});

it('any text that resembles an address has the family that Node reports', () => {
  const part = fc.constantFrom('0', '1', '01', '255', '256', 'f', 'ffff', '10000', '');
  const text = fc
    .array(fc.tuple(part, fc.constantFrom(':', '::', '.', '')), { maxLength: 10 })
    .map((parts) => parts.map(([digits, separator]) => digits + separator).join(''));
  fc.assert(
    fc.property(fc.oneof(text, fc.ipV4(), fc.ipV6(), fc.string()), (address) => {
      // no name resolves to an address with a zone
      if (address.includes('%')) return familyOf(address) === 0;
      return familyOf(address) === isIP(address);
    }),
    { numRuns: 5_000 },
  );
});
