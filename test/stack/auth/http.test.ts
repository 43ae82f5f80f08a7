import { describe, expect, it } from 'vitest';
import { outcome, send } from './auth-client.ts';

describe('an HTTP client', () => {
  it('finds the public routes', async () => {
    expect((await send('/health')).status).toBe(200);
    expect(await (await send('/settings')).json()).toMatchObject({ mailer_autoconfirm: true });
    const response = await send('/.well-known/jwks.json');
    expect(response.headers.get('cache-control')).toContain('max-age=');
    const { keys } = (await response.json()) as { keys: object[] };
    expect(keys[0]).toMatchObject({ kty: 'EC', alg: 'ES256', use: 'sig', kid: expect.any(String) });
    for (const key of keys) expect(key).not.toHaveProperty('d');
  });

  it('finds no other route', async () => {
    expect((await send('/nothing')).status).toBe(404);
  });

  it.each([
    ['/signup', 'POST', '{"email"', 400, 'bad_json'],
    ['/signup', 'POST', '', 400, 'bad_json'],
    ['/signup', 'POST', '{"email":1}', 400, 'bad_json'],
    ['/signup', 'POST', `"${'x'.repeat(1024 * 1024)}"`, 413, 'request_entity_too_large'],
    ['/token?grant_type=magic', 'POST', '{}', 400, 'invalid_credentials'],
    ['/token?grant_type=refresh_token', 'POST', '{}', 400, 'validation_failed'],
  ])('gets the reason for a refusal by %s', async (path, method, body, status, code) => {
    const response = await send(path, { method, ...(body !== undefined && { body }) });
    expect(await outcome(response)).toEqual({ status, code });
  });
});
