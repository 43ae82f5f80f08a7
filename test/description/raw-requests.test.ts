import { request as httpRequest } from 'node:http';
import { beforeAll, expect, inject, it } from 'vitest';
import { newUser, type Persona } from '../support/personas.ts';
import { createAnswerChecker } from './answer-checker.ts';

// what `fetch` does not send unchanged: bodies with GET, other methods, paths with dots

const check = createAnswerChecker(inject('description'));
const { hostname, port } = new URL(inject('stack').url);
const keys = '/api/v1/proxy/keys';
let owner: Persona;

beforeAll(async () => {
  owner = await newUser();
});

it.each([
  ['GET', keys, '{"label":"x"}', 200],
  ['GET', `${keys}?limit=1`, 'x'.repeat(20_000), 200],
  ['GET', '/api/v1/health', 'x'.repeat(20_000), 200],
  ['GET', '/api/v1/openapi.json', '[', 200],
  ['HEAD', keys, 'x'.repeat(20_000), 200],
  ['HEAD', '/api/v1/health', '', 200],
  ['HEAD', '/admin/proxy/keys', '', 403],
  ['HEAD', `${keys}/x/rotate`, '', 405],
  ['HEAD', '/api/v1/nowhere', '', 404],
  ['DELETE', `${keys}/x`, '', 404],
  ['DELETE', `${keys}/x`, '{"x":1}', 400],
  ['TRACE', keys, '', 405],
  ['PROPFIND', keys, '', 405],
  ['OPTIONS', keys, '', 204],
  ['POST', '/api/v1/nowhere', 'x'.repeat(20_000), 413],
  ['PUT', keys, 'x'.repeat(20_000), 413],
  ['GET', '/api/v1/proxy/../proxy/keys', '', 404],
  ['GET', '/api/v1/%2e%2e/v1/health', '', 404],
  ['GET', `${keys}/.`, '', 404],
  ['GET', `${keys}/..%2f`, '', 404],
  ['GET', '/api/v1//health', '', 404],
  ['GET', '/api/v1/health/', '', 404],
  ['GET', '/api/v1/health?%', '', 200],
  ['GET', `${keys}?limit=%ff`, '', 400],
])('the answer to %s %s matches its description', async (method, path, body, status) => {
  const answer = await send(method, path, body);
  expect([answer.status, check(answer)]).toEqual([status, []]);
});

/** Sends a request without normalizing it; neither the stack nor the function does either. */
function send(method: string, path: string, body: string) {
  const headers = {
    Authorization: `Bearer ${owner.token}`,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
  };
  return new Promise<Parameters<typeof check>[0]>((resolve, reject) => {
    const request = httpRequest({ hostname, port, method, path, headers });
    request.on('error', reject);
    request.on('response', async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({
        method,
        path: path.replace(/\?.*/, ''),
        status: response.statusCode ?? 0,
        headers: new Headers(response.headers as Record<string, string>),
        body: text,
      });
    });
    request.end(body);
  });
}
