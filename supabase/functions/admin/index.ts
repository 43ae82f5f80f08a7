import { dependenciesFromEnvironment } from '../_shared/environment.ts';
import { serve } from '../_shared/head-requests.ts';
import { underName } from '../_shared/own-name.ts';
import { createAdmin } from './app.ts';

const app = createAdmin(dependenciesFromEnvironment());

export default { fetch: underName('admin', serve(app.fetch)) };
