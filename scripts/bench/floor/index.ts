import { dependenciesFromEnvironment } from '../../../supabase/functions/_shared/environment.ts';
import {
  createService,
  declareResource,
  requireCaller,
} from '../../../supabase/functions/_shared/service.ts';

// What any route of the service costs at least: its middlewares, a checked token, one empty RPC.
const dependencies = dependenciesFromEnvironment();
const app = createService(dependencies);
declareResource(app, '/floor', {
  GET: async (context) => {
    const caller = await requireCaller(dependencies, context);
    return context.json({ status: await dependencies.callDatabase(caller, 'proxy_health') });
  },
});

export default { fetch: app.fetch };
