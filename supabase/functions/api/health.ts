import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { declarePath } from '../_shared/declare-path.ts';
import { operation } from '../_shared/operation.ts';
import type { Dependencies, ServiceEnv } from '../_shared/service.ts';

/** `/api/v1/health`: 200 when the database answers, else 503. */
export function declareHealth(app: OpenAPIHono<ServiceEnv>, dependencies: Dependencies): void {
  declarePath(app, dependencies, '/api/v1/health', {
    get: operation({
      operationId: 'getHealth',
      summary: 'Check that the service works',
      tag: 'Service',
      open: true,
      success: {
        status: 200,
        description: 'The database responds.',
        content: { 'application/json': z.strictObject({ status: z.literal('ok') }) },
      },
      problems: [],
      handle: async ({ context, caller }) =>
        context.json({ status: await dependencies.callDatabase(caller, 'proxy_health') }),
    }),
  });
}
