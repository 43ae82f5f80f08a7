import type { MiddlewareHandler } from 'hono';

// Hono answers HEAD like GET and drops the body, so the runtime would report a length of 0 bytes

/** Sets the response length of GET on the response to HEAD, unless it is a stream. */
export const sayLength: MiddlewareHandler = async (context, next) => {
  await next();
  if (context.req.method !== 'HEAD' || context.res.body === null) return;
  const { byteLength } = await context.res.clone().arrayBuffer();
  context.res.headers.set('Content-Length', String(byteLength));
};

/** An app's `fetch` for the runtime: HEAD gets no length where GET returns a stream. */
export function serve(
  fetch: (request: Request) => Response | Promise<Response>,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const response = await fetch(request);
    if (request.method !== 'HEAD' || response.headers.has('Content-Length')) return response;
    // never sent, but has no known length
    return new Response(new Blob().stream(), response);
  };
}
