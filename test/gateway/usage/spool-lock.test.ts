import { readdirSync, symlinkSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { lockSpool } from '../../../gateway/usage/spool-lock.ts';
import { until } from '../../support/stack/start-command.ts';
import { newEvent } from './spool-events.ts';
import { newSpoolFolder } from './spool-folder.ts';
import { startSpoolProcess } from './spool-process.ts';

const inUse = { name: 'SpoolInUse' };

it('refuses a second spool in this process, and leaves the first working', async () => {
  const folder = newSpoolFolder();
  const spool = await folder.open();
  await expect(folder.open()).rejects.toMatchObject(inUse);
  await expect(folder.open()).rejects.toThrow(folder.directory);
  await spool.append(newEvent());
  await expect(folder.open()).rejects.toMatchObject(inUse);
  await spool.close();
  expect((await folder.open()).pendingRecords).toBe(1);
});

it('refuses the folder under another name', async () => {
  const folder = newSpoolFolder();
  await folder.open();
  const alias = `${folder.directory}-alias`;
  symlinkSync(folder.directory, alias);
  await expect(folder.open({ directory: alias })).rejects.toMatchObject(inUse);
});

it('refuses a folder that another process uses, without changing it, and takes it over later', async () => {
  const folder = newSpoolFolder();
  const process = startSpoolProcess({ directory: folder.directory });
  await until(() => process.said.length > 5);
  for (let attempt = 0; attempt < 20; attempt += 1) {
    await expect(folder.open()).rejects.toMatchObject(inUse);
  }
  const said = process.said.length;
  await until(() => process.said.length > said);
  process.child.kill('SIGKILL');
  await process.ended;
  // at once, without a wait for the killed process
  expect((await folder.open()).pendingRecords).toBeGreaterThanOrEqual(said - 1);
});

it('is taken by one of several processes that start at once, even after a kill', async () => {
  const folder = newSpoolFolder();
  for (let round = 0; round < 3; round += 1) {
    const processes = Array.from({ length: 4 }, () =>
      startSpoolProcess({ directory: folder.directory }),
    );
    const outcomes = processes.map(async (process) => {
      await until(() => process.said.length > 0);
      return process.said[0];
    });
    expect((await Promise.all(outcomes)).sort()).toEqual(['in use', 'in use', 'in use', 'open']);
    for (const { child, ended } of processes) {
      child.kill('SIGKILL');
      await ended;
    }
  }
});

it('keeps a folder locked even if the lock is garbage collected', async () => {
  const folder = newSpoolFolder();
  await (await folder.open()).close();
  lockSpool(folder.directory);
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  // finalizers run in a later turn
  await nextTurn();
  expect(() => lockSpool(folder.directory)).toThrow(expect.objectContaining(inUse));
});

it('can be released twice', async () => {
  const folder = newSpoolFolder();
  await (await folder.open()).close();
  const lock = lockSpool(folder.directory);
  lock.release();
  const next = lockSpool(folder.directory);
  lock.release();
  expect(() => lockSpool(folder.directory)).toThrow(expect.objectContaining(inUse));
  next.release();
  expect(readdirSync(folder.directory)).toEqual(['lock']);
});
