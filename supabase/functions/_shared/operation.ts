import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { readBody, readOptionalBody } from './body.ts';
import type { Caller } from './database.ts';
import { answersOf, parametersOf, type RequestParts } from './operation-description.ts';
import { Problem, type ProblemCode } from './problem.ts';
import { readQuery } from './query.ts';
import { callerOf, type Dependencies, type ServiceEnv } from './service.ts';

export type Method = 'get' | 'post' | 'patch' | 'delete';

/** What a handler is given: all that was sent, read and checked. */
export interface OperationRequest<Query extends z.ZodRawShape, Body extends z.ZodType> {
  context: Context<ServiceEnv>;
  caller: Caller;
  query: z.output<z.ZodObject<Query>>;
  body: z.output<Body>;
}

/** One method of one path: how it is described, what it takes and answers, and what it does. */
export interface Operation<Query extends z.ZodRawShape, Body extends z.ZodType>
  extends RequestParts<Query, Body> {
  operationId: string;
  summary: string;
  description?: string;
  tag: 'Keys' | 'Usage' | 'Admin' | 'Service';
  /** Needs no token. */
  open?: true;
  success: {
    status: 200 | 201 | 204;
    description: string;
    /** Of the body, by media type; none without a body. */
    content?: Record<string, z.ZodType>;
    /** Headers of this answer beside those of every answer. */
    headers?: Record<string, z.ZodType>;
  };
  /** The refusals of its own, beside those that every operation of its kind can meet. */
  problems: ProblemCode[];
  handle(request: OperationRequest<Query, Body>): Promise<Response>;
}

// biome-ignore lint/suspicious/noExplicitAny: each operation has types of its own
export type AnyOperation = Operation<any, any>;

/** Types an operation by its own query and body. */
export function operation<
  Query extends z.ZodRawShape = Record<never, never>,
  Body extends z.ZodType = z.ZodUndefined,
>(definition: Operation<Query, Body>): AnyOperation {
  return definition;
}

/**
 * Declares all methods of one path, as routes and in the description. A path names a parameter as
 * `{id}`. HEAD is answered as GET is, without the body; any other method 405 with what is allowed.
 */
export function declarePath(
  app: OpenAPIHono<ServiceEnv>,
  dependencies: Dependencies,
  path: string,
  operations: Partial<Record<Method, AnyOperation>>,
): void {
  const route = path.replace(/\{(\w+)\}/g, ':$1');
  for (const [method, definition] of Object.entries(operations) as [Method, AnyOperation][]) {
    app.openAPIRegistry.registerPath(
      createRoute({
        method,
        path,
        operationId: definition.operationId,
        summary: definition.summary,
        ...(definition.description ? { description: definition.description } : {}),
        tags: [definition.tag],
        security: definition.open ? [] : [{ accessToken: [] }],
        request: parametersOf(path, definition),
        responses: answersOf(method, path, definition),
      }),
    );
    // once, as making a schema takes longer than reading a query by it
    const query = definition.open ? null : z.strictObject(definition.query ?? {});
    app.on(method.toUpperCase(), route, async (context) => {
      const caller = await callerOf(dependencies, context, definition.open ?? false);
      return definition.handle({
        context,
        caller,
        // who watches a service may add what keeps caches away
        query: query ? readQuery(context, query) : {},
        body: await readFields(context, definition.body, definition.bodyOptional),
      });
    });
  }
  const allowed = Object.keys(operations)
    .flatMap((method) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]))
    .join(', ');
  app.all(route, () => {
    throw new Problem('method_not_allowed', {
      detail: `This path takes ${allowed}.`,
      headers: { Allow: allowed },
    });
  });
}

const noFields = z.strictObject({});

async function readFields(context: Context, body: z.ZodType | undefined, optional = false) {
  if (body && !optional) return readBody(context, body);
  // Hono serves HEAD by the GET route; neither has a body that means anything
  if (['GET', 'HEAD'].includes(context.req.method)) return undefined;
  // what takes no fields refuses them rather than to ignore them
  return readOptionalBody(context, body ?? noFields);
}
