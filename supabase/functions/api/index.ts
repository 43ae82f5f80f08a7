import { dependenciesFromEnvironment } from '../_shared/environment.ts';
import { serve } from '../_shared/head-requests.ts';
import { createApi } from './app.ts';

export default { fetch: serve(createApi(dependenciesFromEnvironment()).fetch) };
