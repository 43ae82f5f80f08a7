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

/** Answers everything with what the API would never say. */
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
  ])('throws where %s is answered otherwise than described', async (path) => {
    const url = `${origin}${path}`;
    for (const input of [url, new URL(url), new Request(url, { method: 'POST' })]) {
      await expect(checked(input)).rejects.toThrow(UndescribedAnswer);
    }
  });

  it('names the method, the path, the status and what is wrong', async () => {
    const failed = checked(`${origin}/api/v1/health`, { method: 'get' });
    await expect(failed).rejects.toThrow(
      /^GET \/api\/v1\/health answered 200, .*\n {2}- X-Request-Id is missing\n/,
    );
  });

  it('tells what it has thrown, for who takes it for a lost connection', async () => {
    const told: Error[] = [];
    const onDeviation = (error: Error) => told.push(error);
    const telling = createCheckedFetch({ fetch: answerWrongly, createCheck, onDeviation });
    const error = await telling(`${origin}/api/v1/health`).catch((thrown) => thrown);
    expect(told).toEqual([error]);
  });

  it.each(['/', '/rest/v1/x', '/auth/v1/admin/users', '/apis/v1', '/api/v1/docs', '/x/api/v1'])(
    'leaves %s alone, which no function answers',
    async (path) => {
      const response = await checked(`${origin}${path}`);
      expect(await response.text()).toBe(asIs);
    },
  );

  it('leaves a test the whole answer to read', async () => {
    const { request } = await newUser();
    const response = await request('GET', '/api/v1/proxy/keys');
    expect([response.bodyUsed, await response.json()]).toEqual([false, []]);
  });

  it('does not read CSV, which has no end', async () => {
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

  it.fails('has such a fetch, and fails also where it takes no notice', async () => {
    const port = await listenOnLoopback(server, 0, 'a server');
    await fetch(`http://127.0.0.1:${port}/api/v1/health`).catch(() => {});
  });

  it('has it under what its personas ask', async () => {
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
