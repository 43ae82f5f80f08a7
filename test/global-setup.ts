import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JWK } from 'jose';
import type { TestProject } from 'vitest/node';
import { makeTemplate } from '../scripts/stack/make-template.ts';
import { type Stack, startStack } from '../scripts/stack/stack.ts';
import { makeMemoryFolder } from './memory-folder.ts';

/** The stack as tests see it. */
export type TestStack = Pick<
  Stack,
  | 'url'
  | 'restUrl'
  | 'dbUrl'
  | 'gatewayDbUrl'
  | 'gatewayUrl'
  | 'gatewayMetricsUrl'
  | 'publishableKey'
  | 'secretKey'
  | 'logs'
> & {
  /** The private key that signs the stack's tokens, for tokens that Auth would not issue. */
  signingJwk: JWK;
};

declare module 'vitest' {
  export interface ProvidedContext {
    stack: TestStack;
  }
}

/** One ephemeral stack for all tests; each test creates its own users. */
export default async function setup(
  project: TestProject,
): Promise<(() => Promise<void>) | undefined> {
  if (project.vitest.projects.every(({ name }) => name === 'unit')) return undefined;
  await using undo = new AsyncDisposableStack();
  const memory = process.env.TMPDIR === undefined ? makeMemoryFolder() : null;
  if (memory !== null) {
    undo.defer(() => rmSync(memory, { recursive: true, force: true, maxRetries: 5 }));
    process.env.TMPDIR = memory;
  }
  const template = mkdtempSync(join(tmpdir(), 'template-of-tests-'));
  undo.defer(() => rmSync(template, { recursive: true, force: true, maxRetries: 5 }));
  // otherwise each process of the run compiles it again, which is half of its start time
  process.env.NODE_COMPILE_CACHE ??= join(template, 'compiled');
  await makeTemplate(template);
  const stack = await startStack({ ephemeral: true });
  undo.defer(() => stack.stop());
  const { failed, stop, keysFile, ...addresses } = stack;
  const { signingJwk } = JSON.parse(readFileSync(keysFile, 'utf8')) as { signingJwk: JWK };
  project.provide('stack', { ...addresses, signingJwk });
  const kept = undo.move();
  return () => kept.disposeAsync();
}
