import { OpenAPIHono, z } from '@hono/zod-openapi';
import { declarePath } from '../_shared/declare-path.ts';
import { operation } from '../_shared/operation.ts';
import type { Dependencies, ServiceEnv } from '../_shared/service.ts';
import { describeWebhooks } from '../_shared/webhook-description.ts';
import { declareAdmin } from '../admin/app.ts';

/** `/api/v1/openapi.json`: every route of this function and of the admins' one. */
export function declareDescription(app: OpenAPIHono<ServiceEnv>, dependencies: Dependencies): void {
  let description: object | undefined;
  declarePath(app, dependencies, '/api/v1/openapi.json', {
    get: operation({
      operationId: 'getDescription',
      summary: 'This description',
      tag: 'Service',
      open: true,
      success: {
        status: 200,
        description: 'OpenAPI 3.1.',
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
    description: 'The access token of a user of Supabase Auth.',
  });
  return all.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Proxy keys',
      version: '0.1.0',
      description:
        'Mint, list, rotate and delete proxy keys, read what they used, and be alerted.\n\n' +
        'Refusals are problem documents (RFC 9457) with a stable `code`. A path or a method that is ' +
        'not here is 404 `not_found` or 405 `method_not_allowed`; a body over 16 KiB is 413 ' +
        '`payload_too_large`, wherever it is sent. Unknown fields and parameters are refused. HEAD is ' +
        'answered as GET is, without the body. `RateLimit` and `RateLimit-Policy` say what is left of ' +
        'the limit on a kind of write (draft-ietf-httpapi-ratelimit-headers-10).',
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
    },
    servers: [
      {
        url: '/',
        description: 'This origin; a hosted project has /functions/v1 before each path.',
      },
    ],
    tags: [
      { name: 'Keys', description: 'Your proxy keys.' },
      { name: 'Usage', description: 'What they used.' },
      { name: 'Alerts', description: 'What you are alerted to, and where that is sent.' },
      { name: 'Admin', description: 'For admins: `app_metadata.role` is `admin`.' },
      { name: 'Service', description: 'The service itself.' },
    ],
  });
}
