import { text } from '../components/address-filters.ts';
import type { EventQuery } from '../data/use-events.ts';
import { withoutSecret } from '../format/without-secret.ts';

/** The event filters as the user enters them. Days are in UTC; an empty string is no filter. */
export interface EventFilters {
  /** The first day, YYYY-MM-DD. */
  from: string;
  /** The last day, inclusive. */
  to: string;
  status: string;
  host: string;
  /** The code of a refusal or failure. */
  code: string;
}

/** All events. */
export const noFilters: EventFilters = { from: '', to: '', status: '', host: '', code: '' };

/** How the filters are written in a URL. */
export const eventFilters = { from: text, to: text, status: text, host: text, code: text };

/** Reads the filters of a URL and drops invalid ones. */
export function withoutWrong(filters: EventFilters): EventFilters {
  const wrong = Object.keys(checkFilters(filters)).map((name) => [name, '']);
  return { ...tidy(filters), ...Object.fromEntries(wrong) };
}

/** Returns the mistakes in the filters, in words, by field. */
export function checkFilters(filters: EventFilters): Partial<EventFilters> {
  const { from, to, status, host, code } = tidy(filters);
  const wrong: Partial<EventFilters> = {};
  if (from && startOf(from) === undefined) wrong.from = 'Enter a valid date.';
  if (to && startOf(to) === undefined) wrong.to = 'Enter a valid date.';
  else if (from && to && to < from) wrong.to = 'The last day is before the first.';
  if (status && !/^[1-9]\d\d$/.test(status)) wrong.status = 'A status is a number from 100 to 999.';
  if ([...host].length > 255) wrong.host = 'A host has at most 255 characters.';
  if (code && !/^[a-z][a-z0-9_]{0,63}$/.test(code)) {
    wrong.code = 'A code has lowercase letters, digits and underscores.';
  }
  return wrong;
}

/** The filters as database arguments, without the empty ones. */
export function eventQuery(filters: EventFilters): EventQuery {
  const { from, to, status, host, code } = tidy(filters);
  const begin = startOf(from);
  const end = startOf(to, 1);
  return {
    ...(begin ? { from: begin } : {}),
    ...(end ? { to: end } : {}),
    ...(status ? { status_code: Number(status) } : {}),
    ...(host ? { target_host: host } : {}),
    ...(code ? { code } : {}),
  };
}

/** Whether any filter is set. */
export function isFiltered(filters: EventFilters): boolean {
  return Object.values(filters).some((value) => value !== '');
}

/** Trims the filters and removes secrets from them. */
export function tidy({ from, to, status, host, code }: EventFilters): EventFilters {
  return {
    from,
    to,
    status: status.trim(),
    host: withoutSecret(host).trim(),
    code: withoutSecret(code).trim(),
  };
}

/** The start of a day (UTC), `after` days later; undefined if `day` is invalid. */
function startOf(day: string, after = 0): string | undefined {
  // a browser may allow a year with more digits, which RFC 3339 cannot express
  if (!/^(?!0000)\d{4}-\d{2}-\d{2}$/.test(day)) return undefined;
  const time = new Date(`${day}T00:00:00Z`);
  // JavaScript reads 31 February as 3 March
  if (Number.isNaN(time.getTime()) || time.toISOString().slice(0, 10) !== day) return undefined;
  time.setUTCDate(time.getUTCDate() + after);
  const start = time.toISOString();
  return start.length === 24 ? start : undefined;
}
