import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { projectRoot } from './project-root.ts';

/** The path of the API docs page: only on the local stack, as Edge Functions do not serve HTML. */
export const apiDocsPath = '/api/v1/docs';

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>Proxy Keys API</title>
    <link rel="stylesheet" href="${apiDocsPath}/swagger-ui.css">
    <link rel="icon" type="image/png" href="${apiDocsPath}/favicon-32x32.png">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="${apiDocsPath}/swagger-ui-bundle.js"></script>
    <script src="${apiDocsPath}/start.js"></script>
  </body>
</html>
`;

// no validator: the page would send it the description
const start = `SwaggerUIBundle({
  url: '/api/v1/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: null,
});
`;

const script = 'text/javascript; charset=utf-8';
const packaged = (name: string) => () =>
  readFile(join(projectRoot, 'node_modules/swagger-ui-dist', name));

/** All assets by path: no part of a request is used as a file name. */
const assets = new Map<string, { type: string; read(): Promise<Buffer> | string }>([
  [apiDocsPath, { type: 'text/html; charset=utf-8', read: () => page }],
  [`${apiDocsPath}/start.js`, { type: script, read: () => start }],
  [`${apiDocsPath}/swagger-ui-bundle.js`, { type: script, read: packaged('swagger-ui-bundle.js') }],
  [
    `${apiDocsPath}/swagger-ui.css`,
    { type: 'text/css; charset=utf-8', read: packaged('swagger-ui.css') },
  ],
  [`${apiDocsPath}/favicon-32x32.png`, { type: 'image/png', read: packaged('favicon-32x32.png') }],
]);

/** The paths that are served here rather than by a function. */
export const apiDocsPaths: ReadonlySet<string> = new Set(assets.keys());

/** Answers a request for the page or one of its assets. Returns false for any other request. */
export async function serveApiDocs(
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const asset = assets.get(request.url?.replace(/[?#].*$/s, '') ?? '');
  if (!asset || (request.method !== 'GET' && request.method !== 'HEAD')) return false;
  const body = await asset.read();
  response.writeHead(200, {
    'Content-Type': asset.type,
    'Content-Length': Buffer.byteLength(body),
    // the page loads everything from this origin
    'Content-Security-Policy':
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
      "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
  return true;
}
