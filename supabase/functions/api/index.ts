import { dependenciesFromEnvironment } from '../_shared/environment.ts';
import { createApi } from './app.ts';

export default { fetch: createApi(dependenciesFromEnvironment()).fetch };
