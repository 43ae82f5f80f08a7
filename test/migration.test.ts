import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CheckoutCopy, copyCheckout } from './support/stack/checkout-copy.ts';

const parent = mkdtempSync(join(tmpdir(), 'migration-'));
let checkout: CheckoutCopy;

beforeAll(async () => {
  checkout = await copyCheckout(parent);
});
afterAll(() => rmSync(parent, { recursive: true }));

const migrations = () => readdirSync(join(checkout.folder, 'supabase/migrations')).sort();

function draft(...args: string[]) {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/migration.ts', ...args], {
    cwd: checkout.folder,
    encoding: 'utf8',
  });
  return { status, stderr };
}

it('writes nothing if the schemas did not change', () => {
  const before = migrations();
  expect(draft('add_nothing')).toMatchObject({
    status: 0,
    stderr: expect.stringContaining('already'),
  });
  expect(migrations()).toEqual(before);
});

it.each([[], ['Add-Things'], ['one', 'two']])(
  'refuses the names %j and prints its usage',
  (...names) => {
    expect(draft(...names)).toMatchObject({ status: 1, stderr: expect.stringContaining('<name>') });
  },
);

it('writes the statements that changed schemas need, after all other migrations', () => {
  const before = migrations();
  appendFileSync(
    join(checkout.folder, 'supabase/schemas/0300_keys.sql'),
    "comment on column proxy_private.proxy_keys.label is 'Changed.';\n",
  );
  expect(draft('describe_labels')).toMatchObject({ status: 0 });
  const added = migrations().slice(before.length);
  expect(added).toEqual([expect.stringMatching(/^\d{14}_describe_labels\.sql$/)]);
  const text = readFileSync(join(checkout.folder, 'supabase/migrations', added[0] ?? ''), 'utf8');
  expect(text.trim().split(';\n').at(-1)?.trim()).toBe(
    `COMMENT ON COLUMN "proxy_private"."proxy_keys"."label" IS 'Changed.';`,
  );
});
