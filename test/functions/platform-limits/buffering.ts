import { dependenciesFromEnvironment } from '../../../supabase/functions/_shared/environment.ts';
import { createApi } from '../../../supabase/functions/api/app.ts';

const api = createApi(dependenciesFromEnvironment());

// what the API must not do: it holds the whole answer in memory before it sends any of it
export default {
  async fetch(request: Request): Promise<Response> {
    const answer = await api.fetch(request);
    return new Response(await answer.arrayBuffer(), answer);
  },
};
