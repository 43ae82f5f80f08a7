import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { readBody, readOptionalBody } from './body.ts';
import type { AnyOperation, Method } from './operation.ts';
import { answersOf, parametersOf } from './operation-description.ts';
import { Problem } from './problem.ts';
import { readQuery } from './query.ts';
import { callerOf, type Dependencies, type ServiceEnv } from './service.ts';

/**
 * Declares all methods of one path, as routes and in the description. A path writes a parameter as
 * `{id}`. HEAD is answered like GET, without the body; any other method gets 405 with `Allow`.
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
    // built once: building a schema takes longer than parsing a query with it
    const query = definition.open ? null : z.strictObject(definition.query ?? {});
    app.on(method.toUpperCase(), route, async (context) => {
      const caller = await callerOf(dependencies, context, definition.open ?? false);
      return definition.handle({
        context,
        caller,
        // uptime monitors may add a parameter to bypass caches
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
      detail: `This path allows ${allowed}.`,
      headers: { Allow: allowed },
    });
  });
}

const noFields = z.strictObject({});

async function readFields(context: Context, body: z.ZodType | undefined, optional = false) {
  if (body && !optional) return readBody(context, body);
  // Hono serves HEAD through the GET route; the body of either has no meaning
  if (['GET', 'HEAD'].includes(context.req.method)) return undefined;
  // a route without fields refuses them rather than ignoring them
  return readOptionalBody(context, body ?? noFields);
}
