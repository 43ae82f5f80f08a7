import type postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { forgetUsage } from '../../scripts/stack/forget-usage.ts';
import { connectAlone, untilBlocked } from '../support/connect-alone.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { findDrift, recordUsage, usageEvent } from '../support/usage-events.ts';
import { dayFromNow } from '../support/usage-scenes.ts';
import { dropOldUsage, fillDay, keepDays } from './old-usage.ts';

let database: OwnDatabase;
let sql: postgres.Sql;
let id: string;

beforeAll(async () => {
  database = await startOwnDatabase();
  sql = database.sql;
});
beforeEach(async () => {
  id = (await database.newKeys(1))[0]?.id ?? '';
  await forgetUsage(sql);
  await keepDays(sql, 90);
});
afterAll(() => database.stop());

const eventOn = (ahead: number, fields = {}) =>
  usageEvent(id, { occurredAt: `${dayFromNow(ahead)}T00:00:00Z`, ...fields });
const recordOn = (...days: number[]) =>
  recordUsage(
    database.gateway,
    days.map((ahead) => eventOn(ahead)),
  );
const tooOld = (count: number) =>
  Array.from({ length: count }, () => expect.objectContaining({ reason: 'occurred_too_long_ago' }));

it('an event is accepted from the first moment of the oldest kept day', async () => {
  expect(await recordOn(-90)).toMatchObject({ recorded: 1, rejected: [] });
  const before = usageEvent(id, { occurredAt: `${dayFromNow(-91)}T23:59:59.999999Z` });
  expect(await recordUsage(database.gateway, [before])).toMatchObject({ rejected: tooOld(1) });
});

it('after the age is lowered, older events are refused', async () => {
  await keepDays(sql, 7);
  expect(await recordOn(-7, -8, -90)).toMatchObject({ recorded: 1, rejected: tooOld(2) });
});

it('after the age is raised, older events are accepted, except from dropped days and earlier', async () => {
  for (const ahead of [-20, -19]) await fillDay(sql, id, dayFromNow(ahead), 1);
  await keepDays(sql, 19);
  expect(await dropOldUsage(sql)).toMatchObject([{ day: dayFromNow(-20), action: 'dropped' }]);
  await keepDays(sql, 90);
  expect(await recordOn(-19, -20, -21)).toMatchObject({ recorded: 1, rejected: tooOld(2) });
});

describe('a batch for a day that is being dropped', () => {
  const day = dayFromNow(-10);

  it('keeps the day until it commits, and is then dropped with it', async () => {
    const event = eventOn(-10);
    await fillDay(sql, id, day, 2);
    const recording = await connectAlone(database.gatewayDbUrl);
    await recording`begin`;
    expect(await recordUsage(recording, [event])).toMatchObject({ recorded: 1 });
    await keepDays(sql, 9);
    expect(await dropOldUsage(sql, day)).toMatchObject([{ action: 'skipped', reason: 'in use' }]);
    await recording`commit`;
    expect(await findDrift(sql, [id])).toEqual([]);
    expect(await dropOldUsage(sql, day)).toMatchObject([{ action: 'dropped', events: 3 }]);
    expect(await recordUsage(database.gateway, [event])).toMatchObject({ rejected: tooOld(1) });
  });

  it('is refused if the day is gone when the batch is checked', async () => {
    await fillDay(sql, id, day, 2);
    const [dropping, recording] = [
      await connectAlone(database.dbUrl),
      await connectAlone(database.gatewayDbUrl),
    ];
    await dropping`begin`;
    await dropping`update proxy_private.maintenance_settings set keep_days = 9`;
    expect(await dropOldUsage(dropping, day)).toMatchObject([{ action: 'dropped' }]);
    const recorded = recordUsage(recording, [eventOn(-10), eventOn(-9)]);
    await untilBlocked(sql, recording.pid, [dropping.pid]);
    await dropping`commit`;
    expect(await recorded).toMatchObject({ recorded: 1, rejected: tooOld(1) });
    const [left] = await sql`select count(*)::integer from proxy_private.proxy_usage_events`;
    expect(left?.count).toBe(1);
  });
});
