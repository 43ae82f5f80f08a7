import { type RouteConfig, z } from '@hono/zod-openapi';
import type { AnyOperation, Method } from './operation.ts';
import { type ProblemCode, problemCatalog } from './problem.ts';
import { problemSchemas } from './problem-schemas.ts';

const keyReference = z.string().openapi({
  description: "The key's uuid or keyId.",
  example: 'avp_live_64a231d7cae0',
});

const uuid = z.uuid();

/** The parameters of a path. */
function pathParameters(path: string): Record<string, z.ZodType> {
  return {
    ...(path.includes('{id}') ? { id: isOfWebhooks(path) ? uuid : keyReference } : {}),
    ...(path.includes('{deliveryId}') ? { deliveryId: uuid } : {}),
  };
}

const isOfWebhooks = (path: string) => path.includes('/webhooks/');

const idempotencyKey = z
  .string()
  .regex(/^[!-~]+$/)
  .max(255)
  .optional()
  .openapi({
    description:
      'Makes a retry safe: a request that succeeded with this value in the last 24 hours is not ' +
      'repeated (409 `already_done`). The secret is not stored, so a retry cannot return it: rotate ' +
      'the key.',
  });

/** The parameters and the body, for the description. */
export function parametersOf(path: string, operation: AnyOperation): RouteConfig['request'] & {} {
  const { query, body, bodyOptional, retried } = operation;
  return {
    ...(path.includes('{id}') ? { params: z.object(pathParameters(path)) } : {}),
    ...(query ? { query: z.object(query) } : {}),
    ...(retried ? { headers: z.object({ 'Idempotency-Key': idempotencyKey }) } : {}),
    ...(body
      ? { body: { required: !bodyOptional, content: { 'application/json': { schema: body } } } }
      : {}),
  };
}

const text = z.string();
const wholeSeconds = z.string().regex(/^\d+$/);

/** The headers of every response. */
const commonHeaders = {
  'X-Request-Id': text.openapi({
    description: "The request's `X-Request-Id` if it has a valid one, else a generated id.",
  }),
  'Cache-Control': z.literal('no-store'),
};

/** Additional headers by status. */
const statusHeaders: Record<number, Record<string, z.ZodType>> = {
  401: { 'WWW-Authenticate': z.literal('Bearer') },
  // only if the body's content coding is the problem
  415: { 'Accept-Encoding': z.literal('identity').optional() },
  429: { 'Retry-After': wholeSeconds, 'RateLimit-Policy': text, RateLimit: text },
  503: { 'Retry-After': wholeSeconds },
};

/** What is left of the limit on this kind of write; only the database knows which limit applies. */
const limitHeaders = { 'RateLimit-Policy': text.optional(), RateLimit: text.optional() };

/** Every response, for the description: the success, and the problems by status. */
export function answersOf(
  method: Method,
  path: string,
  operation: AnyOperation,
): RouteConfig['responses'] {
  const writes = method !== 'get';
  const { status, description, content, headers } = operation.success;
  const answers: RouteConfig['responses'] = {
    [status]: {
      description,
      headers: z.object({ ...commonHeaders, ...(writes ? limitHeaders : {}), ...headers }),
      ...(content
        ? {
            content: Object.fromEntries(
              Object.entries(content).map(([type, schema]) => [type, { schema }]),
            ),
          }
        : {}),
    },
  };
  for (const [problemStatus, codes] of byStatus(problemsOf(method, path, operation))) {
    const schemas = codes.map((code) => problemSchemas[code]) as [z.ZodObject, ...z.ZodObject[]];
    answers[problemStatus] = {
      description: codes.map((code) => `\`${code}\``).join(', '),
      headers: z.object({ ...commonHeaders, ...statusHeaders[problemStatus] }),
      content: {
        'application/problem+json': {
          schema: schemas.length === 1 ? schemas[0] : z.discriminatedUnion('code', schemas),
        },
      },
    };
  }
  return answers;
}

/** The operation's own refusals and those common to its kind. */
function problemsOf(method: Method, path: string, operation: AnyOperation): Set<ProblemCode> {
  const { open, retried, problems } = operation;
  return new Set<ProblemCode>([
    ...problems,
    ...(open ? [] : (['unauthorized', 'invalid_request'] as const)),
    ...(path.includes('{id}')
      ? [isOfWebhooks(path) ? ('webhook_not_found' as const) : ('not_found' as const)]
      : []),
    ...(method === 'get'
      ? []
      : (['payload_too_large', 'unsupported_media_type', 'rate_limited'] as const)),
    ...(retried ? (['already_done', 'idempotency_mismatch'] as const) : []),
    'internal',
    'unavailable',
  ]);
}

function byStatus(codes: Set<ProblemCode>): Map<number, ProblemCode[]> {
  const found = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    const [status] = problemCatalog[code];
    found.set(status, [...(found.get(status) ?? []), code]);
  }
  return found;
}
