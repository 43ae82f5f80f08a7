import { expect } from 'vitest';
import { z } from 'zod';
import { idleWebhook } from './webhook-scenes.ts';

export interface ProtectedRoute {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Placeholders: `:id` for a key, `:webhook` for a webhook, `:delivery` for its delivery. */
  path: string;
  /** The required query; `:user` is a placeholder for a user. */
  query?: string;
  /** With the same placeholders. */
  body?: Record<string, unknown>;
  /** The status of a success. */
  success: 200 | 201 | 204;
}

const reason = 'because';
const grant = { user: ':user', tier: 'enterprise', reason };

/** The routes for webhooks, of users or of the operator. */
const routesOfWebhooks = (base: string): ProtectedRoute[] => [
  { method: 'GET', path: base, success: 200 },
  { method: 'POST', path: base, body: idleWebhook, success: 201 },
  { method: 'PATCH', path: `${base}/:webhook`, body: { disabled: false }, success: 200 },
  { method: 'DELETE', path: `${base}/:webhook`, success: 204 },
  { method: 'POST', path: `${base}/:webhook/rotate`, success: 200 },
  { method: 'POST', path: `${base}/:webhook/test`, success: 201 },
  { method: 'GET', path: `${base}/:webhook/deliveries`, success: 200 },
  { method: 'POST', path: `${base}/:webhook/deliveries/:delivery/resend`, success: 200 },
];

/** The routes that need a token, each with its required input and the status of a success. */
export const protectedRoutes: ProtectedRoute[] = [
  { method: 'POST', path: '/api/v1/proxy/keys', body: { label: 'prod-scraper' }, success: 201 },
  { method: 'GET', path: '/api/v1/proxy/keys', success: 200 },
  { method: 'GET', path: '/api/v1/proxy/keys/attention', success: 200 },
  {
    method: 'POST',
    path: '/api/v1/proxy/keys/changes',
    body: { ids: [':id'], allowedIps: [] },
    success: 200,
  },
  { method: 'GET', path: '/api/v1/proxy/keys/:id', success: 200 },
  { method: 'PATCH', path: '/api/v1/proxy/keys/:id', body: { label: 'renamed' }, success: 200 },
  { method: 'DELETE', path: '/api/v1/proxy/keys/:id', success: 204 },
  { method: 'POST', path: '/api/v1/proxy/keys/:id/rotate', success: 200 },
  { method: 'GET', path: '/api/v1/proxy/keys/:id/events', success: 200 },
  { method: 'GET', path: '/api/v1/proxy/usage', success: 200 },
  { method: 'GET', path: '/api/v1/proxy/usage/keys', success: 200 },
  { method: 'GET', path: '/api/v1/proxy/usage/series', query: 'interval=day', success: 200 },
  { method: 'GET', path: '/api/v1/proxy/usage/targets', success: 200 },
  { method: 'GET', path: '/api/v1/proxy/usage/outcomes', success: 200 },
  { method: 'GET', path: '/api/v1/proxy/account', success: 200 },
  { method: 'GET', path: '/api/v1/proxy/alerts', success: 200 },
  { method: 'GET', path: '/api/v1/proxy/alerts/thresholds', success: 200 },
  {
    method: 'PATCH',
    path: '/api/v1/proxy/alerts/thresholds',
    body: { percents: [50, 100] },
    success: 200,
  },
  ...routesOfWebhooks('/api/v1/proxy/webhooks'),
  { method: 'GET', path: '/admin/proxy/keys', success: 200 },
  { method: 'GET', path: '/admin/proxy/keys/:id', success: 200 },
  { method: 'GET', path: '/admin/proxy/keys/:id/events', success: 200 },
  { method: 'GET', path: '/admin/proxy/keys/:id/audit', success: 200 },
  {
    method: 'GET',
    path: '/admin/proxy/keys/:id/usage/series',
    query: 'interval=day',
    success: 200,
  },
  { method: 'GET', path: '/admin/proxy/keys/:id/usage/outcomes', success: 200 },
  { method: 'GET', path: '/admin/proxy/users', success: 200 },
  { method: 'POST', path: '/admin/proxy/keys/:id/suspend', body: { reason }, success: 200 },
  { method: 'POST', path: '/admin/proxy/keys/:id/reactivate', success: 200 },
  {
    method: 'PATCH',
    path: '/admin/proxy/keys/:id/limits',
    body: { bandwidthLimitBytes: 1, rateLimit: 1, tunnelLimit: 1, reason },
    success: 200,
  },
  { method: 'GET', path: '/admin/proxy/grants', success: 200 },
  { method: 'POST', path: '/admin/proxy/grants', body: grant, success: 200 },
  { method: 'POST', path: '/admin/proxy/grants/revoke', body: grant, success: 204 },
  { method: 'GET', path: '/admin/proxy/account', query: 'user=:user', success: 200 },
  {
    method: 'PATCH',
    path: '/admin/proxy/account/limits',
    body: { ...grant, accountLimitBytes: 1, testLimitBytes: 1 },
    success: 200,
  },
  ...routesOfWebhooks('/admin/proxy/webhooks'),
];

/** A path of the API description with the placeholders of `ProtectedRoute`. */
export function ourNameOf(path: string): string {
  return path
    .replace('webhooks/{id}', 'webhooks/:webhook')
    .replace('{deliveryId}', ':delivery')
    .replace('{id}', ':id');
}

/** The routes that need no token. */
export const openRoutes = ['/api/v1/health', '/api/v1/openapi.json'];

/** The headers of every answer that a page of any origin can read. */
const exposedHeaders = ['Link', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'X-Request-Id'];

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
  state: z.enum(['active', 'quota_used_up', 'suspended', 'expired', 'owner_barred', 'deleted']),
  quotaUsedUpBy: z.enum(['key', 'account']).nullable(),
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

const detail = z.strictObject({
  ...summary.shape,
  tunnelLimit: z.int().positive(),
  limitOverrides: z.strictObject({
    bandwidthLimitBytes: z.int().nonnegative().optional(),
    rateLimit: z.int().positive().optional(),
    tunnelLimit: z.int().positive().optional(),
  }),
  rotatedAt: time.nullable(),
  graceEndsAt: time.nullable(),
  allowedIps: z.array(z.string()),
  expiresAt: time.nullable(),
  suspendedAt: time.nullable(),
  suspendedReason: z.string().nullable(),
  deletedAt: time.nullable(),
});

/** The body of one key, and of the routes that change one. */
export const keyAnswer = z.strictObject({ key: detail });

/** The body of the admins' list of keys. */
export const foundKeysAnswer = z.array(
  z.strictObject({
    ...detail.shape,
    userId: z.uuid().nullable(),
    email: z.email().nullable(),
  }),
);

const tierGrant = z.strictObject({
  userId: z.uuid(),
  tier: z.string(),
  grantedAt: time,
  grantedBy: z.uuid().nullable(),
  reason: z.string().nullable(),
});

/** The body of the list of grants. */
export const foundGrantsAnswer = z.array(
  z.strictObject({ ...tierGrant.shape, email: z.email().nullable() }),
);

const problemDocument = z.strictObject({
  type: z.url(),
  title: z.string().min(1),
  status: z.int(),
  detail: z.string().min(1),
  code: z.string().regex(/^[a-z]+(_[a-z]+)*$/),
  requestId: z.string(),
  errors: z.array(z.strictObject({ path: z.string(), message: z.string().min(1) })).optional(),
  // for already_done
  id: z.uuid().optional(),
});

export type MintedKey = z.infer<typeof mintedAnswer>['key'];
export type KeySummary = z.infer<typeof summary>;
export type KeyDetail = z.infer<typeof detail>;
export type FoundKey = z.infer<typeof foundKeysAnswer>[number];
export type TierGrant = z.infer<typeof tierGrant>;
export type FoundGrant = z.infer<typeof foundGrantsAnswer>[number];

/** Expects a success with this status and a body of exactly this shape; returns the body. */
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

/** Expects a refusal with this code; checks everything that all problem documents share. */
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

/** The headers of every answer. */
export function expectCommonHeaders({ headers }: Response): void {
  expect(headers.get('X-Request-Id')).toMatch(/^[\w=-]{1,64}$/);
  expect(headers.get('Cache-Control')?.split(', ')).toContain('no-store');
  expect(headers.get('Access-Control-Allow-Origin')).toBe('*');
  expect(headers.has('Access-Control-Allow-Credentials')).toBe(false);
  expect(headers.get('Access-Control-Expose-Headers')?.split(/ *, */).sort()).toEqual(
    exposedHeaders,
  );
}
