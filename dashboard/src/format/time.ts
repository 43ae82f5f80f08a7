import { counted } from './amount.ts';

// Months, quotas and days are in UTC, so all times are shown in UTC and say so.

type Time = string | number | Date;

const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/** “23 Nov 2026” */
export function date(time: Time): string {
  return `${shortDate(time)} ${new Date(time).getUTCFullYear()}`;
}

/** “23 Nov” */
export function shortDate(time: Time): string {
  const at = new Date(time);
  return `${at.getUTCDate()} ${nameOfMonth(at).slice(0, 3)}`;
}

/** “23 Nov 2026, 05:12 UTC” */
export function dateTime(time: Time): string {
  return `${date(time)}, ${clockTime(time).slice(0, 5)} UTC`;
}

/** “05:12:07”, in UTC */
export function clockTime(time: Time): string {
  return new Date(time).toISOString().slice(11, 19);
}

/** “November 2026” */
export function month(time: Time): string {
  const at = new Date(time);
  return `${nameOfMonth(at)} ${at.getUTCFullYear()}`;
}

function nameOfMonth(at: Date): string {
  return months[at.getUTCMonth()] ?? '';
}

// no “yesterday”: that would be a calendar day, and these are spans of 24 hours
const steps: [string, number][] = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** “3 hours ago”, “in 2 days”, “just now”. `now` is in milliseconds since the epoch. */
export function fromNow(time: Time, now: number): string {
  const seconds = Math.round((new Date(time).getTime() - now) / 1_000);
  for (const [unit, length] of steps) {
    const count = Math.trunc(Math.abs(seconds) / length);
    if (count === 0) continue;
    const words = counted(count, unit);
    return seconds < 0 ? `${words} ago` : `in ${words}`;
  }
  return seconds > 0 ? 'within a minute' : 'just now';
}

/** The same for a past time: never in the future, even if the browser's clock is behind. */
export function ago(time: Time, now: number): string {
  return fromNow(time, Math.max(now, new Date(time).getTime()));
}

/** “42 s”, “5 min”, “3 h”: a waiting time in seconds, rounded up. */
export function span(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`;
}

/** The start of the month that is `ahead` months after that of `time`, in UTC. */
export function startOfMonth(time: number, ahead = 0): Date {
  const at = new Date(time);
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + ahead, 1));
}

/** A month as the database names it: “2026-11”. */
export function period(time: Date): string {
  return time.toISOString().slice(0, 7);
}
