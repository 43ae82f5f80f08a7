import type { Hono } from 'hono';
import { usageSummary } from '../_shared/key-schemas.ts';
import {
  type Dependencies,
  declareResource,
  requireCaller,
  type ServiceEnv,
} from '../_shared/service.ts';

/** `GET /api/v1/proxy/usage`: the current calendar month (UTC) over all of the caller's keys. */
export function declareUsage(app: Hono<ServiceEnv>, dependencies: Dependencies): void {
  declareResource(app, '/api/v1/proxy/usage', {
    GET: async (context) => {
      const caller = await requireCaller(dependencies, context);
      const totals = await dependencies.callDatabase(caller, 'proxy_usage_summary');
      return context.json(usageSummary.parse(totals));
    },
  });
}
