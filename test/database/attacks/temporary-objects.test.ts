import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scramVerifier } from '../../../scripts/gateway-login/scram-verifier.ts';
import { type OwnDatabase, startOwnDatabase } from '../../support/own-stack.ts';
import { usageEvent } from '../../support/usage-events.ts';

const password = randomUUID();
const login = 'proxy_gateway_stolen';
let own: OwnDatabase;
let sql: postgres.Sql;
let key: { id: string; keyId: string };

// privileges on a database and large objects affect every role, so this file has its own stack
beforeAll(async () => {
  own = await startOwnDatabase();
  sql = own.sql;
  const [made] = await own.newKeys(1);
  if (!made) throw new Error('no key');
  key = made;
  await sql`select proxy_private.create_gateway_login('stolen', ${scramVerifier(password)})`;
});
afterAll(() => own.stop());

function connect(onnotice: (notice: postgres.Notice) => void = () => {}): postgres.Sql {
  const url = new URL(own.gatewayDbUrl);
  url.username = login;
  url.password = password;
  return postgres(url.href, { max: 1, onnotice });
}

it("a gateway's login cannot create temporary objects", async () => {
  const gateway = connect();
  for (const statement of [
    'create domain pg_temp.text as pg_catalog.text',
    'create temporary table t ()',
    'create function pg_temp.f() returns int language sql as $$ select 1 $$',
  ]) {
    await expect(gateway.unsafe(statement), statement).rejects.toMatchObject({ code: '42501' });
  }
  await gateway.end();
});

describe('when a database was copied without its privileges, so that the login can create them', () => {
  beforeAll(() => sql.unsafe(`grant temporary on database postgres to ${login}`));
  afterAll(() => sql.unsafe(`revoke temporary on database postgres from ${login}`));

  /** Calls both functions as the gateway does; returns the roles that the login's code ran as. */
  async function callAfter(make: (gateway: postgres.Sql) => Promise<unknown>): Promise<string[]> {
    const ran: string[] = [];
    const gateway = connect(({ message = '' }) => {
      if (message.startsWith('ran as')) ran.push(message);
    });
    await make(gateway);
    await gateway`select * from gateway.lookup_proxy_key(${key.keyId})`;
    const events = JSON.stringify([usageEvent(key.id), { eventId: 'none' }]);
    await gateway`select * from gateway.record_usage(${events}::pg_catalog.text::pg_catalog.jsonb)`;
    await expect(
      gateway`select * from gateway.record_usage('{}'::pg_catalog.jsonb)`,
    ).rejects.toMatchObject({ hint: 'invalid_request' });
    await gateway.end();
    return ran;
  }

  /** A function of the login that reports the role that runs it. */
  const spy = (argument: string, returns = 'boolean', value = 'true') => `
    create function pg_temp.evil(v ${argument}) returns ${returns} language plpgsql as $$
    begin raise notice 'ran as %', current_user; return ${value}; end $$`;

  it('no type with a built-in name replaces the real one', async () => {
    const types = await sql<{ name: string }[]>`
      select typname as name from pg_type
      where typnamespace = 'pg_catalog'::regnamespace and typtype = 'b' and typelem = 0
        and typname !~ '^(pg_|_)' and typinput::text not in ('record_in')
      order by 1`;
    expect(types.map((type) => type.name)).toEqual(
      expect.arrayContaining(['text', 'uuid', 'int4', 'int8', 'jsonb', 'timestamptz', 'date']),
    );
    const ran = await callAfter(async (gateway) => {
      for (const type of types) {
        await gateway.unsafe(spy(`pg_catalog.${type.name}`));
        await gateway.unsafe(
          `create domain pg_temp.${type.name} as pg_catalog.${type.name}
           check (pg_temp.evil(value))`,
        );
      }
      // the domains exist, and run their creator's code as their creator
      await gateway.unsafe(`select 'x'::pg_catalog.varchar::pg_temp.text`);
    });
    expect([...new Set(ran)]).toEqual([`ran as ${login}`]);
    expect(ran).toHaveLength(1);
  });

  it('no function, operator, cast or aggregate with a built-in name replaces the real one', async () => {
    const functions = await sql<{ name: string; args: string; returns: string }[]>`
      select distinct on (p.proname, p.proargtypes::text)
        p.proname as name, pg_get_function_identity_arguments(p.oid) as args,
        format_type(p.prorettype, null) as returns
      from pg_proc as p
      where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind = 'f' and not p.proretset
        and p.proname in ('now', 'clock_timestamp', 'jsonb_typeof', 'jsonb_array_length',
          'date_trunc', 'floor', 'char_length', 'pg_notify', 'array_append', 'texteq', 'uuid_eq')
        and not (0 = any(p.proargtypes)) and p.prorettype not in ('void'::regtype)
        and not exists (
          select from unnest(p.proargtypes) as t join pg_type as y on y.oid = t
          where y.typtype = 'p'
        )`;
    expect(functions.length).toBeGreaterThan(8);
    const ran = await callAfter(async (gateway) => {
      for (const { name: known, args, returns } of functions) {
        await gateway.unsafe(`
          create function pg_temp.${known}(${args}) returns ${returns} language plpgsql as $$
          begin raise notice 'ran as %', current_user; return null; end $$`);
      }
      await gateway.unsafe(`
        create function pg_temp.same(a pg_catalog.text, b pg_catalog.text)
        returns boolean language plpgsql as $$
        begin raise notice 'ran as %', current_user; return true; end $$`);
      await gateway.unsafe(`
        create operator pg_temp.= (
          leftarg = pg_catalog.text, rightarg = pg_catalog.text, function = pg_temp.same
        )`);
      await gateway.unsafe(`create type pg_temp.mine as (v pg_catalog.text)`);
      await gateway.unsafe(`
        create function pg_temp.mine(v pg_catalog.text) returns pg_temp.mine language plpgsql as $$
        begin raise notice 'ran as %', current_user; return row(v)::pg_temp.mine; end $$`);
      await gateway.unsafe(`
        create cast (pg_catalog.text as pg_temp.mine)
        with function pg_temp.mine(pg_catalog.text) as implicit`);
      await gateway.unsafe(`
        create function pg_temp.step(s pg_catalog.numeric, v pg_catalog.int8)
        returns pg_catalog.numeric language plpgsql as $$
        begin raise notice 'ran as %', current_user; return 0; end $$`);
      await gateway.unsafe(`
        create aggregate pg_temp.sum(pg_catalog.int8) (sfunc = pg_temp.step, stype = numeric)`);
    });
    expect(ran).toEqual([]);
  });

  it('no table or view with the name of ours replaces the real one', async () => {
    const ran = await callAfter(async (gateway) => {
      await gateway.unsafe(spy('pg_catalog.text', 'pg_catalog.text', 'v'));
      for (const table of ['proxy_keys', 'proxy_tiers', 'key_states', 'proxy_usage_monthly']) {
        await gateway.unsafe(
          `create view pg_temp.${table} as select pg_temp.evil('x'::pg_catalog.text) as key_id`,
        );
      }
    });
    expect(ran).toEqual([]);
  });
});

it('maintenance revokes TEMPORARY from PUBLIC and reports it', async () => {
  const report = () =>
    sql<{ outcome: string }[]>`
      select outcome from proxy_private.maintain_usage(tasks => '{privileges}')`;
  expect(await report()).toEqual([{ outcome: 'unchanged' }]);
  await sql`grant temporary on database postgres to public`;
  expect((await report())[0]).toEqual({ outcome: 'repaired' });
  expect(await report()).toEqual([{ outcome: 'unchanged' }]);
  const [held] = await sql`
    select has_database_privilege(${login}, current_database(), 'temporary') as "byGateway",
      has_database_privilege('authenticated', current_database(), 'temporary') as "byOthers"`;
  expect(held).toEqual({ byGateway: false, byOthers: true });
});

it.each([
  [
    'may create temporary objects',
    `grant temporary on database postgres to ${login}`,
    `revoke temporary on database postgres from ${login}`,
  ],
  [
    'may create objects in schema public',
    `grant create on schema public to ${login}`,
    `revoke create on schema public from ${login}`,
  ],
  [
    'has no connection limit',
    `alter role ${login} connection limit -1`,
    `alter role ${login} connection limit 20`,
  ],
  ['has a role attribute', `alter role ${login} createdb`, `alter role ${login} nocreatedb`],
  [
    'is a member of another role',
    `grant authenticated to ${login}`,
    `revoke authenticated from ${login}`,
  ],
])('maintenance reports a login that %s', async (_, give, take) => {
  const report = () =>
    sql<{ outcome: string; detail: string }[]>`
      select outcome, detail from proxy_private.maintain_usage(tasks => '{privileges}')`;
  await sql.unsafe(give);
  const found = await report();
  await sql.unsafe(take);
  expect(found).toContainEqual({ outcome: 'found', detail: expect.stringContaining(login) });
  expect(await report()).toMatchObject([{ outcome: 'unchanged' }]);
});

it("maintenance reports large objects of a gateway's login until the login is dropped", async () => {
  const gateway = connect();
  await gateway`select lo_create(0)`;
  await gateway.end();
  const report = () =>
    sql<{ outcome: string; detail: string }[]>`
      select outcome, detail from proxy_private.maintain_usage(tasks => '{privileges}')`;
  expect(await report()).toEqual([{ outcome: 'found', detail: expect.stringContaining(login) }]);
  await sql`select proxy_private.drop_gateway_login('stolen')`;
  expect(await report()).toMatchObject([{ outcome: 'unchanged' }]);
});
