import { mkdirSync, statSync, unlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { QuotaLedger } from '../../../gateway/limits/quota-ledger.ts';
import type { Segment } from '../../../gateway/usage/spool.ts';
import { createSpoolFile, type SpoolFile } from '../../../gateway/usage/spool-file.ts';
import { encodeRecord } from '../../../gateway/usage/spool-record.ts';
import { until } from '../../support/stack/start-command.ts';
import { entry } from '../limits/quota-ledger-scene.ts';
import { newEvent, newEvents } from './spool-events.ts';
import { appendInOrder, error, idsOf, newSpoolFolder, readAll } from './spool-folder.ts';

/** A disk that counts its syncs, and can hold them. */
class SlowDisk {
  syncs = 0;
  released = Promise.resolve();

  readonly openFile = async (path: string): Promise<SpoolFile> => {
    const file = await createSpoolFile(path);
    const { datasync } = file;
    file.datasync = async () => {
      this.syncs += 1;
      await this.released;
      await datasync.call(file);
    };
    return file;
  };
}

it('returns appended events in order, one segment at a time', async () => {
  const folder = newSpoolFolder();
  const spool = await folder.open({ segmentRecords: 10 });
  const events = newEvents(25, {
    targetHost: 'grün.example 🦊\n',
    count: 0,
    reported: { sent: 90, received: 900 },
  });
  await appendInOrder(spool, events);
  expect(spool.sealed().map(({ records }) => records)).toEqual([10, 10]);
  await spool.seal();
  expect(spool.sealed().map(({ records }) => records)).toEqual([10, 10, 5]);
  expect(await readAll(spool)).toEqual(events);
});

it('restores a quota’s bytes, though each report repeats the earlier bytes of its row', async () => {
  const folder = newSpoolFolder();
  const spool = await folder.open({ segmentRecords: 2 });
  const first = newEvent({ bytesSent: 10, bytesReceived: 0 });
  const later = newEvent({ ...first, occurredAt: new Date(0).toISOString(), count: 0 });
  await appendInOrder(spool, [
    first,
    newEvent({ bytesSent: 7, bytesReceived: 7 }),
    { ...first, bytesReceived: 1_000, reported: { sent: 10, received: 0 } },
    { ...first, bytesSent: 30, bytesReceived: 1_000, reported: { sent: 10, received: 1_000 } },
    { ...later, bytesSent: 1, bytesReceived: 1 },
  ]);
  // the first segment is recorded
  await spool.remove(spool.sealed()[0] as Segment);
  await spool.close();
  const ledger = new QuotaLedger(() => 0);
  await folder.open({ onRecovered: (event) => ledger.recover(event) });
  const { apiKeyId } = first;
  expect(ledger.used(entry(0, 24, apiKeyId))).toBe(24 + 1_000 + 20 + 2);
});

it('ends a segment with the record that reaches its size', async () => {
  const folder = newSpoolFolder();
  const events = newEvents(7);
  const size = Buffer.byteLength(encodeRecord(newEvent()));
  const spool = await folder.open({ segmentBytes: 2 * size + 1 });
  await Promise.all(events.map((event) => spool.append(event)));
  expect(spool.sealed().map(({ records }) => records)).toEqual([3, 3]);
  await spool.seal();
  expect(idsOf(await readAll(spool))).toEqual(idsOf(events));
});

it('keeps each record that is larger than a segment in its own segment', async () => {
  const folder = newSpoolFolder();
  const events = newEvents(3, { targetHost: 'x'.repeat(1_000) });
  const spool = await folder.open({ segmentBytes: 100 });
  await Promise.all(events.map((event) => spool.append(event)));
  expect(spool.sealed().map(({ records }) => records)).toEqual([1, 1, 1]);
  expect(spool.sealed()[0]?.bytes).toBe(Buffer.byteLength(encodeRecord(events[0] ?? newEvent())));
});

it('seals nothing if nothing was appended', async () => {
  const folder = newSpoolFolder();
  const spool = await folder.open();
  await spool.seal();
  await spool.append(newEvent());
  await spool.seal();
  await spool.seal();
  expect(spool.sealed()).toHaveLength(1);
});

it('gives only its owner access to its folder and files', async () => {
  const folder = newSpoolFolder();
  const spool = await folder.open();
  await spool.append(newEvent());
  expect(statSync(folder.directory).mode & 0o777).toBe(0o700);
  for (const name of [...folder.files(), 'lock']) {
    expect(statSync(folder.path(name)).mode & 0o777, name).toBe(0o600);
  }
});

it('acknowledges an event after its sync, and syncs waiting events together', async () => {
  const folder = newSpoolFolder();
  const disk = new SlowDisk();
  const spool = await folder.open({ openFile: disk.openFile });
  const release = Promise.withResolvers<void>();
  disk.released = release.promise;
  let acknowledged = 0;
  const append = async () => {
    await spool.append(newEvent());
    acknowledged += 1;
  };
  const appended = [append()];
  await until(() => disk.syncs === 1);
  appended.push(...Array.from({ length: 500 }, append));
  expect(folder.read('000000000001.ndjson').split('\n')).toHaveLength(2);
  expect([acknowledged, spool.pendingRecords]).toEqual([0, 501]);
  release.resolve();
  await Promise.all(appended);
  expect([acknowledged, disk.syncs]).toEqual([501, 2]);
});

it('syncs far less often than it acknowledges, with many writers', async () => {
  const folder = newSpoolFolder();
  const disk = new SlowDisk();
  const spool = await folder.open({ openFile: disk.openFile });
  const appendInTurn = () => appendInOrder(spool, newEvents(20));
  await Promise.all(Array.from({ length: 50 }, appendInTurn));
  expect(spool.appendedRecords).toBe(1_000);
  expect(disk.syncs).toBeLessThan(100);
});

it('syncs each single event', async () => {
  const folder = newSpoolFolder();
  const disk = new SlowDisk();
  const spool = await folder.open({ openFile: disk.openFile });
  await appendInOrder(spool, newEvents(5));
  expect(disk.syncs).toBe(5);
});

it('finds the files of an earlier process, and never appends to them', async () => {
  const folder = newSpoolFolder();
  const first = await folder.open({ segmentRecords: 3 });
  const left = newEvents(5);
  await appendInOrder(first, left);
  await first.close();

  const recovered: string[] = [];
  const spool = await folder.open({ onRecovered: ({ eventId }) => void recovered.push(eventId) });
  expect(recovered).toEqual(idsOf(left));
  const before = folder.files().map((name) => folder.read(name));
  const added = newEvents(2);
  await appendInOrder(spool, added);
  expect(
    folder
      .files()
      .map((name) => folder.read(name))
      .slice(0, 2),
  ).toEqual(before);
  await spool.seal();
  expect(spool.sealed().map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  expect(idsOf(await readAll(spool))).toEqual(idsOf([...left, ...added]));
});

it('recovers a folder with other files and empty segments', async () => {
  const folder = newSpoolFolder();
  const first = await folder.open();
  await first.append(newEvent());
  await first.close();
  await (await open(folder.path('000000000007.ndjson'), 'wx')).close();
  mkdirSync(folder.path('lost+found'));
  const spool = await folder.open();
  expect(folder.files()).toEqual(['000000000001.ndjson']);
  await spool.append(newEvent());
  expect(folder.files()).toEqual(['000000000001.ndjson', '000000000008.ndjson']);
});

it('reports how much is pending, and since when', async () => {
  const folder = newSpoolFolder();
  let clock = 1_000;
  const spool = await folder.open({ segmentRecords: 2, now: () => clock });
  expect(spool).toMatchObject({ pendingRecords: 0, pendingBytes: 0, oldestAppendedAt: null });
  const events = newEvents(3);
  for (const event of events) {
    await spool.append(event);
    clock += 1_000;
  }
  const bytes = events.map((event) => Buffer.byteLength(encodeRecord(event)));
  expect(spool).toMatchObject({ pendingRecords: 3, appendedRecords: 3, oldestAppendedAt: 1_000 });
  expect(spool.pendingBytes).toBe(bytes.reduce((sum, each) => sum + each));
  const [sealed] = spool.sealed();
  if (!sealed) throw new Error('no segment is sealed');
  await spool.remove(sealed);
  expect(spool).toMatchObject({
    pendingRecords: 1,
    pendingBytes: bytes[2],
    oldestAppendedAt: 3_000,
  });
  expect(folder.files()).toEqual(['000000000002.ndjson']);
});

it('writes waiting events on close, and accepts none afterwards', async () => {
  const folder = newSpoolFolder();
  const spool = await folder.open();
  const events = newEvents(100);
  const appended = events.map((event) => spool.append(event));
  const closed = spool.close();
  await expect(spool.append(newEvent())).rejects.toMatchObject({ name: 'SpoolClosed' });
  await Promise.all([...appended, closed]);
  expect(spool.accepting).toBe(false);
  const next = await folder.open();
  expect(idsOf(await readAll(next))).toEqual(idsOf(events));
});

it('after close, keeps the files that another process may be reading', async () => {
  const folder = newSpoolFolder();
  const spool = await folder.open({ segmentRecords: 1 });
  await spool.append(newEvent());
  const [segment] = spool.sealed();
  await spool.close();
  if (segment) await spool.remove(segment);
  expect(folder.files()).toEqual(['000000000001.ndjson']);
});

it('reports a segment that was removed from outside, and continues', async () => {
  const folder = newSpoolFolder();
  const spool = await folder.open({ segmentRecords: 1 });
  await spool.append(newEvent());
  unlinkSync(folder.path('000000000001.ndjson'));
  expect(await readAll(spool)).toEqual([]);
  expect(folder.count(error)).toBe(1);
  for (const segment of spool.sealed()) await spool.remove(segment);
  expect(spool.pendingRecords).toBe(0);
});
