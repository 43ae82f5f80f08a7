import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import getPort from 'get-port';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { gatewayLogin as command } from '../scripts/gateway-login/gateway-login.ts';
import { gatewayUrl } from '../scripts/gateway-login/gateway-url.ts';
import { formatLogins } from '../scripts/gateway-login/logins.ts';
import { databaseUrl } from '../scripts/stack/postgres.ts';
import { postgresUser } from '../scripts/stack/process-user.ts';
import { startDatabase } from '../scripts/stack/start-database.ts';
import { openStateDirectory } from '../scripts/stack/state-directory.ts';
import { createSupervisor } from '../scripts/stack/supervisor.ts';
import { listRelations, listRoutines } from './support/catalog.ts';
import { callCommand, startCommand } from './support/operator-command.ts';
import { seedKey } from './support/seeded-keys.ts';
import { recordUsage, usageEvent } from './support/usage-events.ts';

const undo = new AsyncDisposableStack();
let ownerUrl: string;
let owner: postgres.Sql;
let superuser: postgres.Sql;
let logFile: string;

beforeAll(async () => {
  const state = openStateDirectory({ ephemeral: true, user: postgresUser() });
  undo.defer(() => state.remove());
  const supervisor = await createSupervisor(state.processesFile, () => {});
  undo.defer(() => supervisor.stopAll());
  const port = await startDatabase({ supervisor, state, durable: false, report: () => {} });
  ownerUrl = databaseUrl('postgres', port);
  logFile = join(state.logs, 'postgres.log');
  owner = postgres(ownerUrl, { max: 2, onnotice: () => {} });
  undo.defer(() => owner.end({ timeout: 1 }));
  superuser = postgres(databaseUrl('supabase_admin', port), { max: 1, onnotice: () => {} });
  undo.defer(() => superuser.end({ timeout: 1 }));
  // the most verbose logging that a server can have
  await superuser`alter system set log_statement = 'all'`;
  await superuser`alter system set log_parameter_max_length_on_error = -1`;
  await superuser`select pg_reload_conf()`;
});

afterAll(() => undo.disposeAsync());

const gatewayLogin = (args: string[], url = ownerUrl) => callCommand(command, args, url);
const startGatewayLogin = (...args: string[]) =>
  startCommand('scripts/gateway-login.ts', args, ownerUrl).ended;

async function create(name: string, ...args: string[]): Promise<URL> {
  const { code, stdout, stderr } = await gatewayLogin(['create', name, ...args]);
  expect([code, stderr]).toEqual([0, '']);
  return new URL(/GATEWAY_DATABASE_URL="(.*)"/.exec(stdout)?.[1] ?? '');
}

/** Connections of a gateway, closed after the test. */
function connect(url: URL, connections = 1): postgres.Sql {
  const sql = postgres(url.href, { max: connections, onnotice: () => {}, connect_timeout: 10 });
  onTestFinished(() => sql.end({ timeout: 0 }));
  return sql;
}

async function newKey() {
  const id = crypto.randomUUID();
  await owner`insert into auth.users (id, email) values (${id}, ${`${id}@example.com`})`;
  return seedKey(owner, id);
}

async function rolesNamed(name: string): Promise<number> {
  return (await owner`select from pg_roles where rolname = ${`proxy_gateway_${name}`}`).length;
}

describe('a new login', () => {
  let url: URL;
  beforeAll(async () => {
    url = await create('made');
  });

  it('looks up keys, records usage and reads the schema version with the printed password', async () => {
    expect(url.username).toBe('proxy_gateway_made');
    expect(url.password).toMatch(/^[\w-]{43}$/);
    expect(url.host).toBe(new URL(ownerUrl).host);
    const gateway = connect(url);
    const key = await newKey();
    const [found] = await gateway`select id from gateway.lookup_proxy_key(${key.keyId})`;
    expect(found).toEqual({ id: key.id });
    expect(await recordUsage(gateway, [usageEvent(key.id)])).toMatchObject({ recorded: 1 });
    expect(await gateway`select version from gateway.schema_version()`).toHaveLength(1);
  });

  it('prints a setting if its limit is below the default connections of a restarted gateway', async () => {
    const few = await gatewayLogin(['create', 'seven', '--connections', '7']);
    expect(few.stdout).toMatch(/^GATEWAY_DATABASE_CONNECTIONS=3$/m);
    const fewer = await gatewayLogin(['create', 'four', '--connections', '4']);
    expect(fewer.stdout).toMatch(/^GATEWAY_DATABASE_CONNECTIONS=3$/m);
    const more = await gatewayLogin(['create', 'nineteen', '--connections', '19']);
    expect(more.stdout).toMatch(/^GATEWAY_DATABASE_CONNECTIONS=9$/m);
    const enough = await gatewayLogin(['create', 'twenty', '--connections', '20']);
    expect(enough.stdout).not.toContain('GATEWAY_DATABASE_CONNECTIONS');
  });

  it('cannot log in with another password', async () => {
    const wrong = new URL(url);
    wrong.password = `${url.password.slice(0, -1)}!`;
    await expect(connect(wrong)`select`).rejects.toMatchObject({ code: '28P01' });
  });

  it('may do nothing else in our schemas', async () => {
    const gateway = connect(url);
    const schemas = ['public', 'proxy_private', 'gateway', 'auth', 'extensions'];
    const relations = await listRelations(owner, schemas);
    const routines = await listRoutines(owner, schemas);
    const others = routines.filter(
      ({ signature }) => !/^gateway\.(look|maint|record|schema)/.test(signature),
    );
    expect([relations.length > 10, routines.length - others.length]).toEqual([true, 4]);
    for (const statement of [
      ...relations.map(({ qualified }) => `select from ${qualified} limit 1`),
      ...relations.flatMap((each) => (each.writable ? [`delete from ${each.qualified}`] : [])),
      ...others.map(({ call }) => `select ${call}`),
      ...schemas.map((schema) => `create table ${schema}.mine ()`),
      'create temporary table mine ()',
      'create schema mine',
      'set role postgres',
      'set role proxy_gateway',
      'alter role current_user connection limit 1000',
      `create role proxy_gateway_mine login in role proxy_gateway`,
    ]) {
      await expect(gateway.unsafe(statement), statement).rejects.toMatchObject({
        code: '42501',
      });
    }
  });

  it('has exactly the given number of connections', async () => {
    const few = await create('few', '--connections', '3');
    const held = connect(few, 3);
    await Promise.all([1, 2, 3].map(() => held`select pg_sleep(0.2)`));
    await expect(connect(few)`select`).rejects.toMatchObject({ code: '53300' });
    const { stdout } = await gatewayLogin(['list']);
    expect(stdout).toMatch(/^login +limit +open now$/m);
    expect(stdout).toMatch(/^proxy_gateway_few +3 +3$/m);
    expect(stdout).toMatch(/^proxy_gateway_made +20 +\d+$/m);
  });

  it('has its password neither in the server’s log nor in the catalog', async () => {
    const refused = await gatewayLogin(['create', 'made']);
    expect(refused.code).toBe(1);
    await vi.waitFor(() => {
      const log = readFileSync(logFile, 'utf8');
      // the log has the statements and their parameters, even of a failed statement
      expect(log).toContain('proxy_private.create_gateway_login');
      expect(log.match(/= 'SCRAM-SHA-256\$4096:/g)?.length).toBeGreaterThan(2);
      expect(log).not.toContain(url.password);
    });
    const [kept] = await superuser`
      select rolpassword from pg_authid where rolname = 'proxy_gateway_made'`;
    expect(kept?.rolpassword).toMatch(/^SCRAM-SHA-256\$4096:/);
    const catalogs = await superuser<{ name: string }[]>`
      select c.oid::regclass::text as name from pg_class as c
      where c.relkind = 'r' and c.relnamespace = 'pg_catalog'::regnamespace`;
    expect(catalogs.length).toBeGreaterThan(50);
    for (const { name } of catalogs) {
      const found = await superuser.unsafe(
        `select from ${name} as c where strpos(c::text, $1) > 0 limit 1`,
        [url.password],
      );
      expect(found, name).toHaveLength(0);
    }
  });

  it('passes maintenance’s check of privileges', async () => {
    const reports = await owner`
      select outcome, detail from proxy_private.maintain_usage(tasks => '{privileges}')`;
    expect([...reports]).toMatchObject([{ outcome: 'unchanged' }]);
  });
});

describe('a drop', () => {
  it('closes the login’s connections at once, and no others', async () => {
    const [stolen, honest] = [await create('stolen'), await create('honest')];
    const [theirs, ours] = [connect(stolen, 2), connect(honest)];
    await ours`select`;
    const held = [theirs`select pg_sleep(600)`, theirs`select pg_sleep(600)`];
    const ends = Promise.allSettled(held);
    await vi.waitFor(async () => {
      const { stdout } = await gatewayLogin(['list']);
      expect(stdout).toMatch(/^proxy_gateway_stolen +20 +2$/m);
    });
    const [before] = await ours`select pg_backend_pid() as pid`;
    const { code, stdout } = await gatewayLogin(['drop', 'stolen']);
    expect([code, stdout.split('\n')[0]]).toEqual([
      0,
      'Dropped proxy_gateway_stolen; closed 2 of its connections.',
    ]);
    expect(await ends).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
    await expect(connect(stolen)`select`).rejects.toMatchObject({ code: '28P01' });
    const [after] = await ours`
      select pg_backend_pid() as pid from gateway.lookup_proxy_key('x') right join (select) on true`;
    expect(after).toEqual(before);
  });

  it('removes the login’s large objects', async () => {
    const gateway = connect(await create('hoarder'));
    const [made] = await gateway`select lo_from_bytea(0, '\\x00') as id`;
    const countObjects = async () =>
      (await owner`select from pg_largeobject_metadata where oid = ${made?.id}`).length;
    const found = await owner`
      select outcome, detail from proxy_private.maintain_usage(tasks => '{privileges}')`;
    expect([...found]).toMatchObject([
      { outcome: 'found', detail: expect.stringContaining('proxy_gateway_hoarder owns 1 large') },
    ]);
    expect(await countObjects()).toBe(1);
    expect(await gatewayLogin(['drop', 'hoarder'])).toMatchObject({ code: 0 });
    expect([await countObjects(), await rolesNamed('hoarder')]).toEqual([0, 0]);
  });

  it('locks out a login that reconnects again and again', async () => {
    const url = await create('stubborn');
    let refused = 0;
    const insist = async () => {
      for (;;) {
        const sql = postgres(url.href, { max: 1, onnotice: () => {} });
        try {
          await sql`select lo_create(0)`;
          for (;;) await sql`select pg_sleep(0.001)`;
        } catch (error) {
          if (error instanceof postgres.PostgresError && error.code.startsWith('28')) {
            refused += 1;
            return;
          }
        } finally {
          await sql.end({ timeout: 0 });
        }
      }
    };
    const all = Array.from({ length: 5 }, insist);
    await vi.waitFor(async () => {
      const rows = await owner`
        select from pg_stat_activity where usename = 'proxy_gateway_stubborn'`;
      expect(rows).toHaveLength(5);
    });
    expect(await gatewayLogin(['drop', 'stubborn'])).toMatchObject({ code: 0 });
    await Promise.all(all);
    expect(refused).toBe(5);
    const left = await owner`
      select from pg_stat_activity as a
      where a.usesysid is not null and not exists (select from pg_roles where oid = a.usesysid)`;
    expect(left).toHaveLength(0);
  });

  it('closes a login that owns objects in another database, and says what to do there', async () => {
    const url = await create('elsewhere');
    const there = new URL(url);
    there.pathname = '/template1';
    const gateway = connect(there);
    await gateway`select lo_create(0)`;
    const { code, stdout, stderr } = await gatewayLogin(['drop', 'elsewhere']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('1 object in database template1');
    await expect(gateway`select`).rejects.toThrow();
    await expect(connect(url)`select`).rejects.toMatchObject({ code: '28000' });
    const { stdout: list } = await gatewayLogin(['list']);
    expect(list).toMatch(/^proxy_gateway_elsewhere +closed: drop it again +0$/m);

    const [, statements = ''] = /run:\n((?: {2}.*;\n)+)/.exec(stderr) ?? [];
    const operator = connect(new URL(ownerUrl.replace(/postgres$/, 'template1')));
    await operator.unsafe(statements);
    expect(await gatewayLogin(['drop', 'elsewhere'])).toMatchObject({ code: 0 });
    expect(await rolesNamed('elsewhere')).toBe(0);
  });

  it('of a dropped login reports that it does not exist', async () => {
    await create('twice');
    expect(await gatewayLogin(['drop', 'twice'])).toMatchObject({ code: 0 });
    const { code, stdout, stderr } = await gatewayLogin(['drop', 'twice']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      'No login proxy_gateway_twice exists.\nList the logins: npm run gateway-login -- list\n',
    );
  });
});

describe('a refusal says what to do next', () => {
  it.each<[string, string[], RegExp]>([
    ['a name that is taken', ['create', 'local'], /drop the login first: .* drop local$/m],
    ['an invalid name', ['create', 'EU-1'], /lower-case.*\n.*eu_1/],
    ['an invalid name in a drop', ['drop', 'x"; drop role postgres'], /lower-case/],
    ['a limit of zero', ['create', 'none', '--connections', '0'], /3 to 1000/],
    ['a limit that no gateway can use', ['create', 'none', '--connections', '2'], /3 to 1000/],
    ['a limit over the maximum', ['create', 'none', '--connections', '1001'], /3 to 1000/],
    ['a limit that is not a number', ['create', 'none', '--connections', 'many'], /whole number/],
    ['no command', [], /create <name>/],
    ['an unknown command', ['remove', 'local'], /create <name>/],
    ['no name', ['create'], /create <name>/],
    ['two names', ['drop', 'local', 'other'], /one name(.|\n)*create <name>/],
    [
      'a limit in a drop',
      ['drop', 'local', '--connections', '2'],
      /only with create(.|\n)*create <name>/,
    ],
    ['an unknown option', ['list', '--all'], /--all(.|\n)*create <name>/],
  ])('%s', async (_, args, words) => {
    const { code, stdout, stderr } = await gatewayLogin(args);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(words);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(await rolesNamed('none')).toBe(0);
    expect(await rolesNamed('local')).toBe(1);
  });

  it.each<[string, () => string | Promise<string>, RegExp]>([
    [
      'a database that does not answer',
      async () => `postgresql://postgres:pa55@127.0.0.1:${await getPort()}/x`,
      /start/,
    ],
    ['another role', () => ownerUrl.replace('postgres:', 'supabase_auth_admin:'), /role postgres/],
    [
      'a database without migrations',
      () => ownerUrl.replace(/postgres$/, 'template1'),
      /migrations/,
    ],
  ])('%s', async (_, url, words) => {
    for (const args of [
      ['create', 'none'],
      ['drop', 'none'],
    ]) {
      const { code, stdout, stderr } = await gatewayLogin(args, await url());
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(words);
      expect(stderr).not.toMatch(/pa55|^\s+at /m);
    }
  });

  it('--help shows the usage', async () => {
    const { code, stdout } = await gatewayLogin(['--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('create <name>');
  });
});

it('a process creates and drops a login with exit code 0; a refusal has exit code 1 and an error on stderr', async () => {
  const made = await startGatewayLogin('create', 'processed');
  expect([made.code, made.stderr]).toEqual([0, '']);
  expect(made.stdout).toMatch(/^GATEWAY_DATABASE_URL="postgresql:.*"$/m);
  expect(await rolesNamed('processed')).toBe(1);
  expect(await startGatewayLogin('drop', 'processed')).toMatchObject({ code: 0, stderr: '' });
  expect(await rolesNamed('processed')).toBe(0);
  expect(await startGatewayLogin('drop', 'processed')).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining('No login proxy_gateway_processed exists.'),
  });
});

describe('the connection string of a gateway', () => {
  it.each([
    [
      'postgresql://postgres:x@db.abcdefghijklmnopqrst.supabase.co:5432/postgres',
      'postgresql://proxy_gateway_eu:s@db.abcdefghijklmnopqrst.supabase.co:5432/postgres',
    ],
    [
      'postgres://postgres.abcdefghijklmnopqrst:x@aws-0-eu-west-1.pooler.supabase.com:5432/postgres?sslmode=require',
      'postgres://proxy_gateway_eu.abcdefghijklmnopqrst:s@aws-0-eu-west-1.pooler.supabase.com:5432/postgres?sslmode=require',
    ],
    [
      'postgresql://postgres.abcdefghijklmnopqrst:x@aws-0-eu-west-1.pooler.supabase.com:6543/postgres',
      'postgresql://proxy_gateway_eu.abcdefghijklmnopqrst:s@aws-0-eu-west-1.pooler.supabase.com:5432/postgres',
    ],
    ['postgresql://postgres@[::1]:6543/keys', 'postgresql://proxy_gateway_eu:s@[::1]:6543/keys'],
  ])('is derived from %s', (operator, expected) => {
    expect(gatewayUrl(new URL(operator), 'proxy_gateway_eu', 's')).toBe(expected);
  });
});

it('an empty list of logins says how to make one', () => {
  expect(formatLogins([])).toContain('create <name>');
});
