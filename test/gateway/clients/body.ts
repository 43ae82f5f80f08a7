import { randomBytes } from 'node:crypto';

/** The text that clients read, which compresses badly. */
export const body = randomBytes(50_000).toString('base64');
