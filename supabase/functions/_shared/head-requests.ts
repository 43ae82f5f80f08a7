import type { MiddlewareHandler } from 'hono';

// Hono answers HEAD as GET and drops the body, so that the runtime would say that GET has 0 bytes

/** Says in an answer to HEAD how many bytes that to GET has, unless it is a stream. */
export const sayLength: MiddlewareHandler = async (context, next) => {
  await next();
  if (context.req.method !== 'HEAD' || context.res.body === null) return;
  const { byteLength } = await context.res.clone().arrayBuffer();
  context.res.headers.set('Content-Length', String(byteLength));
};

/** An app's `fetch` for the runtime: one that says no length for HEAD where GET has a stream. */
export function serve(
  fetch: (request: Request) => Response | Promise<Response>,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const response = await fetch(request);
    if (request.method !== 'HEAD' || response.headers.has('Content-Length')) return response;
    // never sent, but of no known length
    return new Response(new Blob().stream(), response);
  };
}
