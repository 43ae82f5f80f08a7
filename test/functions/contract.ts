import { expect } from 'vitest';
import { z } from 'zod';

/** The routes that need a token, each with the status and the body of its success. */
export const protectedRoutes = [
  { method: 'POST', path: '/api/v1/proxy/keys', body: { label: 'prod-scraper' }, success: 201 },
  { method: 'GET', path: '/api/v1/proxy/keys', body: undefined, success: 200 },
  { method: 'POST', path: '/api/v1/proxy/keys/:id/rotate', body: undefined, success: 200 },
  { method: 'DELETE', path: '/api/v1/proxy/keys/:id', body: undefined, success: 204 },
  { method: 'GET', path: '/api/v1/proxy/usage', body: undefined, success: 200 },
  { method: 'POST', path: '/admin/proxy/keys/:id/reactivate', body: undefined, success: 200 },
] as const;

export type ProtectedRoute = (typeof protectedRoutes)[number];

/** What every answer lets a page of any origin read. */
export const exposedHeaders = [
  'Link',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'X-Request-Id',
];

const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
const keyFields = {
  id: z.uuidv7(),
  keyId: z.string().regex(/^avp_(live|test)_[0-9a-f]{12}$/),
  label: z.string(),
  tier: z.string(),
  liveMode: z.boolean(),
  bandwidthLimitBytes: z.int().nonnegative(),
  rateLimit: z.int().positive(),
  active: z.boolean(),
  createdAt: time,
};

/** The body of mint and of rotate. */
export const mintedAnswer = z.strictObject({
  key: z
    .strictObject({
      ...keyFields,
      secret: z.string().regex(/^[0-9a-f]{64}$/),
      basicAuth: z.string(),
      rotatedAt: time.nullable(),
    })
    .refine(({ keyId, secret, basicAuth }) => basicAuth === `${keyId}:${secret}`),
});

const summary = z.strictObject({
  ...keyFields,
  bandwidthUsedThisPeriodBytes: z.int().nonnegative(),
  lastUsedAt: time.nullable(),
});

/** The body of the list. */
export const listAnswer = z.array(summary);

/** The body of reactivate. */
export const reactivatedAnswer = z.strictObject({ key: summary });

/** The body of usage. */
export const usageAnswer = z.strictObject({
  totalBandwidthBytes: z.int().nonnegative(),
  totalRequests: z.int().nonnegative(),
  activeKeys: z.int().nonnegative(),
  tierBreakdown: z.record(z.string(), z.int().positive()),
});

const problemDocument = z.strictObject({
  type: z.url(),
  title: z.string().min(1),
  status: z.int(),
  detail: z.string().min(1),
  code: z.string().regex(/^[a-z]+(_[a-z]+)*$/),
  requestId: z.string(),
  errors: z.array(z.strictObject({ path: z.string(), message: z.string().min(1) })).optional(),
});

export type MintedKey = z.infer<typeof mintedAnswer>['key'];
export type KeySummary = z.infer<typeof summary>;

/** The body of a success of this status, which must have exactly the shape of `answer`. */
export async function expectAnswer<Answer extends z.ZodType>(
  response: Response,
  status: number,
  answer: Answer,
): Promise<z.infer<Answer>> {
  const body: unknown = await response.json();
  expect(response.status, JSON.stringify(body)).toBe(status);
  expect(response.headers.get('Content-Type')).toMatch(/^application\/json\b/);
  return answer.parse(body);
}

/** The problem document of a refusal, checked as far as all of them are alike. */
export async function expectProblem(
  response: Response,
  status: number,
  code: string,
): Promise<z.infer<typeof problemDocument>> {
  const problem = problemDocument.parse(await response.json());
  expect({ status: response.status, code: problem.code }).toEqual({ status, code });
  expect(problem.status).toBe(status);
  expect(response.headers.get('Content-Type')).toBe('application/problem+json');
  expect(problem.requestId).toBe(response.headers.get('X-Request-Id'));
  expectCommonHeaders(response);
  return problem;
}

/** What every answer carries, whatever it says. */
export function expectCommonHeaders({ headers }: Response): void {
  expect(headers.get('X-Request-Id')).toMatch(/^[\w=-]{1,64}$/);
  expect(headers.get('Cache-Control')).toBe('no-store');
  expect(headers.get('Access-Control-Allow-Origin')).toBe('*');
  expect(headers.has('Access-Control-Allow-Credentials')).toBe(false);
  expect(headers.get('Access-Control-Expose-Headers')?.split(/ *, */).sort()).toEqual(
    exposedHeaders,
  );
}
