import type { Hono } from 'hono';
import { type Dependencies, declareResource, type ServiceEnv } from '../_shared/service.ts';

/** `GET /api/v1/health`: 200 when the database answers, else 503. Needs no token. */
export function declareHealth(app: Hono<ServiceEnv>, { callDatabase }: Dependencies): void {
  declareResource(app, '/api/v1/health', {
    GET: async (context) => {
      const caller = { token: null, requestId: context.get('requestId') };
      return context.json({ status: await callDatabase(caller, 'proxy_health') });
    },
  });
}
