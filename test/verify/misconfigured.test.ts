import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { generateKeyPair, SignJWT } from 'jose';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { withConnection } from '../../scripts/stack/database.ts';
import { type Stack, startStack } from '../../scripts/stack/stack.ts';
import { checkStrangers } from '../../scripts/verify/openings.ts';
import { startPgBouncer, withoutPgBouncer } from '../gateway/readiness/pgbouncer.ts';
import { clockAhead, withoutClocks } from '../gateway/usage/clock-ahead.ts';
import { startCommand } from '../support/operator-command.ts';
import { connectOwner, newUser } from '../support/personas.ts';
import { startOldPostgres, withoutOldPostgres } from './old-postgres.ts';
import { type Change, startFront } from './project-front.ts';
import { readVerified, runVerify } from './run-verify.ts';

const stack = inject('stack');
const { publishableKey } = stack;

/** Verifies the shared stack behind a front that simulates a wrong deployment. */
async function verifyBehind(change: Change) {
  const front = await startFront(stack.url, change);
  onTestFinished(() => front.close());
  // a new user each time, because a user may rotate five times a minute
  const { token } = await newUser();
  // in another process, because `fetch` in the tests refuses answers that are not the API's
  const args = ['--url', front.url, '--publishable-key', publishableKey, '--token', token];
  return readVerified(await startCommand('scripts/verify.ts', args, '').ended);
}

const claims = { role: 'authenticated', sub: '0193b1c0-0000-7000-8000-0000000000ff' };
const strangersKey = generateKeyPair('ES256');
const strangersToken = async () =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid: 'of-another-project' })
    .setExpirationTime('1h')
    .sign((await strangersKey).privateKey);

it('legacy JWT secret: the message says to migrate to signing keys', async () => {
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode('super-secret-jwt-token-with-at-least-32-characters-long'));
  const front = await startFront(stack.url, ({ path }) =>
    path.endsWith('/jwks.json') ? Response.json({ keys: [] }) : undefined,
  );
  onTestFinished(() => front.close());
  const { code, wrong } = await runVerify({ url: front.url, publishableKey, token });
  expect(code).toBe(1);
  expect(wrong['signing keys']).toContain('legacy JWT secret');
  expect(wrong.token).toContain('legacy JWT secret');
});

it('wrong published JWKS: no published key has the kid of the token', async () => {
  const { code, wrong } = await runVerify({
    url: stack.url,
    publishableKey,
    token: await strangersToken(),
  });
  expect(code).toBe(1);
  expect(wrong.token).toContain("no published key has the token's kid (of-another-project)");
});

it('wrong JWKS in the functions: they refuse a token that Supabase Auth accepts', async () => {
  const foreign = await strangersToken();
  const { wrong } = await verifyBehind((passing) => {
    if (passing.path.startsWith('/functions/') && passing.headers.authorization) {
      passing.headers.authorization = `Bearer ${foreign}`;
    }
    return undefined;
  });
  expect(Object.keys(wrong)).toEqual(['a key']);
  expect(wrong['a key']).toContain('the function checks other keys than the project publishes');
});

it('function not deployed: the message names it and the command that deploys it', async () => {
  const notFound = () =>
    Response.json(
      { code: 'NOT_FOUND', message: 'Requested function was not found' },
      { status: 404 },
    );
  const { code, wrong } = await verifyBehind(({ path }) =>
    path.startsWith('/functions/v1/admin/') ? notFound() : undefined,
  );
  expect(code).toBe(1);
  expect(Object.keys(wrong)).toEqual(['functions']);
  expect(wrong.functions).toContain('admin is not deployed: supabase functions deploy admin');
});

it('platform’s token check before a function: the message names the setting', async () => {
  const { wrong } = await verifyBehind(({ path, headers }) =>
    path.startsWith('/functions/') && !headers.authorization
      ? Response.json({ code: 'UNAUTHORIZED_NO_AUTH_HEADER' }, { status: 401 })
      : undefined,
  );
  expect(wrong.functions).toContain('--no-verify-jwt');
});

it('publishable key of another project: Supabase Auth refuses it at once', async () => {
  const { wrong } = await runVerify({
    url: stack.url,
    publishableKey: 'sb_publishable_of_another_project',
    token: (await newUser()).token,
  });
  expect(wrong.project).toContain('--publishable-key');
});

it('seed on a public branch: the demo password signs in', async () => {
  const { token } = await newUser();
  const project = { url: stack.url, publishableKey, token, gatewayUrl: undefined };
  await expect(checkStrangers({ ...project, local: false })).rejects.toThrow(
    'demo@example.com can sign in with the demo password',
  );
});

it.skipIf(withoutClocks)('wrong clock: the message says by how much, and which way', async () => {
  const { token } = await newUser();
  const args = ['--url', stack.url, '--publishable-key', publishableKey, '--token', token];
  const clock = clockAhead(120_000);
  const before = { ...process.env };
  Object.assign(process.env, clock);
  const run = startCommand('scripts/verify.ts', args, '');
  for (const name of Object.keys(clock)) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
  const { code, wrong } = readVerified(await run.ended);
  expect(code).toBe(1);
  expect(wrong.clock).toMatch(/is 1[12]\d s ahead of the project's: set it by NTP/);
});

describe('of the gateway', () => {
  const sql = connectOwner();
  afterAll(() => sql.end());
  const verifyLogin = async (url: string) => {
    const env = { GATEWAY_DATABASE_URL: url };
    const { token } = await newUser();
    const { code, wrong } = await runVerify({ url: stack.url, publishableKey, token }, env);
    expect(code).toBe(1);
    expect(Object.keys(wrong)).toEqual(['gateway']);
    return wrong.gateway;
  };

  it('login without rights: the message says how to make one', async () => {
    const role = 'verify_without_rights';
    await sql.unsafe(`create role ${role} login password 'verify'`);
    onTestFinished(async () => {
      await sql.unsafe(`drop role ${role}`);
    });
    const url = new URL(stack.gatewayDbUrl);
    Object.assign(url, { username: role, password: 'verify' });
    expect(await verifyLogin(url.href)).toContain('npm run gateway-login -- create');
  });

  it('login with more rights than a gateway should have', async () => {
    expect(await verifyLogin(stack.dbUrl)).toContain('may do more than a gateway should');
  });

  it.skipIf(withoutPgBouncer)(
    'transaction pool: the message names the mode that works',
    async () => {
      const pool = await startPgBouncer(stack.gatewayDbUrl, 'transaction');
      onTestFinished(() => pool.stop());
      expect(await verifyLogin(pool.url)).toContain('session-mode pool');
    },
  );

  it.skipIf(withoutOldPostgres)('Postgres 15: the message says to upgrade', async () => {
    const old = await startOldPostgres();
    onTestFinished(() => old.stop());
    expect(await verifyLogin(old.url)).toMatch(/runs Postgres 1\d\.\d+.*: upgrade it to 17/);
    // the first migration fails too
    const sql = postgres(old.url, { max: 1, onnotice: () => {} });
    const [first = ''] = readdirSync('supabase/migrations').sort();
    const applied = sql.file(join('supabase/migrations', first)).then(() => 'applied');
    expect(await applied.catch(({ code }) => code)).toBe('0A000');
    await sql.end();
  });
});

describe('of the database', () => {
  let own: Stack;
  let sql: postgres.Sql;
  beforeAll(async () => {
    own = await startStack({ ephemeral: true, dashboard: false });
    sql = postgres(own.dbUrl, { max: 1, onnotice: () => {} });
  });
  afterAll(async () => {
    await sql.end({ timeout: 1 });
    await own.stop();
  });
  const signIn = async (): Promise<string> => {
    const auth = { email: 'demo@example.com', password: 'proxy-keys-demo' };
    const signedIn = await fetch(`${own.url}/auth/v1/token?grant_type=password`, {
      method: 'POST',
      headers: { apikey: own.publishableKey, 'Content-Type': 'application/json' },
      body: JSON.stringify(auth),
    });
    const { access_token: token } = (await signedIn.json()) as { access_token: string };
    return token;
  };
  const verifyOwn = async () =>
    runVerify({ url: own.url, publishableKey: own.publishableKey, token: await signIn() });

  it('incompatible schema and functions: the message names both, and the functions answer 503', async () => {
    const set = (column: string, version: number) =>
      sql`update proxy_private.schema_version set ${sql(column)} = ${version}`;
    await set('oldest_functions_version', 2);
    await vi.waitFor(
      async () => expect((await verifyOwn()).wrong.migrations).toContain('functions deploy'),
      { timeout: 60_000 },
    );
    const list = async () => {
      const headers = { Authorization: `Bearer ${await signIn()}` };
      return (await fetch(`${own.url}/api/v1/proxy/keys`, { headers })).status;
    };
    // each worker of the functions checks the version in the background
    await vi.waitFor(async () => expect(await list()).toBe(503), { timeout: 90_000 });
    await set('oldest_functions_version', 1);
    await vi.waitFor(async () => expect(await list()).toBe(200), { timeout: 60_000 });
  });

  it('missing migration: the message says to push', async () => {
    await sql`drop function public.proxy_schema_version()`;
    await sql`notify pgrst, 'reload schema'`;
    await vi.waitFor(
      async () => expect((await verifyOwn()).wrong.migrations).toContain('supabase db push'),
      { timeout: 60_000 },
    );
  });

  it('exposed schema: the message names it and where to remove it', async () => {
    await withConnection('supabase_admin', Number(new URL(own.dbUrl).port), (superuser) =>
      superuser.unsafe("alter role authenticator set pgrst.db_schemas = 'public, proxy_private'"),
    );
    await sql`notify pgrst, 'reload config'`;
    await vi.waitFor(
      async () =>
        expect((await verifyOwn()).wrong.schemas).toContain('exposes schema proxy_private'),
      { timeout: 60_000 },
    );
  });
});
