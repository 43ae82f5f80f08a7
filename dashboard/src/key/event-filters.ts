import { text } from '../components/address-filters.ts';
import type { EventQuery } from '../data/use-events.ts';
import { withoutSecret } from '../format/without-secret.ts';

/** Which events the page shows, as people enter it. Days are of UTC; an empty string is no filter. */
export interface EventFilters {
  /** The first day, YYYY-MM-DD. */
  from: string;
  /** The last day, included. */
  to: string;
  status: string;
  host: string;
  /** Of a refusal or a failure. */
  code: string;
}

/** All events. */
export const noFilters: EventFilters = { from: '', to: '', status: '', host: '', code: '' };

/** How the filters stand in an address. */
export const eventFilters = { from: text, to: text, status: text, host: text, code: text };

/** The filters of an address: what does not fit is as if it were not there. */
export function withoutWrong(filters: EventFilters): EventFilters {
  const wrong = Object.keys(checkFilters(filters)).map((name) => [name, '']);
  return { ...tidy(filters), ...Object.fromEntries(wrong) };
}

/** What is wrong with filters, by field, in words. */
export function checkFilters(filters: EventFilters): Partial<EventFilters> {
  const { from, to, status, host, code } = tidy(filters);
  const wrong: Partial<EventFilters> = {};
  if (from && startOf(from) === undefined) wrong.from = 'This is no day.';
  if (to && startOf(to) === undefined) wrong.to = 'This is no day.';
  else if (from && to && to < from) wrong.to = 'The last day comes before the first.';
  if (status && !/^[1-9]\d\d$/.test(status)) wrong.status = 'A status is a number from 100 to 999.';
  if ([...host].length > 255) wrong.host = 'A host has at most 255 characters.';
  if (code && !/^[a-z][a-z0-9_]{0,63}$/.test(code)) {
    wrong.code = 'A code has small letters, digits and underscores.';
  }
  return wrong;
}

/** The filters as the database takes them; what is empty is left out. */
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

/** Whether any event is left out. */
export function isFiltered(filters: EventFilters): boolean {
  return Object.values(filters).some((value) => value !== '');
}

/** The filters without space around them, and without a secret. */
export function tidy({ from, to, status, host, code }: EventFilters): EventFilters {
  return {
    from,
    to,
    status: status.trim(),
    host: withoutSecret(host).trim(),
    code: withoutSecret(code).trim(),
  };
}

/** The first moment of a day (UTC), or of one some days after it; undefined for what is no day. */
function startOf(day: string, after = 0): string | undefined {
  // a browser may let a year of more digits through, which RFC 3339 has no form for
  if (!/^(?!0000)\d{4}-\d{2}-\d{2}$/.test(day)) return undefined;
  const time = new Date(`${day}T00:00:00Z`);
  // JavaScript takes 31 February for 3 March
  if (Number.isNaN(time.getTime()) || time.toISOString().slice(0, 10) !== day) return undefined;
  time.setUTCDate(time.getUTCDate() + after);
  const start = time.toISOString();
  return start.length === 24 ? start : undefined;
}
