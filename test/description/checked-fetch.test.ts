import { createServer } from 'node:http';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { createProxyKeysClient } from '../../client/client.ts';
import { listenOnLoopback } from '../../scripts/stack/ports.ts';
import { newUser } from '../support/personas.ts';
import { createAnswerChecker } from './answer-checker.ts';
import { createCheckedFetch, UndescribedAnswer } from './checked-fetch.ts';

const createCheck = async () => createAnswerChecker(inject('description'));
const asIs = 'what nobody described';
const origin = 'http://127.0.0.1:1';

/** Answers everything with something that the API never sends. */
const answerWrongly: typeof fetch = async () =>
  new Response(asIs, { headers: { 'Content-Type': 'text/plain' } });

describe('a checked fetch', () => {
  const checked = createCheckedFetch({ fetch: answerWrongly, createCheck });

  it.each([
    '/api',
    '/api/v1/health',
    '/api/v1/proxy/keys?limit=1',
    '/admin/proxy/keys',
    '/functions/v1/api/v1/health',
    '/functions/v1/admin/proxy/keys',
  ])('throws if the answer for %s does not match its description', async (path) => {
    const url = `${origin}${path}`;
    for (const input of [url, new URL(url), new Request(url, { method: 'POST' })]) {
      await expect(checked(input)).rejects.toThrow(UndescribedAnswer);
    }
  });

  it('names the method, the path, the status and the deviation', async () => {
    const failed = checked(`${origin}/api/v1/health`, { method: 'get' });
    await expect(failed).rejects.toThrow(
      /^GET \/api\/v1\/health answered 200, .*\n {2}- X-Request-Id is missing\n/,
    );
  });

  it('also reports what it throws, as callers may mistake it for a lost connection', async () => {
    const reported: Error[] = [];
    const onDeviation = (error: Error) => reported.push(error);
    const telling = createCheckedFetch({ fetch: answerWrongly, createCheck, onDeviation });
    const error = await telling(`${origin}/api/v1/health`).catch((thrown) => thrown);
    expect(reported).toEqual([error]);
  });

  it.each(['/', '/rest/v1/x', '/auth/v1/admin/users', '/apis/v1', '/api/v1/docs', '/x/api/v1'])(
    'ignores %s, which no function serves',
    async (path) => {
      const response = await checked(`${origin}${path}`);
      expect(await response.text()).toBe(asIs);
    },
  );

  it('leaves the whole answer for the test to read', async () => {
    const { request } = await newUser();
    const response = await request('GET', '/api/v1/proxy/keys');
    expect([response.bodyUsed, await response.json()]).toEqual([false, []]);
  });

  it('does not read CSV, which streams without end', async () => {
    let pulls = 0;
    const body = new ReadableStream({ pull: () => void pulls++ }, { highWaterMark: 0 });
    const headers = {
      'Content-Type': 'text/csv; charset=utf-8; header=present',
      'X-Request-Id': 'r-1',
      'Cache-Control': 'no-store',
    };
    const streaming = createCheckedFetch({
      fetch: async () => new Response(body, { headers }),
      createCheck,
    });
    const response = await streaming('http://localhost/api/v1/proxy/keys/x/events');
    expect([response.body, pulls]).toEqual([body, 0]);
  });
});

describe('every test', () => {
  const server = createServer((_, response) => response.end(asIs));
  afterAll(() => server.close());

  it.fails('uses such a fetch, and fails even if it ignores the error', async () => {
    const port = await listenOnLoopback(server, 0, 'a server');
    await fetch(`http://127.0.0.1:${port}/api/v1/health`).catch(() => {});
  });

  it("uses it beneath its personas' requests", async () => {
    const user = await newUser();
    const asked: string[] = [];
    const installed = globalThis.fetch;
    globalThis.fetch = (input, init) => {
      asked.push(new URL(input instanceof Request ? input.url : input).pathname);
      return installed(input, init);
    };
    await user.request('GET', '/api/v1/proxy/usage');
    await createProxyKeysClient({ baseUrl: inject('stack').url, token: () => user.token }).GET(
      '/api/v1/proxy/keys',
    );
    globalThis.fetch = installed;
    expect(asked).toEqual(['/api/v1/proxy/usage', '/api/v1/proxy/keys']);
  });
});
