import { fileURLToPath } from 'node:url';

/** The checkout's folder, wherever the command was called from. */
export const projectRoot = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
