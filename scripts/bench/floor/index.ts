import { z } from '@hono/zod-openapi';
import { declarePath } from '../../../supabase/functions/_shared/declare-path.ts';
import { dependenciesFromEnvironment } from '../../../supabase/functions/_shared/environment.ts';
import { operation } from '../../../supabase/functions/_shared/operation.ts';
import { createService } from '../../../supabase/functions/_shared/service.ts';

// The minimum cost of a route of the service: its middleware, a verified token, one empty RPC.
const dependencies = dependenciesFromEnvironment();
const app = createService(dependencies);
declarePath(app, dependencies, '/floor', {
  get: operation({
    operationId: 'floor',
    summary: 'One empty RPC',
    tag: 'Service',
    success: {
      status: 200,
      description: 'Done.',
      content: { 'application/json': z.object({ status: z.string() }) },
    },
    problems: [],
    handle: async ({ context, caller }) =>
      context.json({ status: await dependencies.callDatabase(caller, 'proxy_health') }),
  }),
});

export default { fetch: app.fetch };
