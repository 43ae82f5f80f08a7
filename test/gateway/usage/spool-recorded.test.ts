import { open } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Spool } from '../../../gateway/usage/spool.ts';
import { createSpoolFile } from '../../../gateway/usage/spool-file.ts';
import { until } from '../../support/stack/start-command.ts';
import { newEvent, newEvents } from './spool-events.ts';
import { appendInOrder, idsOf, newSpoolFolder, readAll, warn } from './spool-folder.ts';

const hour = 3_600_000;

/** Appends events, one segment for each, and removes the segments as recorded. */
async function record(spool: Spool, count: number): Promise<void> {
  for (const event of newEvents(count)) {
    await spool.append(event);
    await spool.seal();
  }
  for (const segment of spool.sealed()) await spool.remove(segment);
}

const numbersOf = (names: string[]) => names.map((name) => Number(name.slice(0, 12)));

describe('recorded segments', () => {
  it('are removed if none are kept, and those of an earlier setting at the start', async () => {
    const folder = newSpoolFolder();
    // all within one millisecond
    const now = () => 1_000_000;
    const keeping = await folder.open({ keepMs: hour, now });
    await record(keeping, 2);
    await keeping.close();
    expect(folder.files()).toHaveLength(2);
    const spool = await folder.open({ now });
    expect(folder.files()).toEqual([]);
    await record(spool, 1);
    expect(folder.files()).toEqual([]);
  });

  it('are kept for the configured time, from when they were recorded', async () => {
    const folder = newSpoolFolder();
    let now = Date.now();
    const spool = await folder.open({ keepMs: hour, now: () => now });
    await spool.append(newEvent());
    await spool.seal();
    // a long outage of the database
    now += 5 * hour;
    await record(spool, 1);
    const kept = folder.files();
    expect(kept).toHaveLength(2);
    now += hour;
    await record(spool, 1);
    expect(folder.files()).toHaveLength(3);
    now += 1;
    await record(spool, 1);
    expect(folder.files().filter((name) => kept.includes(name))).toEqual([]);
    expect(folder.files()).toHaveLength(2);
  });

  it('are not events of a later process, and no number is reused', async () => {
    const folder = newSpoolFolder();
    const first = await folder.open({ keepMs: hour });
    await record(first, 2);
    await first.close();
    const spool = await folder.open({ keepMs: hour });
    expect(spool.pendingRecords).toBe(0);
    await record(spool, 1);
    expect(numbersOf(folder.files())).toEqual([1, 2, 3]);
  });

  it('are removed before the disk runs short of room, the oldest first', async () => {
    const folder = newSpoolFolder();
    const kept = () => folder.files().filter((name) => name.includes('recorded'));
    let full = false;
    const spool = await folder.open({
      keepMs: hour,
      reserveBytes: 100,
      retryMs: 1,
      // removing two segments frees enough
      freeBytes: async () => (full ? 1_600 - kept().length + 2 : 1_600),
    });
    await record(spool, 4);
    full = true;
    await until(async () => {
      await spool.append(newEvent());
      return kept().length === 2;
    });
    expect(numbersOf(kept())).toEqual([3, 4]);
    expect(spool.accepting).toBe(true);
    expect(folder.count(warn)).toBe(1);
  });

  it('are removed if a write fails on a full disk, whatever the free space is', async () => {
    const folder = newSpoolFolder();
    const full = () => folder.files().some((name) => name.includes('recorded'));
    let filling = false;
    const spool = await folder.open({
      keepMs: hour,
      retryMs: 1,
      openFile: (path) => (filling && full() ? open('/dev/full', 'r+') : createSpoolFile(path)),
    });
    await record(spool, 2);
    filling = true;
    const events = newEvents(3);
    await appendInOrder(spool, events);
    await spool.seal();
    expect(idsOf(await readAll(spool))).toEqual(idsOf(events));
    expect(full()).toBe(false);
  });
});
