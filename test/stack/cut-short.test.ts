import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { expect, test } from 'vitest';
import { databaseUrl } from '../../scripts/stack/postgres.ts';
import { type CheckoutCopy, copyCheckout } from './checkout-copy.ts';
import {
  endAll,
  type Process,
  type StartCommand,
  startCommand,
  temporaryFolder,
  until,
} from './start-command.ts';

/** A table that a step of a first start needs, so that a lock on it stops the start just there. */
const stoppingPoints = [
  // the migrations refer to it; the first one does not
  ['a migration', 'auth.users'],
  // no migration needs it; the demo accounts do, after their users are made
  ['the demo accounts', 'auth.identities'],
] as const;

test.each(stoppingPoints)(
  'a first start killed in %s is completed by the next',
  async (_, table) => {
    const checkout = await copyCheckout(temporaryFolder());
    const killed = startCommand({ args: [], checkout: checkout.folder, scratch: true });
    await killed.step('Postgres 17');
    const sql = postgres(databaseUrl('supabase_admin', checkout.databasePort), { max: 2 });
    const lock = await sql.reserve();
    try {
      await until(async () => (await sql`select to_regclass(${table}) as name`)[0]?.name !== null);
      await lock.unsafe(`begin; lock table ${table} in access exclusive mode`);
      await until(async () => (await sql`select from pg_locks where not granted`).length > 0);
      killed.child.kill('SIGKILL');
      await killed.ended;
      // the programs live on, held by the lock, until the next start ends them
      expect(killed.processes()).not.toEqual([]);
      await expectNextStartToBeWhole(checkout);
      expect(killed.processes()).toEqual([]);
    } finally {
      await sql.end({ timeout: 0 });
    }
  },
);

test('a first start killed in the middle of initdb is completed by the next', async () => {
  const checkout = await copyCheckout(temporaryFolder());
  const killed = startCommand({ args: [], checkout: checkout.folder, scratch: true });
  // by then it looks like a database, and is none
  await until(() => hasVersion(checkout) && killed.processes().some(isInitdb));
  killed.child.kill('SIGKILL');
  await endAll(() => killed.processes().map(({ pid }) => pid));
  await killed.ended;
  await expectNextStartToBeWhole(checkout);
});

test('a first start that a machine’s crash ended is completed by the next', async () => {
  const checkout = await copyCheckout(temporaryFolder());
  const killed = startCommand({ args: [], checkout: checkout.folder, scratch: true });
  await killed.step('Postgres 17');
  killed.child.kill('SIGKILL');
  await endAll(() => killed.processes().map(({ pid }) => pid));
  await killed.ended;
  await expectNextStartToBeWhole(checkout);
});

test('a first start that ended between the migrations and the demo accounts is completed by the next', async () => {
  const checkout = await copyCheckout(temporaryFolder());
  const file = join(checkout.folder, 'scripts/stack/demo.sql');
  const demo = readFileSync(file, 'utf8');
  writeFileSync(file, `${demo}\nselect nonsense;`);
  const failed = startCommand({ args: [], checkout: checkout.folder, scratch: true });
  expect(await failed.ended).toBe(1);
  expect(failed.stderr()).toMatch(/migrations: \d+ applied/);
  expect(failed.stderr()).toContain('column "nonsense" does not exist');
  expect(failed.stderr()).toContain('Correct scripts/stack/demo.sql');
  expect(failed.stderr()).not.toMatch(/^\s+at /m);
  writeFileSync(file, demo);
  const next = await expectNextStartToBeWhole(checkout);
  expect(next.stderr()).toContain('migrations: none pending');
  expect(next.stderr()).toContain('demo accounts: made');
});

function hasVersion({ state }: CheckoutCopy): boolean {
  const folders = existsSync(state) ? readdirSync(state) : [];
  return folders.some((name) => existsSync(join(state, name, 'PG_VERSION')));
}

function isInitdb({ command }: Process): boolean {
  return command.includes('/initdb ');
}

async function expectNextStartToBeWhole(checkout: CheckoutCopy): Promise<StartCommand> {
  const next = startCommand({ args: [], checkout: checkout.folder });
  await next.output();
  const sql = postgres(databaseUrl('postgres', checkout.databasePort), { max: 1 });
  const [counts] = await sql`
    select
      (select count(*)::int from supabase_migrations.schema_migrations) as migrations,
      (select count(*)::int from auth.users) as users,
      (select count(*)::int from auth.identities) as identities,
      (select count(*)::int from private.proxy_keys) as keys,
      (select count(*)::int from private.proxy_usage_events) as events`;
  await sql.end();
  const migrations = readdirSync(join(checkout.folder, 'supabase', 'migrations')).length;
  expect(counts).toEqual({ migrations, users: 2, identities: 2, keys: 3, events: 35 * 168 });
  next.child.kill('SIGINT');
  expect(await next.ended).toBe(0);
  return next;
}
