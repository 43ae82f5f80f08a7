import { OpenAPIHono, z } from '@hono/zod-openapi';
import { declarePath } from '../_shared/declare-path.ts';
import { operation } from '../_shared/operation.ts';
import type { Dependencies, ServiceEnv } from '../_shared/service.ts';
import { describeWebhooks } from '../_shared/webhook-description.ts';
import { declareAdmin } from '../admin/app.ts';

/** `/api/v1/openapi.json`: every route of this function and of the admins' function. */
export function declareDescription(app: OpenAPIHono<ServiceEnv>, dependencies: Dependencies): void {
  let description: object | undefined;
  declarePath(app, dependencies, '/api/v1/openapi.json', {
    get: operation({
      operationId: 'getDescription',
      summary: 'Get this description',
      tag: 'Service',
      open: true,
      success: {
        status: 200,
        description: 'The OpenAPI 3.1 document.',
        content: { 'application/json': z.looseObject({ openapi: z.string() }) },
      },
      problems: [],
      handle: async ({ context }) => {
        description ??= describe(app, dependencies);
        return context.json(description);
      },
    }),
  });
}

function describe(app: OpenAPIHono<ServiceEnv>, dependencies: Dependencies): object {
  const all = new OpenAPIHono<ServiceEnv>().route('/', app);
  declareAdmin(all, dependencies);
  describeWebhooks(all);
  all.openAPIRegistry.registerComponent('securitySchemes', 'accessToken', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'The access token of a Supabase Auth user.',
  });
  return all.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Proxy keys',
      version: '1.0.0',
      description:
        'Mint, list, rotate and delete proxy keys, read their usage, and receive alerts.\n\n' +
        'Refusals are problem documents (RFC 9457) with a stable `code`. An unknown path gets 404 ' +
        '`not_found`, and an unsupported method 405 `method_not_allowed`. A body over 16 KiB gets 413 ' +
        '`payload_too_large` on any path. Unknown fields and parameters are refused. HEAD is answered ' +
        'like GET, without the body. `RateLimit` and `RateLimit-Policy` report what is left of the ' +
        'limit on each kind of write (draft-ietf-httpapi-ratelimit-headers-10).',
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
    },
    servers: [
      {
        url: '/',
        description: 'This origin. On a hosted project, prefix each path with /functions/v1.',
      },
    ],
    tags: [
      { name: 'Keys', description: 'Your proxy keys.' },
      { name: 'Usage', description: "Your keys' usage." },
      { name: 'Alerts', description: 'Your alerts, and the webhooks that they are sent to.' },
      { name: 'Admin', description: 'For admins: users whose `app_metadata.role` is `admin`.' },
      { name: 'Service', description: 'The health and description of the service.' },
    ],
  });
}
