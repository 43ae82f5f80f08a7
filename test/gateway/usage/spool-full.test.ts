import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Spool } from '../../../gateway/usage/spool.ts';
import type { SpoolFile } from '../../../gateway/usage/spool-file.ts';
import { createSpoolFile } from '../../../gateway/usage/spool-file.ts';
import { decodeRecords } from '../../../gateway/usage/spool-record.ts';
import type { UsageEvent } from '../../../gateway/usage/usage-event.ts';
import { until } from '../../support/stack/start-command.ts';
import { newEvent, newEvents } from './spool-events.ts';
import { appendInOrder, error, idsOf, info, newSpoolFolder, readAll } from './spool-folder.ts';
import { acknowledgedBy, startSpoolProcess } from './spool-process.ts';

/** Appends events, and records which were acknowledged. */
function appendNoting(
  spool: Spool,
  events: UsageEvent[],
): { ids: string[]; all: Promise<unknown> } {
  const ids: string[] = [];
  const all = Promise.all(
    events.map(async (event) => {
      await spool.append(event);
      ids.push(event.eventId);
    }),
  );
  return { ids, all };
}

/** A disk that fails on demand in one call, after half of the work, as a full disk does. */
class FailingDisk {
  failing: 'write' | 'datasync' | 'truncate' | null = null;
  attempts = 0;

  readonly openFile = async (path: string): Promise<SpoolFile> => {
    const file = await createSpoolFile(path);
    const fail = () => Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    return {
      write: (async (bytes: Buffer, offset: number, length: number, position: number) => {
        if (this.failing === null || this.failing === 'datasync') {
          return file.write(bytes, offset, length, position);
        }
        this.attempts += 1;
        await file.write(bytes, offset, Math.ceil(length / 2), position);
        throw fail();
      }) as SpoolFile['write'],
      datasync: async () => {
        if (this.failing !== 'datasync') return file.datasync();
        this.attempts += 1;
        throw fail();
      },
      truncate: async (length) => {
        if (this.failing === 'truncate') throw fail();
        return file.truncate(length);
      },
      close: () => file.close(),
    };
  };
}

it('waits while the disk is full, and writes everything afterwards', async () => {
  const folder = newSpoolFolder();
  let full = false;
  const spool = await folder.open({
    retryMs: 5,
    openFile: (path) => (full ? open('/dev/full', 'r+') : createSpoolFile(path)),
  });
  const before = newEvents(3);
  await appendInOrder(spool, before);
  await spool.seal();
  full = true;
  const waiting = newEvents(20);
  const appended = appendNoting(spool, waiting);
  await until(() => !spool.accepting);
  expect(spool.pendingRecords).toBe(23);
  const attempts = folder.count(error);
  // earlier segments can be read and removed meanwhile
  expect(idsOf(await readAll(spool))).toEqual(idsOf(before));
  expect(appended.ids).toEqual([]);
  full = false;
  await appended.all;
  await until(() => spool.accepting);
  await spool.seal();
  expect(idsOf(await readAll(spool))).toEqual(idsOf([...before, ...waiting]));
  expect([attempts, folder.count(error)]).toEqual([1, 1]);
  expect(folder.logged.find(({ level }) => level === error)).toMatchObject({ code: 'ENOSPC' });
  expect(folder.count(info)).toBe(1);
});

describe.each(['write', 'datasync', 'truncate'] as const)('a disk whose %s fails', (call) => {
  it('has every event once, and no torn record that is read', async () => {
    const folder = newSpoolFolder();
    const disk = new FailingDisk();
    const spool = await folder.open({ retryMs: 1, openFile: disk.openFile });
    const before = newEvents(3);
    await appendInOrder(spool, before);
    disk.failing = call;
    const waiting = newEvents(50);
    const appended = appendNoting(spool, waiting);
    await until(() => disk.attempts > 3);
    expect(spool.accepting).toBe(false);
    expect(appended.ids).toEqual([]);
    disk.failing = null;
    await appended.all;
    await spool.seal();
    expect(idsOf(await readAll(spool))).toEqual(idsOf([...before, ...waiting]));
    expect(folder.count(error)).toBe(1);
  });

  it('loses no acknowledged event in a crash during the failure', async () => {
    const folder = newSpoolFolder();
    const disk = new FailingDisk();
    const spool = await folder.open({ retryMs: 1, openFile: disk.openFile });
    const before = newEvents(3);
    await appendInOrder(spool, before);
    disk.failing = call;
    const appended = appendNoting(spool, newEvents(5));
    appended.all.catch(() => {});
    await until(() => disk.attempts > 3);
    // a close during the failure leaves the same state as a kill
    await spool.close();
    const next = await folder.open();
    const left = idsOf(await readAll(next));
    expect(left.slice(0, 3)).toEqual(idsOf(before));
    expect(appended.ids).toEqual([]);
  });
});

it('a file is never written to again after a failed sync', async () => {
  const folder = newSpoolFolder();
  const disk = new FailingDisk();
  const spool = await folder.open({ retryMs: 1, openFile: disk.openFile });
  await spool.append(newEvent());
  const [first = ''] = folder.files();
  const before = folder.read(first);
  disk.failing = 'datasync';
  const appended = spool.append(newEvent());
  await until(() => disk.attempts > 3);
  disk.failing = null;
  await appended;
  expect(folder.read(first)).toBe(before);
  expect(folder.files()).toHaveLength(2);
});

it('leaves no torn record in a file that reached its size limit', async () => {
  const folder = newSpoolFolder();
  const process = startSpoolProcess({ directory: folder.directory, hands: 8, fileBlocks: 16 });
  await until(() => process.said.includes('refusing'));
  const [name = ''] = folder.files();
  // an attempt may be running; between attempts, the file ends with a whole record
  const limit = 16 * 512;
  let content = Buffer.alloc(limit);
  await until(() => {
    content = readFileSync(folder.path(name));
    return content.length < limit;
  });
  const acknowledged = acknowledgedBy(process);
  const { wholeBytes, events, damagedLines } = await decodeRecords(content);
  expect([wholeBytes, damagedLines]).toEqual([content.length, 0]);
  expect(idsOf(events)).toEqual(expect.arrayContaining(acknowledged));

  // the next file has room again
  process.seal();
  await until(() => process.said.includes('accepting'));
  await until(() => acknowledgedBy(process).length > acknowledged.length);
  process.child.kill('SIGKILL');
  await process.ended;
  const spool = await folder.open();
  const left = idsOf(await readAll(spool));
  expect(left).toEqual(expect.arrayContaining(acknowledgedBy(process)));
  expect(new Set(left).size).toBe(left.length);
});

it('gives up on close while the disk fails, and reports how many events are lost', async () => {
  const folder = newSpoolFolder();
  const spool = await folder.open({
    retryMs: 3_600_000,
    openFile: () => open('/dev/full', 'r+'),
  });
  const appended = [spool.append(newEvent()), spool.append(newEvent())];
  const outcomes = Promise.allSettled(appended);
  await until(() => !spool.accepting);
  await spool.close();
  expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await expect(appended[0]).rejects.toMatchObject({ name: 'SpoolClosed' });
  expect(folder.logged.at(-1)).toMatchObject({ level: error, events: 2 });
});

it('tries once more on close, if the disk has room by then', async () => {
  const folder = newSpoolFolder();
  let full = true;
  const spool = await folder.open({
    retryMs: 3_600_000,
    openFile: (path) => (full ? open('/dev/full', 'r+') : createSpoolFile(path)),
  });
  const event = newEvent();
  const appended = spool.append(event);
  await until(() => !spool.accepting);
  full = false;
  await spool.close();
  await appended;
  expect(idsOf(await readAll(await folder.open()))).toEqual([event.eventId]);
});

describe('the reserve', () => {
  it('is checked on the real disk', async () => {
    const folder = newSpoolFolder();
    const spool = await folder.open({ reserveBytes: Number.MAX_SAFE_INTEGER });
    expect(spool.accepting).toBe(false);
    // running tunnels are still metered
    await spool.append(newEvent());
    expect((await newSpoolFolder().open()).accepting).toBe(true);
  });

  it('is checked after a write, and its recovery is noticed without one', async () => {
    const folder = newSpoolFolder();
    let free = 1_000;
    const spool = await folder.open({
      reserveBytes: 500,
      retryMs: 1,
      freeBytes: async () => free,
    });
    expect(spool.accepting).toBe(true);
    free = 499;
    expect(spool.accepting).toBe(true);
    await until(async () => {
      await spool.append(newEvent());
      return !spool.accepting;
    });
    expect(folder.count(error)).toBe(1);
    free = 500;
    await until(() => spool.accepting);
    expect(folder.count(info)).toBe(1);
  });

  it('is not checked more often than needed', async () => {
    const folder = newSpoolFolder();
    let looks = 0;
    const spool = await folder.open({
      retryMs: 3_600_000,
      freeBytes: async () => {
        looks += 1;
        return Number.MAX_SAFE_INTEGER;
      },
    });
    await appendInOrder(spool, newEvents(20));
    expect(looks).toBe(1);
  });
});
