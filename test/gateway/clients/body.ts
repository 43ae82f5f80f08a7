import { randomBytes } from 'node:crypto';

/** What clients read: text that a compression does not make much smaller. */
export const body = randomBytes(50_000).toString('base64');
