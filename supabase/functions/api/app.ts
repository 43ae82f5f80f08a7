import type { OpenAPIHono } from '@hono/zod-openapi';
import { createService, type Dependencies, type ServiceEnv } from '../_shared/service.ts';
import { declareWebhooks, ownWebhooks } from '../_shared/webhook-routes.ts';
import { declareAccount } from './account.ts';
import { declareAlerts } from './alerts.ts';
import { declareDescription } from './description.ts';
import { declareEvents } from './events.ts';
import { declareHealth } from './health.ts';
import { declareKey } from './key.ts';
import { declareKeys } from './keys.ts';
import { declareRollups } from './rollups.ts';
import { declareUsage } from './usage.ts';

/** The developers' API: a pure Request → Response app. */
export function createApi(dependencies: Dependencies): OpenAPIHono<ServiceEnv> {
  const app = createService(dependencies);
  declareHealth(app, dependencies);
  declareKeys(app, dependencies);
  declareKey(app, dependencies);
  declareEvents(app, dependencies);
  declareUsage(app, dependencies);
  declareRollups(app, dependencies);
  declareAccount(app, dependencies);
  declareAlerts(app, dependencies);
  declareWebhooks(app, dependencies, ownWebhooks);
  declareDescription(app, dependencies);
  return app;
}
