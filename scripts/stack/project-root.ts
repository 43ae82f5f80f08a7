import { fileURLToPath } from 'node:url';

/** The checkout's folder, whatever the working directory. */
export const projectRoot = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
