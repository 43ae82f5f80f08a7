import { randomUUID } from 'node:crypto';
import { createClient } from '@supabase/supabase-js';
import {
  createRemoteJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  generateKeyPair,
  type JWTPayload,
  jwtVerify,
  SignJWT,
  UnsecuredJWT,
} from 'jose';
import postgres from 'postgres';
import { afterAll, describe, expect, inject, it, vi } from 'vitest';
import { createAuthApp } from '../../scripts/stack/auth/app.ts';
import { generateSigningJwk, readSigningKey } from '../../scripts/stack/signing-keys.ts';

const { url, dbUrl, publishableKey, secretKey } = inject('stack');
const sql = postgres(dbUrl, { onnotice: () => {} });
const password = 'correct horse';
const issuer = `${url}/auth/v1`;

afterAll(() => sql.end());

function client(key = publishableKey) {
  return createClient(url, key, { auth: { persistSession: false, autoRefreshToken: false } });
}

function newEmail() {
  return `${randomUUID()}@example.com`;
}

async function signUp(email = newEmail()) {
  const supabase = client();
  const { data, error } = await supabase.auth.signUp({ email, password });
  if (!data.session || !data.user) throw error ?? new Error('no session');
  return { supabase, email, user: data.user, session: data.session };
}

/** A client that holds nothing but this refresh token. */
function refresh(refreshToken: string) {
  return client().auth.refreshSession({ refresh_token: refreshToken });
}

function sessionIdOf(accessToken: string) {
  return String(decodeJwt(accessToken).session_id);
}

/** Lets time pass for the refresh tokens of a session. */
async function age(accessToken: string, seconds: number) {
  await sql`
    update auth.refresh_tokens set updated_at = updated_at - make_interval(secs => ${seconds})
    where session_id = ${sessionIdOf(accessToken)}`;
}

function send(path: string, init: RequestInit & { token?: string; key?: string } = {}) {
  const { token, key = publishableKey, ...rest } = init;
  const headers = { apikey: key, ...(token && { authorization: `Bearer ${token}` }) };
  return fetch(`${url}/auth/v1${path}`, { ...rest, headers });
}

async function outcome(response: Response) {
  const body = (await response.json()) as { code?: number; error_code?: string };
  expect(body.code).toBe(response.status);
  return { status: response.status, code: body.error_code };
}

describe('a visitor', () => {
  it('signs up and has a session at once', async () => {
    const email = newEmail();
    const { data, error } = await client().auth.signUp({
      email: email.toUpperCase(),
      password,
      options: { data: { name: 'Ada' } },
    });
    expect(error).toBeNull();
    expect(data.session).toMatchObject({ token_type: 'bearer', expires_in: 3600 });
    expect(data.user).toMatchObject({
      email,
      aud: 'authenticated',
      role: 'authenticated',
      app_metadata: { provider: 'email', providers: ['email'] },
      user_metadata: { name: 'Ada' },
      identities: [{ provider: 'email', id: data.user?.id, identity_data: { email } }],
    });
    expect(data.user?.email_confirmed_at).toBeTruthy();
  });

  it('is told when the address is registered, whatever its case', async () => {
    const { email } = await signUp();
    const { error } = await client().auth.signUp({ email: email.toUpperCase(), password });
    expect(error).toMatchObject({ status: 422, code: 'user_already_exists' });
  });

  it('gets one account from two sign-ups at once', async () => {
    const credentials = { email: newEmail(), password };
    const results = await Promise.all([1, 2].map(() => client().auth.signUp(credentials)));
    expect(results.map((result) => result.error?.code).sort()).toEqual([
      'user_already_exists',
      undefined,
    ]);
  });

  it.each([
    ['a short password', { email: newEmail(), password: '12345' }, 422, 'weak_password'],
    [
      'a too long password',
      { email: newEmail(), password: 'x'.repeat(73) },
      400,
      'validation_failed',
    ],
    ['no password', { email: newEmail(), password: '' }, 400, 'validation_failed'],
    ['no address', { email: '', password }, 422, 'anonymous_provider_disabled'],
    ['a bad address', { email: 'nobody', password }, 400, 'validation_failed'],
    ['a null character', { email: newEmail(), password: 'abcdef\0' }, 400, 'validation_failed'],
  ])('is refused with %s', async (_, credentials, status, code) => {
    const { error } = await client().auth.signUp(credentials);
    expect(error).toMatchObject({ status, code });
  });

  it('signs in with the password', async () => {
    const { email, user } = await signUp();
    const { data, error } = await client().auth.signInWithPassword({ email, password });
    expect(error).toBeNull();
    expect(data.user?.id).toBe(user.id);
    expect(data.user?.last_sign_in_at).toBeTruthy();
  });

  it('is refused alike with a wrong password and an unknown address', async () => {
    const { email } = await signUp();
    const wrong = await client().auth.signInWithPassword({ email, password: 'incorrect' });
    const unknown = await client().auth.signInWithPassword({ email: newEmail(), password });
    expect(wrong.error).toMatchObject({ status: 400, code: 'invalid_credentials' });
    expect(unknown.error).toEqual(wrong.error);
  });
});

describe('a user', () => {
  it('holds a token that the JWKS verifies, with the claims of Supabase', async () => {
    const { session, user, email } = await signUp();
    const jwks = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
    const { payload, protectedHeader } = await jwtVerify(session.access_token, jwks, {
      audience: 'authenticated',
      algorithms: ['ES256'],
    });
    expect(protectedHeader.kid).toBeTruthy();
    expect(payload).toMatchObject({
      iss: expect.stringMatching(/\/auth\/v1$/),
      sub: user.id,
      email,
      phone: '',
      role: 'authenticated',
      aal: 'aal1',
      amr: [{ method: 'password', timestamp: expect.any(Number) }],
      app_metadata: { provider: 'email', providers: ['email'] },
      user_metadata: user.user_metadata,
      session_id: expect.any(String),
      is_anonymous: false,
    });
    expect(Number(payload.exp) - Number(payload.iat)).toBe(3600);
    expect(Math.abs(Number(payload.iat) - Date.now() / 1000)).toBeLessThan(60);
    expect(session.expires_at).toBe(payload.exp);
  });

  it('reads their own record, without secrets', async () => {
    const { supabase, user } = await signUp();
    const { data, error } = await supabase.auth.getUser();
    expect(error).toBeNull();
    expect(data.user?.id).toBe(user.id);
    expect(JSON.stringify(data.user)).not.toMatch(/\$2|token|password/);
  });

  it('merges their metadata: null removes a key', async () => {
    const { supabase } = await signUp();
    await supabase.auth.updateUser({ data: { name: 'Ada', city: 'London', nested: { a: null } } });
    const { data } = await supabase.auth.updateUser({ data: { city: null, born: 1815 } });
    expect(data.user?.user_metadata).toEqual({
      email_verified: true,
      name: 'Ada',
      nested: { a: null },
      born: 1815,
    });
  });

  it('cannot change app_metadata or role', async () => {
    const { supabase, user, email } = await signUp();
    const claim = { app_metadata: { role: 'admin' } } as object;
    const refused = await supabase.auth.updateUser(claim);
    expect(refused.error).toMatchObject({ status: 403, code: 'not_admin' });
    const { error } = await supabase.auth.updateUser({
      data: { app_metadata: { role: 'admin' } },
      role: 'service_role',
      raw_app_meta_data: { role: 'admin' },
    } as object);
    expect(error).toBeNull();
    const { data } = await client().auth.signInWithPassword({ email, password });
    expect(data.user?.app_metadata).toEqual(user.app_metadata);
    expect(data.user?.role).toBe('authenticated');
    expect(decodeJwt(data.session?.access_token ?? '').role).toBe('authenticated');
  });

  it('cannot smuggle app_metadata or a role in at sign-up', async () => {
    const response = await send('/signup', {
      method: 'POST',
      body: JSON.stringify({
        email: newEmail(),
        password,
        role: 'service_role',
        app_metadata: { role: 'admin' },
      }),
    });
    const { user } = (await response.json()) as { user: { app_metadata: object; role: string } };
    expect(user.app_metadata).toEqual({ provider: 'email', providers: ['email'] });
    expect(user.role).toBe('authenticated');
  });

  it('changes the password, which ends their other sessions', async () => {
    const { supabase, email } = await signUp();
    const other = await client().auth.signInWithPassword({ email, password });
    const same = await supabase.auth.updateUser({ password });
    expect(same.error).toMatchObject({ status: 422, code: 'same_password' });
    const changed = await supabase.auth.updateUser({ password: 'battery staple' });
    expect(changed.error).toBeNull();
    const old = await refresh(other.data.session?.refresh_token ?? '');
    expect(old.error).toMatchObject({ status: 400, code: 'refresh_token_not_found' });
    expect((await supabase.auth.refreshSession()).error).toBeNull();
    const again = await client().auth.signInWithPassword({ email, password });
    expect(again.error).toMatchObject({ status: 400, code: 'invalid_credentials' });
  });

  it('signs out of this session, the others, or all', async () => {
    const { email, supabase: first, session } = await signUp();
    const second = client();
    await second.auth.signInWithPassword({ email, password });
    expect((await second.auth.signOut({ scope: 'local' })).error).toBeNull();
    expect((await first.auth.getUser()).error).toBeNull();

    const third = client();
    const { data } = await third.auth.signInWithPassword({ email, password });
    await third.auth.signOut({ scope: 'others' });
    const killed = await refresh(session.refresh_token);
    expect(killed.error).toMatchObject({ status: 400, code: 'refresh_token_not_found' });
    expect((await third.auth.getUser()).error).toBeNull();

    const fourth = client();
    await fourth.auth.signInWithPassword({ email, password });
    await fourth.auth.signOut({ scope: 'global' });
    const token = data.session?.access_token ?? '';
    expect(await outcome(await send('/user', { token }))).toEqual({
      status: 403,
      code: 'session_not_found',
    });
  });

  it.each([
    ['empty token columns', newEmail(), ''],
    ['null token columns', newEmail(), null],
    ['an address in capitals', newEmail().toUpperCase(), ''],
  ])('of a seed signs in: with %s', async (_, email, unset) => {
    const id = randomUUID();
    await sql`
        insert into auth.users (
          instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
          raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
          confirmation_token, email_change, email_change_token_new, recovery_token
        ) values (
          '00000000-0000-0000-0000-000000000000', ${id}, 'authenticated', 'authenticated', ${email},
          extensions.crypt(${password}, extensions.gen_salt('bf')), now(),
          '{"provider":"email","providers":["email"],"role":"admin"}', '{}', now(), now(),
          ${unset}, ${unset}, ${unset}, ${unset}
        )`;
    await sql`
        insert into auth.identities
          (id, user_id, identity_data, provider, provider_id, last_sign_in_at, created_at, updated_at)
        values (
          gen_random_uuid(), ${id}, jsonb_build_object('sub', ${id}::text, 'email', ${email}::text),
          'email', ${id}, now(), now(), now()
        )`;
    const { data, error } = await client().auth.signInWithPassword({ email, password });
    expect(error).toBeNull();
    expect(data.user?.app_metadata.role).toBe('admin');
    const again = await client().auth.signUp({ email, password });
    expect(again.error).toMatchObject({ status: 422, code: 'user_already_exists' });
  });
});

describe('a browser that keeps a session going', () => {
  it('gets a new access token and a new refresh token', async () => {
    const { session } = await signUp();
    const { data, error } = await refresh(session.refresh_token);
    expect(error).toBeNull();
    expect(data.session?.refresh_token).not.toBe(session.refresh_token);
    expect(data.session?.access_token).not.toBe(session.access_token);
    expect(sessionIdOf(data.session?.access_token ?? '')).toBe(sessionIdOf(session.access_token));
    expect((await refresh(data.session?.refresh_token ?? '')).error).toBeNull();
  });

  it('may send the same token from several tabs at once', async () => {
    const { session } = await signUp();
    const results = await Promise.all([1, 2, 3].map(() => refresh(session.refresh_token)));
    for (const { data, error } of results) {
      expect(error).toBeNull();
      expect(sessionIdOf(data.session?.access_token ?? '')).toBe(sessionIdOf(session.access_token));
      expect((await refresh(data.session?.refresh_token ?? '')).error).toBeNull();
    }
  });

  it('does not lengthen the ten seconds by sending the token again', async () => {
    const { session } = await signUp();
    await refresh(session.refresh_token);
    await age(session.access_token, 6);
    expect((await refresh(session.refresh_token)).error).toBeNull();
    await age(session.access_token, 6);
    const { error } = await refresh(session.refresh_token);
    expect(error).toMatchObject({ status: 400, code: 'refresh_token_already_used' });
  });

  it('cannot refresh while banned, and can once the ban is lifted', async () => {
    const { session, user } = await signUp();
    const { admin } = client(secretKey).auth;
    await admin.updateUserById(user.id, { ban_duration: '1h' });
    const { error } = await refresh(session.refresh_token);
    expect(error).toMatchObject({ status: 400, code: 'user_banned' });
    const { status, code } = await outcome(await send('/user', { token: session.access_token }));
    expect({ status, code }).toEqual({ status: 403, code: 'user_banned' });
    await admin.updateUserById(user.id, { ban_duration: 'none' });
    expect((await refresh(session.refresh_token)).error).toBeNull();
  });

  it('is refused in order when the session ends while it refreshes', async () => {
    const { session } = await signUp();
    const { answer } = await sql.begin(async (tx) => {
      await tx`delete from auth.sessions where id = ${sessionIdOf(session.access_token)}`;
      const [self] = await tx`select pg_backend_pid() as pid`;
      // not by supabase-js, which would try again after a failure
      const answer = send('/token?grant_type=refresh_token', {
        method: 'POST',
        body: JSON.stringify({ refresh_token: session.refresh_token }),
      });
      await vi.waitFor(async () => {
        const waiting = await sql`
          select from pg_stat_activity where ${self?.pid} = any (pg_blocking_pids(pid))`;
        expect(waiting.length).toBe(1);
      });
      return { answer };
    });
    expect(await outcome(await answer)).toEqual({ status: 400, code: 'refresh_token_not_found' });
  });

  it('finds no refresh token in clear in any table of auth', async () => {
    const { session } = await signUp();
    const next = await refresh(session.refresh_token);
    const tables = await sql<{ name: string }[]>`
      select table_name as name from information_schema.tables
      where table_schema = 'auth' and table_type = 'BASE TABLE'`;
    expect(tables.length).toBeGreaterThanOrEqual(4);
    for (const token of [session.refresh_token, next.data.session?.refresh_token ?? '']) {
      expect(token.length).toBeGreaterThanOrEqual(40);
      for (const { name } of tables) {
        const [row] = await sql`
          select count(*)::integer as found from auth.${sql(name)} t
          where strpos(t::text, ${token}) > 0`;
        expect(row?.found).toBe(0);
      }
    }
  });
});

describe('a thief', () => {
  it('who sends a used refresh token ends the session, even of the newest token', async () => {
    const { session } = await signUp();
    const next = await refresh(session.refresh_token);
    await age(session.access_token, 11);
    const stolen = await refresh(session.refresh_token);
    expect(stolen.error).toMatchObject({ status: 400, code: 'refresh_token_already_used' });
    const owner = await refresh(next.data.session?.refresh_token ?? '');
    expect(owner.error).toMatchObject({ status: 400, code: 'refresh_token_not_found' });
    const token = next.data.session?.access_token ?? '';
    expect((await outcome(await send('/user', { token }))).code).toBe('session_not_found');
  });

  it('guesses refresh tokens in vain', async () => {
    const { error } = await refresh('x'.repeat(43));
    expect(error).toMatchObject({ status: 400, code: 'refresh_token_not_found' });
  });

  it('is refused with tokens that this stack did not sign, or not for a user', async () => {
    const { session } = await signUp();
    const claims: JWTPayload = decodeJwt(session.access_token);
    const { kid = '' } = decodeProtectedHeader(session.access_token);
    const { privateKey } = await generateKeyPair('ES256');
    const [header, body, signature = ''] = session.access_token.split('.');
    const altered = Buffer.from(JSON.stringify({ ...claims, role: 'service_role' }));
    const forged = [
      new UnsecuredJWT(claims).encode(),
      await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey),
      await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', kid })
        .sign(new TextEncoder().encode(await (await send('/.well-known/jwks.json')).text())),
      [header, altered.toString('base64url'), signature].join('.'),
      [header, body, ''].join('.'),
      'nonsense',
    ];
    for (const token of forged) {
      for (const path of ['/user', '/admin/users']) {
        expect(await outcome(await send(path, { token }))).toEqual({
          status: 403,
          code: 'bad_jwt',
        });
      }
    }
    // the gateway puts the token of the key's role here
    expect(await outcome(await send('/user'))).toEqual({ status: 403, code: 'bad_jwt' });
    expect((await send('/user', { token: session.access_token })).status).toBe(200);
  });

  it('opens no admin route with the publishable key or an access token', async () => {
    const { supabase, user, session } = await signUp();
    const { admin } = supabase.auth;
    const attempts = await Promise.all([
      admin.listUsers(),
      admin.getUserById(user.id),
      admin.createUser({ email: newEmail(), password }),
      admin.updateUserById(user.id, { app_metadata: { role: 'admin' } }),
      admin.deleteUser(user.id),
      client().auth.admin.listUsers(),
    ]);
    for (const { error } of attempts)
      expect(error).toMatchObject({ status: 403, code: 'not_admin' });
    const unknown = await send('/admin/anything', { token: session.access_token });
    expect((await outcome(unknown)).code).toBe('not_admin');
  });
});

describe('an administrator', () => {
  const { admin } = client(secretKey).auth;

  it('creates a user whose role is in the token', async () => {
    const email = newEmail();
    const id = randomUUID();
    const { data, error } = await admin.createUser({
      id,
      email,
      password,
      email_confirm: true,
      app_metadata: { role: 'admin' },
      user_metadata: { name: 'Grace' },
    });
    expect(error).toBeNull();
    expect(data.user?.id).toBe(id);
    const signedIn = await client().auth.signInWithPassword({ email, password });
    expect(decodeJwt(signedIn.data.session?.access_token ?? '')).toMatchObject({
      role: 'authenticated',
      app_metadata: { provider: 'email', providers: ['email'], role: 'admin' },
      user_metadata: { name: 'Grace' },
    });
    const taken = await admin.createUser({ email, password });
    expect(taken.error).toMatchObject({ status: 422, code: 'email_exists' });
  });

  it('creates users who cannot sign in: unconfirmed, without password, or banned', async () => {
    const cases = [
      [{ password }, 'email_not_confirmed'],
      [{ email_confirm: true }, 'invalid_credentials'],
      [{ password, email_confirm: true, ban_duration: '24h' }, 'user_banned'],
    ] as const;
    for (const [attributes, code] of cases) {
      const email = newEmail();
      expect((await admin.createUser({ email, ...attributes })).error).toBeNull();
      const { error } = await client().auth.signInWithPassword({ email, password });
      expect(error).toMatchObject({ status: 400, code });
    }
  });

  it('reads, changes and deletes a user', async () => {
    const { user, supabase, session } = await signUp();
    const other = await signUp();
    const email = newEmail();
    const changed = await admin.updateUserById(user.id, {
      email,
      password: 'battery staple',
      app_metadata: { role: 'admin' },
    });
    expect(changed.data.user).toMatchObject({
      email,
      app_metadata: { provider: 'email', role: 'admin' },
      identities: [{ identity_data: { email } }],
    });
    expect((await supabase.auth.getUser()).error).not.toBeNull();
    const clash = await admin.updateUserById(user.id, { email: other.email });
    expect(clash.error).toMatchObject({ status: 422, code: 'email_exists' });
    expect((await admin.getUserById(user.id)).data.user?.email).toBe(email);

    const soft = await admin.deleteUser(user.id, true);
    expect(soft.error).toMatchObject({ status: 400, code: 'validation_failed' });
    expect((await admin.deleteUser(user.id)).error).toBeNull();
    const gone = await admin.getUserById(user.id);
    expect(gone.error).toMatchObject({ status: 404, code: 'user_not_found' });
    const orphan = await send('/user', { token: session.access_token });
    expect(await outcome(orphan)).toEqual({ status: 403, code: 'user_not_found' });
  });

  it('lists users page by page', async () => {
    const newest = [await signUp(), await signUp()].map(({ user }) => user.id).reverse();
    const { data, error } = await admin.listUsers({ page: 1, perPage: 1 });
    expect(error).toBeNull();
    expect(data.users.length).toBe(1);
    expect(data).toMatchObject({ aud: 'authenticated', nextPage: 2, total: expect.any(Number) });
    const all = await admin.listUsers({ perPage: 1000 });
    const ids = all.data.users.map(({ id }) => id).filter((id) => newest.includes(id));
    expect(ids).toEqual(newest);
    const response = await send('/admin/users?page=0', { key: secretKey });
    expect(await outcome(response)).toEqual({ status: 400, code: 'validation_failed' });
  });
});

describe('a program that speaks HTTP', () => {
  it('finds the public routes', async () => {
    expect((await send('/health')).status).toBe(200);
    expect(await (await send('/settings')).json()).toMatchObject({ mailer_autoconfirm: true });
    const response = await send('/.well-known/jwks.json');
    expect(response.headers.get('cache-control')).toContain('max-age=');
    const { keys } = (await response.json()) as { keys: object[] };
    expect(keys[0]).toMatchObject({ kty: 'EC', alg: 'ES256', use: 'sig', kid: expect.any(String) });
    expect(keys[0]).not.toHaveProperty('d');
  });

  it.each([
    ['/nothing', 'GET', undefined, 404, 'not_found'],
    ['/signup', 'POST', '{"email"', 400, 'bad_json'],
    ['/signup', 'POST', '', 400, 'bad_json'],
    ['/signup', 'POST', '{"email":1}', 400, 'bad_json'],
    ['/signup', 'POST', `"${'x'.repeat(1024 * 1024)}"`, 413, 'request_entity_too_large'],
    ['/token?grant_type=magic', 'POST', '{}', 400, 'invalid_credentials'],
    ['/token?grant_type=refresh_token', 'POST', '{}', 400, 'validation_failed'],
  ])('is told what is wrong with %s', async (path, method, body, status, code) => {
    const response = await send(path, { method, ...(body !== undefined && { body }) });
    expect(await outcome(response)).toEqual({ status, code });
  });
});

describe('the app on its own', async () => {
  const signingKey = await readSigningKey(await generateSigningJwk());
  const post = (body: object) => ({ method: 'POST', body: JSON.stringify(body) });

  it('refuses a token an hour after it was signed', async () => {
    let now = Date.now();
    const app = createAuthApp({ sql, signingKey, issuer, now: () => now });
    const response = await app.request('/signup', post({ email: newEmail(), password }));
    const { access_token: token } = (await response.json()) as { access_token: string };
    const read = () => app.request('/user', { headers: { authorization: `Bearer ${token}` } });
    now += 3_599_000;
    expect((await read()).status).toBe(200);
    now += 2_000;
    expect(await outcome(await read())).toEqual({ status: 403, code: 'bad_jwt' });
    expect(await outcome(await app.request('/user'))).toEqual({
      status: 401,
      code: 'no_authorization',
    });
  });

  it('tells nothing of an unexpected error, and logs no password', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {});
    const broken = postgres('postgres://nobody:secret@127.0.0.1:1/none', { max: 1 });
    const app = createAuthApp({ sql: broken, signingKey, issuer });
    const response = await app.request('/signup', post({ email: newEmail(), password }));
    const body = await response.clone().text();
    expect(await outcome(response)).toEqual({ status: 500, code: 'unexpected_failure' });
    expect(body).not.toMatch(/ECONN|127\.0\.0\.1/);
    expect(log).toHaveBeenCalledOnce();
    expect(JSON.stringify(log.mock.calls)).not.toMatch(/secret|correct horse/);
    log.mockRestore();
    await broken.end();
  });
});
