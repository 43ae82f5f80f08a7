import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import type { Core } from '../../../gateway/core.ts';
import { WorkerLink } from '../../../gateway/workers/worker-link.ts';

/** The main process of a worker that never calls it. */
const core = { clockOffsetMs: null, join: () => ({}), leave: () => {} } as unknown as Core;
const environment = {
  PATH: process.env.PATH,
  GATEWAY_LOG_LEVEL: 'silent',
  GATEWAY_WORKER: '1',
};

it('kills a worker that has sent nothing for 120 sweeps, and not before', async () => {
  const link = new WorkerLink(core, environment);
  onTestFinished(() => link.kill());
  // a worker that was not started sends nothing
  expect(await link.processMetrics()).not.toEqual([]);
  for (let sweep = 0; sweep < 120; sweep += 1) link.sweep();
  expect(await link.processMetrics()).not.toEqual([]);
  link.sweep();
  expect(await link.ended).toBe('SIGKILL');
  await expect(link.processMetrics()).rejects.toThrow('closed');
});

it('regression: a worker whose parent exits before it is up exits too', async () => {
  const script = fileURLToPath(new URL('../../../gateway/workers/worker.ts', import.meta.url));
  // loads modules over several turns of the event loop
  const ahead = new URL('../usage/slow-disk.ts', import.meta.url).href;
  const worker = fork(script, { env: environment, execArgv: ['--import', ahead] });
  onTestFinished(() => void worker.kill('SIGKILL'));
  worker.disconnect();
  expect(await once(worker, 'exit')).toEqual([0, null]);
});
