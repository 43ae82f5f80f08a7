import { dependenciesFromEnvironment } from '../_shared/environment.ts';
import { createAdmin } from './app.ts';

export default { fetch: createAdmin(dependenciesFromEnvironment()).fetch };
