import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { expect, onTestFinished, test } from 'vitest';
import { databaseUrl } from '../../scripts/stack/postgres.ts';
import { type CheckoutCopy, copyCheckout } from '../support/stack/checkout-copy.ts';
import {
  endAll,
  type Process,
  type StartCommand,
  startCommand,
  temporaryFolder,
  until,
} from '../support/stack/start-command.ts';

// each start completes what the previous one left, and all except the last are cut short

const start = (checkout: CheckoutCopy) =>
  startCommand({ args: [], checkout: checkout.folder, scratch: true });

test('a first start that is killed in a migration, then in the demo accounts, is completed by the next', async () => {
  const checkout = await copyCheckout(temporaryFolder());
  // A lock on a table that a step needs stops the start at that step: the migrations refer to
  // users, though not the first one; only the demo accounts need identities, after their users.
  const inMigration = await killAtLock(checkout, 'auth.users');
  const inDemoAccounts = await killAtLock(checkout, 'auth.identities');
  expect(inMigration.processes()).toEqual([]);
  await expectNextStartToBeWhole(checkout);
  expect(inDemoAccounts.processes()).toEqual([]);
});

test('a first start that is killed in initdb, then by a machine crash, then fails in the demo accounts, is completed by the next', async () => {
  const checkout = await copyCheckout(temporaryFolder());
  const killed = start(checkout);
  // by then the folder looks like a database, but is not one
  await until(() => hasVersion(checkout) && killed.processes().some(isInitdb));
  await crash(killed);

  const crashed = start(checkout);
  await crashed.step('Postgres 17');
  await crash(crashed);

  const file = join(checkout.folder, 'scripts/stack/demo.sql');
  const demo = readFileSync(file, 'utf8');
  writeFileSync(file, `${demo}\nselect nonsense;`);
  const failed = start(checkout);
  expect(await failed.ended).toBe(1);
  expect(failed.stderr()).toMatch(/migrations: \d+ applied/);
  expect(failed.stderr()).toContain('column "nonsense" does not exist');
  expect(failed.stderr()).toContain('Correct scripts/stack/demo.sql');
  expect(failed.stderr()).not.toMatch(/^\s+at /m);
  writeFileSync(file, demo);

  const next = await expectNextStartToBeWhole(checkout);
  expect(next.stderr()).toContain('migrations: none pending');
  expect(next.stderr()).toContain('demo accounts: created');
});

/** Kills a start that waits for a lock on `table`. Its processes live on, blocked by that lock. */
async function killAtLock(checkout: CheckoutCopy, table: string): Promise<StartCommand> {
  const killed = start(checkout);
  await killed.step('Postgres 17');
  const sql = postgres(databaseUrl('supabase_admin', checkout.databasePort), {
    max: 2,
    onnotice: () => {},
  });
  // the next start stops the process that holds it
  onTestFinished(() => sql.end({ timeout: 0 }));
  const lock = await sql.reserve();
  await until(async () => (await sql`select to_regclass(${table}) as name`)[0]?.name !== null);
  await lock.unsafe(`begin; lock table ${table} in access exclusive mode`);
  await until(
    async () =>
      (
        await sql`
        select from pg_locks where not granted and relation = ${table}::regclass`
      ).length > 0,
  );
  killed.child.kill('SIGKILL');
  await killed.ended;
  expect(killed.processes()).not.toEqual([]);
  return killed;
}

/** Kills a start and all of its processes. */
async function crash(command: StartCommand): Promise<void> {
  command.child.kill('SIGKILL');
  await endAll(() => command.processes().map(({ pid }) => pid));
  await command.ended;
}

function hasVersion({ state }: CheckoutCopy): boolean {
  const folders = existsSync(state) ? readdirSync(state) : [];
  return folders.some((name) => existsSync(join(state, name, 'PG_VERSION')));
}

function isInitdb({ command }: Process): boolean {
  return command.includes('/initdb ');
}

async function expectNextStartToBeWhole(checkout: CheckoutCopy): Promise<StartCommand> {
  const next = start(checkout);
  await next.output();
  const sql = postgres(databaseUrl('postgres', checkout.databasePort), { max: 1 });
  const [counts] = await sql`
    select
      (select count(*)::int from supabase_migrations.schema_migrations) as migrations,
      (select count(*)::int from auth.users) as users,
      (select count(*)::int from auth.identities) as identities,
      (select count(*)::int from proxy_private.proxy_keys) as keys,
      (select count(*)::int from proxy_private.proxy_usage_events) as events`;
  await sql.end();
  const migrations = readdirSync(join(checkout.folder, 'supabase', 'migrations')).length;
  expect(counts).toEqual({ migrations, users: 2, identities: 2, keys: 3, events: 62 * 90 });
  next.child.kill('SIGINT');
  expect(await next.ended).toBe(0);
  return next;
}
