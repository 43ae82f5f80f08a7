import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { readBody, readOptionalBody } from './body.ts';
import type { AnyOperation, Method } from './operation.ts';
import { answersOf, parametersOf } from './operation-description.ts';
import { Problem } from './problem.ts';
import { readQuery } from './query.ts';
import { callerOf, type Dependencies, type ServiceEnv } from './service.ts';

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
