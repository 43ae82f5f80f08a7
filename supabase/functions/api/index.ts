import { dependenciesFromEnvironment } from '../_shared/environment.ts';
import { serve } from '../_shared/head-requests.ts';
import { underName } from '../_shared/own-name.ts';
import { createApi } from './app.ts';

const app = createApi(dependenciesFromEnvironment());

export default { fetch: underName('api', serve(app.fetch)) };
