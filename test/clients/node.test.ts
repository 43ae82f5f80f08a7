import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, inject, it } from 'vitest';
import { newUser, password } from '../support/personas.ts';
import { journeyFound } from './journey.ts';

const { url, publishableKey } = inject('stack');
const script = fileURLToPath(new URL('./run-journey.ts', import.meta.url));
/** The Node that runs these tests, and the one in `NODE_22_BIN`. */
const nodes = [process.execPath, ...(process.env.NODE_22_BIN ? [process.env.NODE_22_BIN] : [])];

it.each(nodes)('all of a developer’s calls work over supabase-js in %s', async (node) => {
  const { email } = await newUser();
  const running = promisify(execFile)(node, [script], { env: {} });
  running.child.stdin?.end(JSON.stringify({ url, publishableKey, email, password }));
  const { stdout } = await running;
  expect(JSON.parse(stdout)).toEqual(journeyFound);
});
