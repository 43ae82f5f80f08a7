import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeRecords, encodeRecord } from '../../../gateway/usage/spool-record.ts';
import type { UsageEvent } from '../../../gateway/usage/usage-event.ts';
import { until } from '../../support/stack/start-command.ts';
import { newEvent, newEvents } from './spool-events.ts';
import { error, idsOf, newSpoolFolder, readAll, type SpoolFolder, warn } from './spool-folder.ts';
import { acknowledgedBy, startSpoolProcess } from './spool-process.ts';

const first = '000000000001.ndjson';
const second = '000000000002.ndjson';

/** Writes segments as an earlier process would have left them. */
function leave(folder: SpoolFolder, segments: Record<string, Buffer>): void {
  mkdirSync(folder.directory, { recursive: true });
  for (const [name, bytes] of Object.entries(segments)) writeFileSync(folder.path(name), bytes);
}

function encodeAll(events: UsageEvent[]): Buffer {
  return Buffer.from(events.map(encodeRecord).join(''));
}

/** A copy with one byte changed. */
function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 0x10, at);
  return copy;
}

describe('a torn tail', () => {
  const events = newEvents(3, { targetHost: 'grün.example' });
  const ends = events.map((_, n) => encodeAll(events.slice(0, n + 1)).length);
  const whole = encodeAll(events);

  it('of every length is cut after the last whole record', async () => {
    for (let length = 0; length <= whole.length; length += 1) {
      const {
        events: found,
        wholeBytes,
        damagedLines,
      } = await decodeRecords(whole.subarray(0, length));
      const expected = ends.filter((end) => end <= length).length;
      expect(found, `${length} bytes`).toEqual(events.slice(0, expected));
      expect([wholeBytes, damagedLines]).toEqual([ends[expected - 1] ?? 0, 0]);
    }
  });

  it('of every length of the last record is cut from the file, and reported', async () => {
    const kept = ends[1] ?? 0;
    for (let length = kept + 1; length < whole.length; length += 1) {
      const folder = newSpoolFolder();
      leave(folder, { [first]: whole.subarray(0, length) });
      const spool = await folder.open();
      expect(statSync(folder.path(first)).size).toBe(kept);
      expect(idsOf(await readAll(spool))).toEqual(idsOf(events.slice(0, 2)));
      const cut = folder.logged.filter(({ level }) => level === warn);
      expect(cut).toMatchObject([{ file: folder.path(first), bytes: length - kept }]);
      expect(folder.count(error)).toBe(0);
      await spool.close();
    }
  });

  it.each([
    ['a damaged last record', flipped(whole, whole.length - 20)],
    ['zeros', Buffer.concat([encodeAll(events.slice(0, 2)), Buffer.alloc(4096)])],
    [
      'several lines of noise',
      Buffer.concat([encodeAll(events.slice(0, 2)), Buffer.from('x\n\nnoise\n\u0000\n')]),
    ],
  ])('of %s is cut', async (_, bytes) => {
    const folder = newSpoolFolder();
    leave(folder, { [first]: bytes });
    const spool = await folder.open();
    expect(statSync(folder.path(first)).size).toBe(ends[1]);
    expect(idsOf(await readAll(spool))).toEqual(idsOf(events.slice(0, 2)));
    expect([folder.count(warn), folder.count(error)]).toEqual([1, 0]);
  });

  it('that is the whole file is removed with it', async () => {
    const folder = newSpoolFolder();
    leave(folder, { [first]: whole.subarray(0, 10) });
    const spool = await folder.open();
    expect(spool.sealed()).toEqual([]);
    expect(folder.files()).toEqual([]);
    expect(folder.count(warn)).toBe(1);
  });
});

describe('damage', () => {
  const events = newEvents(5);
  const ends = events.map((_, n) => encodeAll(events.slice(0, n + 1)).length);
  const whole = encodeAll(events);
  const spoiled = [0, 1, 3, 4].map((n) => events[n]?.eventId);

  it('to any byte of a record in the middle costs no other record', async () => {
    for (let at = ends[1] ?? 0; at < (ends[2] ?? 0) - 1; at += 1) {
      const { events: found, damagedLines, wholeBytes } = await decodeRecords(flipped(whole, at));
      expect(idsOf(found), `byte ${at}`).toEqual(spoiled);
      expect([damagedLines, wholeBytes]).toEqual([1, whole.length]);
    }
  });

  it('is reported once, and its file is kept when the rest is recorded', async () => {
    const folder = newSpoolFolder();
    const bytes = flipped(whole, (ends[1] ?? 0) + 30);
    leave(folder, { [first]: bytes });
    const recovered: string[] = [];
    const spool = await folder.open({ onRecovered: ({ eventId }) => void recovered.push(eventId) });
    expect(recovered).toEqual(spoiled);
    expect(idsOf(await readAll(spool))).toEqual(spoiled);
    for (const segment of spool.sealed()) await spool.remove(segment);
    expect(folder.files()).toEqual([`${first}.damaged`]);
    expect(readFileSync(folder.path(`${first}.damaged`))).toEqual(bytes);
    const reports = folder.logged.filter(({ level }) => level === error);
    expect(reports).toMatchObject([{ file: folder.path(first), damagedLines: 1 }]);
    expect(spool.pendingRecords).toBe(0);

    // it is neither read again nor overwritten, because its number is not reused
    await spool.close();
    const next = await folder.open();
    expect(next.pendingRecords).toBe(0);
    await next.append(newEvent());
    expect(folder.files()).toEqual([`${first}.damaged`, second]);
  });

  it('at the end of a finished segment is not treated as a torn tail', async () => {
    const folder = newSpoolFolder();
    const bytes = flipped(whole, whole.length - 20);
    leave(folder, { [first]: bytes, [second]: encodeAll(newEvents(1)) });
    const spool = await folder.open();
    expect([folder.count(warn), folder.count(error)]).toEqual([0, 1]);
    expect(spool.pendingRecords).toBe(5);
    for (const segment of spool.sealed()) await spool.remove(segment);
    expect(readFileSync(folder.path(`${first}.damaged`))).toEqual(bytes);
    expect(folder.files()).toEqual([`${first}.damaged`]);
  });

  it('to a whole segment leaves the others readable', async () => {
    const folder = newSpoolFolder();
    const later = newEvents(2);
    leave(folder, { [first]: Buffer.from('noise\n'), [second]: encodeAll(later) });
    const spool = await folder.open();
    expect(idsOf(await readAll(spool))).toEqual(idsOf(later));
    expect(folder.files()).toEqual([`${first}.damaged`, second]);
  });

  it('to a segment of this process is found when it is read', async () => {
    const folder = newSpoolFolder();
    const spool = await folder.open();
    for (const event of events) await spool.append(event);
    await spool.seal();
    writeFileSync(folder.path(first), flipped(whole, (ends[1] ?? 0) + 30));
    expect(idsOf(await readAll(spool))).toEqual(spoiled);
    expect(idsOf(await readAll(spool))).toEqual(spoiled);
    expect(folder.count(error)).toBe(1);
    for (const segment of spool.sealed()) await spool.remove(segment);
    expect(folder.files()).toEqual([`${first}.damaged`]);
  });

  it('to a segment that is also in memory costs nothing', async () => {
    const folder = newSpoolFolder();
    const spool = await folder.open({ keptSegments: 2, segmentRecords: 1 });
    for (const event of events) await spool.append(event);
    await spool.seal();
    for (const name of folder.files()) rmSync(folder.path(name));
    expect(idsOf(await readAll(spool))).toEqual(idsOf(events.slice(-2)));
    expect(folder.count(error)).toBe(events.length - 2);
    // recorded segments leave the memory
    const segments = spool.sealed();
    for (const segment of segments) {
      await spool.remove(segment);
      expect(await spool.read(segment)).toEqual([]);
    }
  });

  it('includes a record with a valid checksum and a wrong shape', async () => {
    const { bytesSent: _, ...shapeless } = newEvent();
    const wrong = [shapeless, { ...newEvent(), statusCode: 'ok' }, [], null, 1];
    for (const value of wrong) {
      const bytes = encodeAll([value as UsageEvent, ...events]);
      const decoded = await decodeRecords(bytes);
      expect(decoded).toMatchObject({ damagedLines: 1, wholeBytes: bytes.length });
      expect(idsOf(decoded.events)).toEqual(idsOf(events));
    }
  });

  it('does not include a record of a later version with an unknown field', async () => {
    const event = newEvent();
    const decoded = await decodeRecords(encodeAll([{ ...event, later: 1 } as UsageEvent]));
    expect(decoded).toMatchObject({ events: [event], damagedLines: 0 });
  });

  it('to a file that cannot be read is reported, and the other files are read', async () => {
    const folder = newSpoolFolder();
    const later = newEvents(2);
    leave(folder, { [second]: encodeAll(later) });
    mkdirSync(folder.path(first));
    const spool = await folder.open();
    expect(idsOf(await readAll(spool))).toEqual(idsOf(later));
    expect(folder.logged[0]).toMatchObject({ level: error, code: 'EISDIR' });
  });
});

it('a process killed at any moment leaves every acknowledged event', async () => {
  const folder = newSpoolFolder();
  const acknowledged: string[] = [];
  for (let round = 0; round < 5; round += 1) {
    const process = startSpoolProcess({ directory: folder.directory, hands: 1 + 8 * (round % 4) });
    // at different moments, including the start
    const words = [0, 1, 5, 60, 200][round] ?? 0;
    await until(() => process.said.length >= words);
    process.child.kill('SIGKILL');
    await process.ended;
    acknowledged.push(...acknowledgedBy(process));
  }
  expect(acknowledged.length).toBeGreaterThan(200);
  const left = idsOf(await readAll(await folder.open()));
  expect(left).toEqual(expect.arrayContaining(acknowledged));
  expect(new Set(left).size).toBe(left.length);
  expect(folder.count(error)).toBe(0);
});
