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

/** What a service needs from its surroundings; tests and `index.ts` bring their own. */
export interface Dependencies {
  authenticate: Authenticate;
  callDatabase: CallDatabase;
  /** Logs failures that are ours, without anything of the caller's. */
  logFailure(failure: { requestId: string; code: string; cause: string }): void;
}

export type ServiceEnv = {
  Variables: RequestIdVariables & {
    /** What the database has said for the answer's headers. */
    databaseHeaders: Headers;
  };
};

const maxBodyBytes = 16 * 1024;

const { 'Access-Control-Allow-Headers': sentBySupabase = '' } = corsHeaders;
/** What supabase-js sends by itself, the region in which it invokes a function, and what is ours. */
const allowedHeaders = [
  ...sentBySupabase.split(/ *, */),
  'x-region',
  'Idempotency-Key',
  'X-Request-Id',
];

/**
 * A Hono app with what every route of every function has: request ids, CORS, no caching, a limit on
 * the body, and problem documents for all that is refused or fails.
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
        // what a problem says itself is in the form that the description has
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
          detail: `The body is over ${maxBodyBytes} bytes.`,
        });
      },
    }),
  );
  app.notFound((context) =>
    respondWithProblem(context, new Problem('not_found', { detail: 'There is no such path.' })),
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

/** Tells the operator of what is ours to fix; a refusal is not. */
export function tellFailure({ logFailure }: Dependencies, requestId: string, error: unknown): void {
  const { code, options } = problemOf(error);
  if (code !== 'internal' && code !== 'unavailable') return;
  logFailure({ requestId, code, cause: nameCause(options.cause) });
}

/** Who is behind a request: the anonymous role where it is `open`, else a signed-in user, or a Problem. */
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

/** What the path calls a key: its uuid or its keyId. */
export function keyReference(context: Context<ServiceEnv>): string {
  const id = context.req.param('id') ?? '';
  // what no column can hold names no key, and nor does the empty text: so the answer is the same
  return isStorable(id) ? id : '';
}

/** What names nothing: all zeros. */
const nilUuid = '00000000-0000-0000-0000-000000000000';

/** The uuid in a place of the path; one that names nothing where there is another text. */
export function uuidOf(context: Context<ServiceEnv>, name: string): string {
  const text = context.req.param(name) ?? '';
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text) ? text : nilUuid;
}

/** The kind of an error, never its text, which may quote a row. */
function nameCause(cause: unknown): string {
  if (cause instanceof VersionMismatch) return `${cause.code}: ${cause.message}`;
  if (typeof cause === 'object' && cause !== null && 'code' in cause) return String(cause.code);
  return cause instanceof Error ? cause.name : 'unknown';
}
