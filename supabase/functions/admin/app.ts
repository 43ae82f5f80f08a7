import type { OpenAPIHono } from '@hono/zod-openapi';
import { createService, type Dependencies, type ServiceEnv } from '../_shared/service.ts';
import { declareWebhooks, operatorWebhooks } from '../_shared/webhook-routes.ts';
import { declareAdminAccount } from './account.ts';
import { declareAnyKey } from './any-key.ts';
import { declareAdminGrants } from './grants.ts';
import { declareAdminKeys } from './keys.ts';
import { declareAdminUsers } from './users.ts';

/** The admins' API: a pure Request → Response app. The database decides which users are admins. */
export function createAdmin(dependencies: Dependencies): OpenAPIHono<ServiceEnv> {
  const app = createService(dependencies);
  declareAdmin(app, dependencies);
  return app;
}

/** All routes for admins. */
export function declareAdmin(app: OpenAPIHono<ServiceEnv>, dependencies: Dependencies): void {
  declareAdminKeys(app, dependencies);
  declareAnyKey(app, dependencies);
  declareAdminUsers(app, dependencies);
  declareAdminGrants(app, dependencies);
  declareAdminAccount(app, dependencies);
  declareWebhooks(app, dependencies, operatorWebhooks);
}
