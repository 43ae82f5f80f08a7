import { OpenAPIHono } from '@hono/zod-openapi';
import { corsHeaders } from '@supabase/supabase-js/cors';
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { cors } from 'hono/cors';
import { type RequestIdVariables, requestId } from 'hono/request-id';
import type { Authenticate } from './authentication.ts';
import type { CallDatabase, Caller } from './database.ts';
import { sayLength } from './head-requests.ts';
import { Problem, respondWithProblem } from './problem.ts';
import { VersionMismatch } from './schema-version.ts';
import { isStorable } from './storable-text.ts';

/** What a service needs from outside; `index.ts` and tests each provide their own. */
export interface Dependencies {
  authenticate: Authenticate;
  callDatabase: CallDatabase;
  /** Logs our own failures, without any of the caller's data. */
  logFailure(failure: { requestId: string; code: string; cause: string }): void;
}

export type ServiceEnv = {
  Variables: RequestIdVariables & {
    /** The database's headers to forward in the response. */
    databaseHeaders: Headers;
  };
};

const maxBodyBytes = 16 * 1024;

const { 'Access-Control-Allow-Headers': sentBySupabase = '' } = corsHeaders;
/** The headers that supabase-js sends, including the region of a function, and our own. */
const allowedHeaders = [
  ...sentBySupabase.split(/ *, */),
  'x-region',
  'Idempotency-Key',
  'X-Request-Id',
];

/**
 * A Hono app with what all routes of all functions share: request ids, CORS, no caching, a body size
 * limit, and problem documents for every refusal and failure.
 */
export function createService(dependencies: Dependencies): OpenAPIHono<ServiceEnv> {
  const app = new OpenAPIHono<ServiceEnv>();
  app.use(
    sayLength,
    requestId({ limitLength: 64 }),
    async (context, next) => {
      context.header('Cache-Control', 'no-store');
      const fromDatabase = new Headers();
      context.set('databaseHeaders', fromDatabase);
      await next();
      for (const [name, value] of fromDatabase) {
        // a header that a problem set is already in the documented form
        if (!context.res.headers.has(name)) context.res.headers.set(name, value);
      }
    },
    cors({
      origin: '*',
      allowMethods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'OPTIONS'],
      allowHeaders: allowedHeaders,
      exposeHeaders: ['X-Request-Id', 'Retry-After', 'RateLimit', 'RateLimit-Policy', 'Link'],
      maxAge: 7200,
    }),
    bodyLimit({
      maxSize: maxBodyBytes,
      onError: () => {
        throw new Problem('payload_too_large', {
          detail: `The body is larger than ${maxBodyBytes} bytes.`,
        });
      },
    }),
  );
  app.notFound((context) =>
    respondWithProblem(context, new Problem('not_found', { detail: 'No such path exists.' })),
  );
  app.onError((error, context) => {
    const problem = problemOf(error);
    tellFailure(dependencies, context.get('requestId'), problem);
    return respondWithProblem(context, problem);
  });
  return app;
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem('internal', { detail: 'Something went wrong on our side.', cause: error });
}

/** Logs failures for the operator to fix. Refusals are not logged. */
export function tellFailure({ logFailure }: Dependencies, requestId: string, error: unknown): void {
  const { code, options } = problemOf(error);
  if (code !== 'internal' && code !== 'unavailable') return;
  logFailure({ requestId, code, cause: nameCause(options.cause) });
}

/** A request's caller: the anonymous role for an `open` route, else a signed-in user, or a Problem. */
export async function callerOf(
  { authenticate }: Dependencies,
  context: Context<ServiceEnv>,
  open: boolean,
): Promise<Caller> {
  return {
    token: open ? null : await authenticate(context.req.raw),
    requestId: context.get('requestId'),
    headers: context.get('databaseHeaders'),
  };
}

/** The key in the path: its uuid or keyId. */
export function keyReference(context: Context<ServiceEnv>): string {
  const id = context.req.param('id') ?? '';
  // text that Postgres cannot store is treated as an unknown key, which empty text also is
  return isStorable(id) ? id : '';
}

/** A uuid that identifies nothing. */
const nilUuid = '00000000-0000-0000-0000-000000000000';

/** The uuid in a path parameter; for any other text, one that identifies nothing. */
export function uuidOf(context: Context<ServiceEnv>, name: string): string {
  const text = context.req.param(name) ?? '';
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text) ? text : nilUuid;
}

/** An error's type, never its message, which may quote a row. */
function nameCause(cause: unknown): string {
  if (cause instanceof VersionMismatch) return `${cause.code}: ${cause.message}`;
  if (typeof cause === 'object' && cause !== null && 'code' in cause) return String(cause.code);
  return cause instanceof Error ? cause.name : 'unknown';
}
