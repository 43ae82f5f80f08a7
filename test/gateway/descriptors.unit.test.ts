import { expect, it } from 'vitest';
import { Descriptors } from '../../gateway/descriptors.ts';

// each name takes two sockets; the spool, the database and the log get 256 or an eighth
it.each([
  [40, 2 + 1, 30],
  [1_024, 64, 768],
  [1_048_576, 1_000, 1_048_576 - 2_256],
  [Number.POSITIVE_INFINITY, 1_000, Number.POSITIVE_INFINITY],
])(
  'of %d descriptors, some are reserved for %d names, the spool and the database',
  (limit, names, most) => {
    const descriptors = new Descriptors(limit);
    expect(descriptors.names).toBe(names);
    const half = Math.min(most / 2, 100);
    for (let taken = 0; taken < half; taken += 1) expect(descriptors.take('client')).toBe(true);
    // clients get half of the rest, because each needs another one for its target
    if (half < 100) expect(descriptors.take('client')).toBe(false);
  },
);

it('clients and targets together cannot take more than the limit', () => {
  const descriptors = new Descriptors(40);
  for (let taken = 0; taken < 30; taken += 1) expect(descriptors.take('target')).toBe(true);
  expect(descriptors.take('target')).toBe(false);
  expect(descriptors.take('client')).toBe(false);
  expect(descriptors.inUse).toBe(1);
  descriptors.release('target');
  expect(descriptors.take('client')).toBe(true);
});

it('clients alone can only take half', () => {
  const descriptors = new Descriptors(40);
  for (let taken = 0; taken < 15; taken += 1) descriptors.take('client');
  expect(descriptors.inUse).toBe(1);
  expect(new Descriptors(Number.POSITIVE_INFINITY).inUse).toBe(0);
});
