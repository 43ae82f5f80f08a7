import { createDeliver } from './app.ts';

export default { fetch: createDeliver() };
