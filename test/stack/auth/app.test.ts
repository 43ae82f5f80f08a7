import postgres from 'postgres';
import { describe, expect, it, vi } from 'vitest';
import { createAuthApp } from '../../../scripts/stack/auth/app.ts';
import { generateSigningJwk, readSigningKey } from '../../../scripts/stack/signing-keys.ts';
import { issuer, newEmail, outcome, password, sql } from './auth-client.ts';

describe('the Auth app without a stack', async () => {
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

  it('reveals nothing about an unexpected error, and logs no password', async () => {
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
