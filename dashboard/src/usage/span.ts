import type { UsageSpan } from '../data/use-usage.ts';
import { date, dateTime, startOfMonth } from '../format/time.ts';
import { day, hour } from '../usage-chart/use-now.ts';

/** The named spans. Each ends with the current hour or day (UTC). */
export const spanNames = {
  hours: '24 hours',
  week: '7 days',
  days: '30 days',
  month: 'This month',
} as const;
export type NamedSpan = keyof typeof spanNames;

/** Whole days (UTC) as YYYY-MM-DD, both inclusive. */
export interface Days {
  first: string;
  last: string;
}

/** A time span for figures. */
export type Span = NamedSpan | Days;

/** A span, and one key (by its keyId) or all keys. */
export interface OfSpan {
  span: Span;
  keyId?: string | undefined;
}

/** The default span, also for a URL without one. */
const firstSpan: NamedSpan = 'month';

/** The database's maximum number of days for targets and outcomes. */
const mostDays = 92;

/** The hours or days of a span at `now` (milliseconds since the epoch): stable until the hour or day ends. */
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
  // one or two bars would be useless
  return {
    interval: to - from <= 2 * day ? 'hour' : 'day',
    from: new Date(from),
    to: new Date(to),
  };
}

/** Returns the mistakes in the days, in words, by field; none if they can be shown at `now`. */
export function checkDays({ first, last }: Days, now: number): Partial<Days> {
  const wrong: Partial<Days> = {};
  const begin = parseDay(first);
  const end = parseDay(last);
  const today = startOfDay(now);
  if (begin === undefined) wrong.first = 'Enter a date.';
  else if (begin > today) wrong.first = 'This day is in the future.';
  if (end === undefined) wrong.last = 'Enter a date.';
  else if (end > today) wrong.last = 'This day is in the future.';
  else if (begin !== undefined && end < begin) wrong.last = 'The last day is before the first.';
  else if (begin !== undefined && end - begin >= mostDays * day) {
    wrong.first = `Choose at most ${mostDays} days.`;
  }
  return wrong;
}

/** Reads the span of a URL. A span that is invalid or cannot be shown is ignored. */
export function readSpan(value: string, now: number): Span {
  if (Object.hasOwn(spanNames, value)) return value as NamedSpan;
  const [first = '', last = '', ...more] = value.split('_');
  const days = { first, last };
  const good = more.length === 0 && Object.keys(checkDays(days, now)).length === 0;
  return good ? days : firstSpan;
}

/** A span as written in a URL; empty for the default span. */
export function writeSpan(span: Span): string {
  if (typeof span === 'object') return `${span.first}_${span.last}`;
  return span === firstSpan ? '' : span;
}

/** A link to `path` for the same span. */
export function withSpan(path: string, span: Span): string {
  const written = writeSpan(span);
  return written ? `${path}${path.includes('?') ? '&' : '?'}span=${written}` : path;
}

/** “1 Nov 2026 to 7 Nov 2026”; with times if the days are not whole. All in UTC. */
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

/** The start of a day, in milliseconds since the epoch; undefined if it is no day of this century. */
function parseDay(value: string): number | undefined {
  if (!/^20\d{2}-\d{2}-\d{2}$/.test(value)) return undefined;
  const time = Date.parse(`${value}T00:00:00Z`);
  // JavaScript reads 31 February as 3 March
  return Number.isNaN(time) || dayOf(time) !== value ? undefined : time;
}
