import postgres from 'postgres';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { listRelations, listRoutines } from '../support/catalog.ts';
import { connectGateway, connectOwner, request, signToken } from '../support/personas.ts';

const stack = inject('stack');
const sql = connectOwner();
const gateway = connectGateway(1);
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const schemas = ['public', 'proxy_private', 'gateway', 'auth', 'extensions'];
const otherRoles = ['anon', 'authenticated', 'service_role', 'authenticator', 'postgres'];
const ownFunctions = [
  'gateway.lookup_proxy_key(text)',
  'gateway.maintenance_state()',
  'gateway.record_usage(jsonb)',
  'gateway.schema_version()',
];

describe("the gateway's role in SQL", () => {
  it('can call its four functions', async () => {
    expect(await gateway`select * from gateway.lookup_proxy_key('avp_live_unknown')`).toEqual([]);
    const [outcome] = await gateway`select * from gateway.record_usage('[]')`;
    expect(outcome).toEqual({ recorded: 0, repeated: 0, rejected: [] });
    const [schema] = await gateway`select * from gateway.schema_version()`;
    expect(schema).toEqual({ version: 1, oldest_gateway_version: 1 });
    expect(await gateway`select * from gateway.maintenance_state()`).toHaveLength(1);
  });

  it('cannot call any other function', async () => {
    const routines = await listRoutines(sql, schemas);
    const others = routines.filter(({ signature }) => !ownFunctions.includes(signature));
    expect(others).toHaveLength(routines.length - ownFunctions.length);
    for (const { call } of others) {
      await expect(gateway.unsafe(`select ${call}`), call).rejects.toMatchObject({ code: '42501' });
    }
  });

  it('cannot read or change any table, partition or view', async () => {
    const relations = await listRelations(sql, schemas);
    expect(relations.length).toBeGreaterThan(10);
    for (const { qualified, writable } of relations) {
      const statements = [
        `select from ${qualified} limit 1`,
        ...(writable
          ? [`insert into ${qualified} default values`, `delete from ${qualified}`]
          : []),
      ];
      for (const statement of statements) {
        await expect(gateway.unsafe(statement), statement).rejects.toMatchObject({ code: '42501' });
      }
    }
  });

  it('cannot create anything in our schemas, or anything temporary', async () => {
    for (const place of [...schemas.map((schema) => `table ${schema}.`), 'temporary table ']) {
      await expect(gateway.unsafe(`create ${place}mine ()`), place).rejects.toMatchObject({
        code: '42501',
      });
    }
  });

  it('cannot become another role', async () => {
    for (const role of [...otherRoles, 'proxy_gateway']) {
      await expect(gateway.unsafe(`set role ${role}`), role).rejects.toMatchObject({
        code: '42501',
      });
    }
  });
});

describe("the gateways' group role", () => {
  it('cannot log in; each gateway has its own login', async () => {
    const url = new URL(stack.gatewayDbUrl);
    expect(url.username).toBe('proxy_gateway_local');
    url.username = 'proxy_gateway';
    const asGroup = postgres(url.href, { max: 1 });
    await expect(asGroup`select`).rejects.toMatchObject({ code: expect.stringMatching(/^28/) });
    await asGroup.end();
    const [group] = await sql`
      select rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls
      from pg_roles where rolname = 'proxy_gateway'`;
    expect(new Set(Object.values(group ?? {}))).toEqual(new Set([false]));
    const ofIt = await sql`
      select from pg_auth_members where member = 'proxy_gateway'::regrole`;
    expect(ofIt).toHaveLength(0);
  });

  it('gives its rights to the login, which has no rights of its own and cannot become the group role', async () => {
    const [{ user } = {}] = await gateway`select current_user as user`;
    expect(user).toBe('proxy_gateway_local');
    const [login] = await sql`
      select rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolinherit,
        rolconnlimit > 0 as limited
      from pg_roles where rolname = ${user}`;
    const no = { rolsuper: false, rolcreaterole: false, rolcreatedb: false };
    const none = { ...no, rolreplication: false, rolbypassrls: false };
    expect(login).toEqual({ ...none, rolinherit: true, limited: true });
    const memberships = await sql`
      select roleid::regrole::text as "group", inherit_option, set_option, admin_option
      from pg_auth_members where member = ${user}::regrole`;
    expect([...memberships]).toEqual([
      { group: 'proxy_gateway', inherit_option: true, set_option: false, admin_option: false },
    ]);
    // what is granted to the login directly or owned by it, in this database or cluster-wide
    const held = await sql`
      select classid::regclass::text, deptype from pg_shdepend
      where refclassid = 'pg_authid'::regclass and refobjid = ${user}::regrole
        and not (classid = 'pg_auth_members'::regclass)`;
    expect([...held]).toEqual([]);
  });
});

it.each(
  ['proxy_gateway', 'proxy_gateway_local'].flatMap((role) => [
    [role, 'GET'],
    [role, 'POST'],
  ]),
)('a token cannot make a request run as %s by %s', async (role, method = '') => {
  const token = await signToken({ role, sub: crypto.randomUUID() });
  const response = await request(method, '/rest/v1/rpc/proxy_health', {
    token,
    headers: { apikey: stack.publishableKey },
  });
  expect(response.status).toBe(403);
  expect(await response.json()).toMatchObject({ code: '42501' });
});
