import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { canonicalHost } from '../../gateway/targets/target-policy.ts';
import { siteOf } from '../../gateway/usage/target-site.ts';
import { connectGateway, connectOwner, newUser } from '../support/personas.ts';
import { seedKey } from '../support/seeded-keys.ts';
import { recordUsage, usageEvent } from '../support/usage-events.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
let id: string;

beforeAll(async () => {
  ({ id } = await seedKey(sql, (await newUser()).id));
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const label = fc.oneof(
  fc.stringMatching(/^[a-zA-Z0-9_-]{1,63}$/),
  fc.constantFrom('*', 'xn--bcher-kva', 'bücher', '日本', 'İ', 'ß', '', ' ', 'com', 'kawasaki'),
);
const suffix = fc.constantFrom(
  'com',
  'co.uk',
  'github.io',
  'JP',
  'internal',
  'xn--p1ai',
  'рф',
  'com.',
  '.com',
);
const host = fc.oneof(
  fc
    .tuple(fc.array(label, { maxLength: 6 }), suffix)
    .map(([labels, end]) => [...labels, end].join('.')),
  fc.ipV4(),
  fc.ipV6().map((address) => `[${address}]`),
  fc.ipV6(),
  fc.webUrl().map((url) => new URL(url).host),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
);

it('every site that the gateway finds is one that the database accepts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(host, { minLength: 1, maxLength: 200 }), async (hosts) => {
      const events = hosts
        .flatMap((name) => [name, name.toLowerCase(), canonicalOr(name)])
        .map((name) => name.slice(0, 255).replaceAll('\0', ''))
        .filter((name) => name !== '' && name.isWellFormed())
        .map((targetHost) => usageEvent(id, { targetHost, targetSite: siteOf(targetHost) }));
      expect((await recordUsage(gateway, events)).rejected).toEqual([]);
    }),
    { numRuns: 30 },
  );
});

function canonicalOr(name: string): string {
  try {
    return canonicalHost(name);
  } catch {
    return name;
  }
}
