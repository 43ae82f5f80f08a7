import type { UsageSpan } from '../data/use-usage.ts';
import { date, dateTime, startOfMonth } from '../format/time.ts';
import { day, hour } from '../usage-chart/use-now.ts';

/** The spans that have a name; each ends with the hour or day it is now (UTC). */
export const spanNames = {
  hours: '24 hours',
  week: '7 days',
  days: '30 days',
  month: 'This month',
} as const;
export type NamedSpan = keyof typeof spanNames;

/** Whole days (UTC), as YYYY-MM-DD, both included. */
export interface Days {
  first: string;
  last: string;
}

/** The time that figures are of. */
export type Span = NamedSpan | Days;

/** What a part of a page is of: a span, and one key (its keyId), or all of them. */
export interface OfSpan {
  span: Span;
  keyId?: string | undefined;
}

/** What a page shows at first, and what an address means that names no span. */
const firstSpan: NamedSpan = 'month';

/** As many days as the database answers targets and outcomes of at once. */
const mostDays = 92;

/** The hours or days that a span has at `now` (milliseconds since the epoch): the same until an hour or day ends. */
export function boundsOf(span: Span, now: number): UsageSpan {
  const today = startOfDay(now);
  const days = (count: number): UsageSpan => ({
    interval: 'day',
    from: new Date(today + day - count * day),
    to: new Date(today + day),
  });
  if (typeof span === 'object') return boundsOfDays(span);
  switch (span) {
    case 'hours': {
      const end = Math.floor(now / hour) * hour + hour;
      return { interval: 'hour', from: new Date(end - day), to: new Date(end) };
    }
    case 'week':
      return days(7);
    case 'days':
      return days(30);
    case 'month':
      return { interval: 'day', from: startOfMonth(now), to: new Date(today + day) };
  }
}

function boundsOfDays({ first, last }: Days): UsageSpan {
  const from = Date.parse(first);
  const to = Date.parse(last) + day;
  // one bar or two would say nothing
  return {
    interval: to - from <= 2 * day ? 'hour' : 'day',
    from: new Date(from),
    to: new Date(to),
  };
}

/** What is wrong with days, by field, in words; nothing where they are a span that can be shown at `now`. */
export function checkDays({ first, last }: Days, now: number): Partial<Days> {
  const wrong: Partial<Days> = {};
  const begin = parseDay(first);
  const end = parseDay(last);
  const today = startOfDay(now);
  if (begin === undefined) wrong.first = 'Enter a day.';
  else if (begin > today) wrong.first = 'This day is yet to come.';
  if (end === undefined) wrong.last = 'Enter a day.';
  else if (end > today) wrong.last = 'This day is yet to come.';
  else if (begin !== undefined && end < begin) wrong.last = 'The last day comes before the first.';
  else if (begin !== undefined && end - begin >= mostDays * day) {
    wrong.first = `Choose at most ${mostDays} days.`;
  }
  return wrong;
}

/** Reads the span that an address names. What is none, or cannot be shown, is as if it were not there. */
export function readSpan(value: string, now: number): Span {
  if (Object.hasOwn(spanNames, value)) return value as NamedSpan;
  const [first = '', last = '', ...more] = value.split('_');
  const days = { first, last };
  const good = more.length === 0 && Object.keys(checkDays(days, now)).length === 0;
  return good ? days : firstSpan;
}

/** A span as an address names it; nothing for the first one. */
export function writeSpan(span: Span): string {
  if (typeof span === 'object') return `${span.first}_${span.last}`;
  return span === firstSpan ? '' : span;
}

/** A link to `path` for the same span. */
export function withSpan(path: string, span: Span): string {
  const written = writeSpan(span);
  return written ? `${path}${path.includes('?') ? '&' : '?'}span=${written}` : path;
}

/** “1 Nov 2026 to 7 Nov 2026”; of less than whole days, with the times. All of it is of UTC. */
export function boundsWords({ from, to }: { from: Date; to: Date }): string {
  const whole = from.getTime() % day === 0 && to.getTime() % day === 0;
  if (!whole) return `${dateTime(from)} to ${dateTime(to)}`.replaceAll(' UTC', '');
  const last = date(to.getTime() - 1);
  return date(from) === last ? last : `${date(from)} to ${last}`;
}

/** The day (UTC) that a time is in, as YYYY-MM-DD. */
export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

function startOfDay(time: number): number {
  return Math.floor(time / day) * day;
}

/** When a day begins, in milliseconds since the epoch; undefined for what is no day of this century. */
function parseDay(value: string): number | undefined {
  if (!/^20\d{2}-\d{2}-\d{2}$/.test(value)) return undefined;
  const time = Date.parse(`${value}T00:00:00Z`);
  // JavaScript takes 31 February for 3 March
  return Number.isNaN(time) || dayOf(time) !== value ? undefined : time;
}
