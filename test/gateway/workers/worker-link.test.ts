import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import type { Core } from '../../../gateway/core.ts';
import { WorkerLink } from '../../../gateway/workers/worker-link.ts';

/** What a worker needs that is never asked for anything. */
const core = { clockOffsetMs: null, join: () => ({}), leave: () => {} } as unknown as Core;
const environment = {
  PATH: process.env.PATH,
  GATEWAY_LOG_LEVEL: 'silent',
  GATEWAY_WORKER: '1',
};

it('ends a worker that has said nothing for 120 sweeps, and not before', async () => {
  const link = new WorkerLink(core, environment);
  onTestFinished(() => link.kill());
  // one that was not started says nothing
  expect(await link.processMetrics()).not.toEqual([]);
  for (let sweep = 0; sweep < 120; sweep += 1) link.sweep();
  expect(await link.processMetrics()).not.toEqual([]);
  link.sweep();
  expect(await link.ended).toBe('SIGKILL');
  await expect(link.processMetrics()).rejects.toThrow('closed');
});

it('regression: a worker whose parent ends before it is up ends too', async () => {
  const script = fileURLToPath(new URL('../../../gateway/workers/worker.ts', import.meta.url));
  // has modules be loaded over several turns of the event loop
  const ahead = new URL('../usage/slow-disk.ts', import.meta.url).href;
  const worker = fork(script, { env: environment, execArgv: ['--import', ahead] });
  onTestFinished(() => void worker.kill('SIGKILL'));
  worker.disconnect();
  expect(await once(worker, 'exit')).toEqual([0, null]);
});
