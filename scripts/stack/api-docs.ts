import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Where a person reads the API's description: on this machine alone, as Edge Functions serve no HTML. */
export const apiDocsPath = '/api/v1/docs';

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>Proxy keys: the API</title>
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

// without a validator, to which it would send the description
const start = `SwaggerUIBundle({
  url: '/api/v1/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: null,
});
`;

interface Asset {
  type: string;
  read(): Promise<Buffer | string> | string;
}

const html = 'text/html; charset=utf-8';
const script = 'text/javascript; charset=utf-8';

/** Everything there is, by its path: no part of a request names a file. */
const assets = new Map<string, Asset>([
  [apiDocsPath, { type: html, read: () => page }],
  [`${apiDocsPath}/start.js`, { type: script, read: () => start }],
  ...['swagger-ui-bundle.js', 'swagger-ui.css', 'favicon-32x32.png'].map(
    (name): [string, Asset] => [
      `${apiDocsPath}/${name}`,
      { type: packagedType(name), read: () => readPackaged(name) },
    ],
  ),
]);

/** The paths that are answered here, and by no function. */
export const apiDocsPaths: ReadonlySet<string> = new Set(assets.keys());

/** Answers a request for the page or a part of it. False for any other, which it leaves alone. */
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
    // what it shows and loads is all of this origin
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

function packagedType(name: string): string {
  if (name.endsWith('.css')) return 'text/css; charset=utf-8';
  return name.endsWith('.png') ? 'image/png' : script;
}

/** A file of the package, found when it is asked for: a stack starts without it. */
function readPackaged(name: string): Promise<Buffer> {
  const description = createRequire(import.meta.url).resolve('swagger-ui-dist/package.json');
  return readFile(join(dirname(description), name));
}
