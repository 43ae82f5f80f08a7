import { expect, it } from 'vitest';
import { underName } from '../../supabase/functions/_shared/own-name.ts';

const echo = underName('api', async (request) => {
  const { pathname, search } = new URL(request.url);
  return new Response(`${request.method} ${pathname}${search} ${await request.text()}`);
});

it.each([
  ['/api/v1/health', '/api/v1/health'],
  ['/proxy-api/v1/proxy/keys?limit=2', '/api/v1/proxy/keys?limit=2'],
  ['/proxy-api', '/api'],
  ['/', '/api'],
  ['/proxy-api/v1/%2Fx%20y', '/api/v1/%2Fx%20y'],
])('a function that is deployed under another name serves %s as %s', async (asked, served) => {
  const response = await echo(new Request(`http://localhost${asked}`));
  expect(await response.text()).toBe(`GET ${served} `);
});

it('it also forwards the method, headers and body', async () => {
  const response = await echo(
    new Request('http://localhost/proxy-api/v1/x', { method: 'POST', body: 'text' }),
  );
  expect(await response.text()).toBe('POST /api/v1/x text');
});
