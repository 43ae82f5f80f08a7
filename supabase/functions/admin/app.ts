import type { Hono } from 'hono';
import { refuseFields } from '../_shared/body.ts';
import { keySummary } from '../_shared/key-schemas.ts';
import {
  createService,
  type Dependencies,
  declareResource,
  keyReference,
  requireCaller,
  type ServiceEnv,
} from '../_shared/service.ts';

/** The admins' API: a pure Request → Response app. Who is an admin, the database decides. */
export function createAdmin(dependencies: Dependencies): Hono<ServiceEnv> {
  const app = createService(dependencies);
  declareResource(app, '/admin/proxy/keys/:id/reactivate', {
    POST: async (context) => {
      const caller = await requireCaller(dependencies, context);
      await refuseFields(context);
      const row = await dependencies.callDatabase(caller, 'reactivate_proxy_key', {
        id: keyReference(context),
      });
      return context.json({ key: keySummary.parse(row) });
    },
  });
  return app;
}
