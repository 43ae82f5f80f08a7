import { describe, expect, inject, it } from 'vitest';
import { ownMessages } from '../../scripts/stack/own-messages.ts';
import { type Answer, createAnswerChecker } from './answer-checker.ts';

const check = createAnswerChecker(inject('description'));
const common = { 'X-Request-Id': 'r-1', 'Cache-Control': 'no-store' };
const json = { ...common, 'Content-Type': 'application/json' };
const problemType = { ...common, 'Content-Type': 'application/problem+json' };
const keys = '/api/v1/proxy/keys';
const summary = {
  id: '019ab3c4-0000-7000-8000-000000000000',
  keyId: 'avp_live_64a231d7cae0',
  label: 'prod',
  tier: 'developer',
  liveMode: true,
  bandwidthUsedThisPeriodBytes: 0,
  bandwidthLimitBytes: 5_000_000_000,
  rateLimit: 10,
  active: true,
  state: 'active',
  quotaUsedUpBy: null,
  lastUsedAt: null,
  createdAt: '2026-11-22T10:00:00.000Z',
};
const minted = {
  id: summary.id,
  keyId: summary.keyId,
  secret: 'a'.repeat(64),
  basicAuth: `${summary.keyId}:${'a'.repeat(64)}`,
  label: 'prod',
  tier: 'developer',
  liveMode: true,
  bandwidthLimitBytes: 5_000_000_000,
  rateLimit: 10,
  active: true,
  createdAt: summary.createdAt,
  rotatedAt: summary.createdAt,
};

interface Given {
  method?: string;
  path?: string;
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

function answer({ method = 'GET', path = keys, status, headers, body }: Given): Answer {
  const text = typeof body === 'string' || body === null ? body : JSON.stringify(body);
  return { method, path, status, headers: new Headers(headers), body: text };
}

function problem(status: number, code: string, more: Record<string, unknown> = {}) {
  const type = `urn:proxy-keys:problem:${code}`;
  return { type, title: 'No', status, detail: 'No.', code, requestId: 'r-1', ...more };
}

const list: Given = { status: 200, headers: json, body: [summary] };
const refused: Given = {
  status: 401,
  headers: { ...problemType, 'WWW-Authenticate': 'Bearer' },
  body: problem(401, 'unauthorized'),
};
const limited = { 'RateLimit-Policy': '"rotate";q=5;w=60', RateLimit: '"rotate";r=4;t=60' };
const rotated: Given = {
  method: 'POST',
  path: `${keys}/x/rotate`,
  status: 200,
  headers: { ...json, ...limited },
  body: { key: minted },
};
const tooMany: Given = {
  method: 'DELETE',
  path: `${keys}/x`,
  status: 429,
  headers: { ...problemType, ...limited, 'Retry-After': '12' },
  body: problem(429, 'rate_limited'),
};
const compressed: Given = {
  method: 'POST',
  status: 415,
  headers: { ...problemType, 'Accept-Encoding': 'identity' },
  body: problem(415, 'unsupported_media_type'),
};
const health: Given = {
  path: '/api/v1/health',
  status: 200,
  headers: json,
  body: { status: 'ok' },
};
const deleted: Given = {
  method: 'DELETE',
  path: `${keys}/x`,
  status: 204,
  headers: common,
  body: '',
};
const csv: Given = {
  path: `${keys}/x/events`,
  status: 200,
  headers: {
    ...common,
    'Content-Type': 'text/csv; charset=utf-8; header=present',
    'Content-Disposition': 'attachment; filename="events.csv"',
  },
  body: null,
};
const notFound: Given = {
  path: '/api/v1/nowhere',
  status: 404,
  headers: problemType,
  body: problem(404, 'not_found'),
};
const notAllowed: Given = {
  method: 'PUT',
  status: 405,
  headers: { ...problemType, Allow: 'POST, GET, HEAD' },
  body: problem(405, 'method_not_allowed'),
};
const preflight: Given = {
  method: 'OPTIONS',
  status: 204,
  headers: { ...common, 'Access-Control-Allow-Origin': '*' },
  body: '',
};
const away: Given = {
  status: 503,
  headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
  body: { message: ownMessages.away },
};

describe('an answer that matches its description', () => {
  it.each<[string, Given]>([
    ['a list', list],
    ['a list with a next page', { ...list, headers: { ...json, Link: '<?cursor=x>; rel="next"' } }],
    ['a list requested by HEAD', { ...list, method: 'HEAD', body: '' }],
    ['a list by an encoded path', { ...list, path: '/api/v1/%70roxy/keys' }],
    ['a refusal', refused],
    ['a rotation', rotated],
    ['a rotation without limits', { ...rotated, headers: json }],
    ['a rate limit refusal', tooMany],
    ['a body with a content coding', compressed],
    ['an answer without a body', deleted],
    ['an answer for a key with an odd name', { ...deleted, path: `${keys}/%2F%00%ff%zz` }],
    ['CSV', csv],
    ['an unknown path', notFound],
    ['an unknown path requested by HEAD', { ...notFound, method: 'HEAD', body: '' }],
    ['a method that is not allowed', notAllowed],
    [
      'a body that is too large, whatever the path',
      { ...notFound, status: 413, body: problem(413, 'payload_too_large') },
    ],
    ['a preflight', preflight],
    ['the API gateway without a function', away],
    ['the API gateway, requested by HEAD', { ...away, method: 'HEAD', body: '' }],
    ['the API gateway while it starts', { ...away, body: { message: ownMessages.starting } }],
  ])('passes: %s', (_, given) => {
    expect(check(answer(given))).toEqual([]);
  });
});

const { label: _, ...unlabelled } = summary;
const { RateLimit: __, ...unlimited } = tooMany.headers;

describe('an answer that does not match its description', () => {
  it.each<[string, Given, RegExp]>([
    ['an undeclared status', { ...list, status: 201 }, /status is not declared/],
    ['an undeclared 500', { ...preflight, status: 500 }, /not answered 204/],
    ['another media type', { ...list, headers: { ...json, 'Content-Type': 'text/html' } }, /html/],
    ['no media type', { ...list, headers: common }, /no Content-Type/],
    [
      'a problem as plain JSON',
      { ...refused, headers: { ...refused.headers, ...json } },
      /json is/,
    ],
    ['a body that is not JSON', { ...list, body: '[' }, /not JSON/],
    ['another type', { ...list, body: { keys: [] } }, /body must be array/],
    ['an unknown field', { ...list, body: [{ ...summary, secret: 'x' }] }, /"secret"/],
    ['a missing field', { ...list, body: [unlabelled] }, /required property 'label'/],
    ['a null', { ...list, body: [{ ...summary, label: null }] }, /label must be string/],
    ['a time in another format', { ...list, body: [{ ...summary, createdAt: '1' }] }, /date-time/],
    ['an invalid id', { ...list, body: [{ ...summary, id: 'x' }] }, /uuid/],
    ['an invalid keyId', { ...list, body: [{ ...summary, keyId: 'x' }] }, /pattern/],
    ['a negative number', { ...list, body: [{ ...summary, rateLimit: 0 }] }, /rateLimit must be >/],
    [
      'the code of another problem',
      { ...refused, body: problem(401, 'forbidden') },
      /code must be equal to one of/,
    ],
    [
      "a problem's status that differs from the answer's",
      { ...refused, body: problem(401, 'unauthorized', { status: 403 }) },
      /status must be equal/,
    ],
    [
      'a problem of another request',
      { ...refused, body: problem(401, 'unauthorized', { requestId: 'r-2' }) },
      /requestId/,
    ],
    [
      'a code that is declared for another status',
      { ...rotated, status: 409, headers: problemType, body: problem(409, 'key_limit_reached') },
      /oneOf|one of/,
    ],
    ['a missing header', { ...tooMany, headers: unlimited }, /RateLimit is missing/],
    [
      'another content coding',
      { ...compressed, headers: { ...problemType, 'Accept-Encoding': 'gzip' } },
      /Accept-Encoding must be/,
    ],
    ['no request id', { ...deleted, headers: { 'Cache-Control': 'no-store' } }, /X-Request-Id is/],
    [
      'a header with another value',
      { ...deleted, headers: { ...common, 'Cache-Control': 'private' } },
      /Cache-Control must be/,
    ],
    ['a body with a 204', { ...deleted, body: '{}' }, /there is a body/],
    ['a media type with a 204', { ...deleted, headers: json }, /json is not declared/],
    ['a body with HEAD', { ...list, method: 'HEAD' }, /there is a body/],
    ['success on an unknown path', { ...notFound, status: 200 }, /status is not 404/],
    [
      'another code on an unknown path',
      { ...notFound, body: problem(404, 'user_not_found') },
      /body\/code/,
    ],
    [
      'an extra field on an unknown path',
      { ...notFound, body: problem(404, 'not_found', { stack: 'x' }) },
      /body\/stack/,
    ],
    ['no problem document', { ...notFound, headers: json }, /not a problem document/],
    ['text on an unknown path', { ...notFound, body: 'Not found' }, /not JSON/],
    ['a 404 for a method', { ...notAllowed, ...notFound, path: keys, method: 'PUT' }, /not 405/],
    [
      'an incomplete Allow',
      { ...notAllowed, headers: { ...notAllowed.headers, Allow: 'GET, HEAD' } },
      /Allow is "GET, HEAD"/,
    ],
    [
      'Allow without HEAD beside GET',
      { ...notAllowed, headers: { ...notAllowed.headers, Allow: 'GET, POST' } },
      /Allow is "GET, POST"/,
    ],
    ['no Allow', { ...notAllowed, headers: problemType }, /Allow is null/],
    ['a preflight with 200', { ...preflight, status: 200 }, /not answered 204/],
    ['a preflight that is refused', { ...preflight, headers: common }, /preflight is refused/],
    [
      "the API gateway's message with a request id",
      { ...away, headers: { ...away.headers, 'X-Request-Id': 'r-1' } },
      /not declared/,
    ],
    [
      "the API gateway's form with another message",
      { ...away, body: { message: 'x' } },
      /not declared/,
    ],
    ["the API gateway's failure", { ...away, status: 500, body: ownMessages.failed }, /declared/],
  ])('is caught: %s', (_, given, words) => {
    expect(check(answer(given)).join('\n')).toMatch(words);
  });

  it.each([
    'Accept-Encoding',
    'Allow',
    'Content-Disposition',
    'Link',
    'RateLimit',
    'RateLimit-Policy',
    'Retry-After',
    'WWW-Authenticate',
  ])('is caught: an undeclared %s', (name) => {
    const extra = { [name]: 'x' };
    for (const given of [health, preflight]) {
      const deviations = check(answer({ ...given, headers: { ...given.headers, ...extra } }));
      expect(deviations).toEqual([`${name} is not declared`]);
    }
  });
});
