import { describe, expect, inject, it } from 'vitest';
import { resolve, routesOf, type Schema } from './description.ts';
import { unseenAnswers } from './seen-answers.ts';

const description = inject('description');
const routes = routesOf(description).map((route) => ({
  ...route,
  statuses: Object.keys(route.operation.responses).map(Number),
}));

/** A schema and all its parts. */
function parts(schema: Schema): Schema[] {
  const whole = resolve(description, schema);
  const inner = [
    ...Object.values(whole.properties ?? {}),
    ...(whole.oneOf ?? []),
    ...(whole.items ? [whole.items] : []),
    ...(typeof whole.additionalProperties === 'object' ? [whole.additionalProperties] : []),
  ];
  return [whole, ...inner.flatMap(parts)];
}

describe.each(routes)('$method $path', ({ method, path, operation, statuses }) => {
  it('has one success, and can fail with 500 and 503', () => {
    expect(statuses.filter((status) => status < 400)).toHaveLength(1);
    expect(statuses).toEqual(expect.arrayContaining([500, 503]));
  });

  it('has the refusals of its parameters and body', () => {
    const takes = (place: string) => operation.parameters?.some((each) => each.in === place);
    const expected: [status: number, needed: boolean | undefined][] = [
      [401, operation.security.length > 0],
      [403, path.startsWith('/admin/') || undefined],
      [404, path.includes('{id}') || undefined],
      [400, operation.requestBody !== undefined || takes('query') || takes('header') || undefined],
      [413, method !== 'GET'],
      [415, method !== 'GET'],
      [422, takes('header') ?? false],
      [429, method !== 'GET'],
    ];
    for (const [status, needed] of expected) {
      // some operations can be refused with this status for another reason too
      if (needed !== undefined)
        expect([status, statuses.includes(status)]).toEqual([status, needed]);
    }
  });

  it('declares the rate limit headers on writes, and only there', () => {
    for (const [status, { headers = {} }] of Object.entries(operation.responses)) {
      const limits = ['RateLimit', 'RateLimit-Policy'].map((name) => headers[name]?.required);
      if (status === '429') expect(limits, status).toEqual([true, true]);
      else if (Number(status) < 400 && method !== 'GET') expect(limits).toEqual([false, false]);
      else expect(limits, status).toEqual([undefined, undefined]);
    }
  });

  it('declares the common headers on every answer, and problem documents on refusals', () => {
    for (const [status, { headers, content }] of Object.entries(operation.responses)) {
      expect(headers, status).toMatchObject({
        'X-Request-Id': { required: true },
        'Cache-Control': { required: true },
      });
      if (Number(status) >= 400) {
        expect(Object.keys(content ?? {})).toEqual(['application/problem+json']);
      }
    }
  });

  it('declares all fields of each object, so that any other is a deviation', () => {
    const { requestBody, responses } = operation;
    const contents = [
      requestBody?.content,
      ...Object.values(responses).map((each) => each.content),
    ];
    for (const schema of contents.flatMap((content) => Object.values(content ?? {}))) {
      for (const part of parts(schema.schema)) {
        // the description itself is not described
        if (part.type !== 'object' || part.properties?.openapi) continue;
        expect(part.additionalProperties, JSON.stringify(part)).toBeDefined();
        expect(part.additionalProperties).not.toBe(true);
      }
    }
  });
});

it('every route is described once, with a unique operationId', () => {
  const names = routes.map(({ operation }) => operation.operationId);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(17);
});

it('described answers that a run has not seen are listed', () => {
  const all = routes.flatMap(({ method, path, statuses }) =>
    statuses.map((status): [string, string, number] => [
      method,
      path.replace('{id}', 'avp_live_x'),
      status,
    ]),
  );
  expect(unseenAnswers(description, all)).toEqual([]);
  expect(unseenAnswers(description, all.slice(1))).toEqual(['GET /api/v1/health 200']);
  expect(unseenAnswers(description, [])).toHaveLength(all.length);
});
