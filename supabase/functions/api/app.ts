import type { Hono } from 'hono';
import { createService, type Dependencies, type ServiceEnv } from '../_shared/service.ts';
import { declareHealth } from './health.ts';
import { declareKeys } from './keys.ts';
import { declareUsage } from './usage.ts';

/** The developer's API: a pure Request → Response app over what it depends on. */
export function createApi(dependencies: Dependencies): Hono<ServiceEnv> {
  const app = createService(dependencies);
  declareHealth(app, dependencies);
  declareKeys(app, dependencies);
  declareUsage(app, dependencies);
  return app;
}
