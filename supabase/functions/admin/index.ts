import { dependenciesFromEnvironment } from '../_shared/environment.ts';
import { serve } from '../_shared/head-requests.ts';
import { createAdmin } from './app.ts';

export default { fetch: serve(createAdmin(dependenciesFromEnvironment()).fetch) };
