import { randomUUID } from 'node:crypto';
import { corsHeaders } from '@supabase/supabase-js/cors';
import { describe, expect, inject, it } from 'vitest';
import { expectCommonHeaders, openRoutes, protectedRoutes } from '../support/contract.ts';

const { url } = inject('stack');

/** The headers that a page may send; a browser lists them in lower case, sorted. */
const sentHeaders = [
  'apikey',
  'authorization',
  'baggage',
  'content-type',
  'idempotency-key',
  'traceparent',
  'tracestate',
  'x-client-info',
  'x-region',
  'x-request-id',
  'x-retry-count',
];

const routes = [
  ...protectedRoutes.map(({ method, path }) => ({ method: method as string, path })),
  ...openRoutes.map((path) => ({ method: 'GET', path })),
];
const asked = routes.flatMap(({ method, path }) =>
  method === 'GET'
    ? [
        { method, path },
        { method: 'HEAD', path },
      ]
    : [{ method, path }],
);

/** A preflight, which has no token. */
function preflight(path: string, method: string, headers: string): Promise<Response> {
  return fetch(`${url}${path.replace(':id', randomUUID())}`, {
    method: 'OPTIONS',
    headers: {
      Origin: 'https://dashboard.example',
      'Access-Control-Request-Method': method,
      'Access-Control-Request-Headers': headers,
      'Sec-Fetch-Mode': 'cors',
    },
  });
}

const list = ({ headers }: Response, name: string) =>
  (headers.get(name) ?? '').toLowerCase().split(/ *, */);

describe.each(asked)('a page that sends $method $path', ({ method, path }) => {
  it.each([
    ['the public form', ''],
    ["the platform's form", '/functions/v1'],
  ])('may send all headers of supabase-js under %s', async (_, prefix) => {
    const response = await preflight(`${prefix}${path}`, method, sentHeaders.join(','));
    expect(response.status).toBe(204);
    expect(await response.text()).toBe('');
    expectCommonHeaders(response);
    expect(list(response, 'Access-Control-Allow-Methods')).toContain(method.toLowerCase());
    expect(list(response, 'Access-Control-Allow-Headers')).toEqual(
      expect.arrayContaining(sentHeaders),
    );
  });
});

it('a page may send no other header', async () => {
  const response = await preflight('/api/v1/proxy/keys', 'POST', 'x-else');
  expect(list(response, 'Access-Control-Allow-Headers').toSorted()).toEqual(sentHeaders);
});

it('the allowed headers include all that supabase-js declares', () => {
  const sent = new Headers(corsHeaders).get('Access-Control-Allow-Headers')?.split(/ *, */);
  expect(sent?.length).toBeGreaterThan(4);
  expect(sentHeaders).toEqual(expect.arrayContaining(sent ?? []));
});
