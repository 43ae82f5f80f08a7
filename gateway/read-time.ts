/** What an operator wrote is no moment; the message says what is. */
export class NoTime extends Error {}

/** A moment as an operator writes it: RFC 3339, with its zone. Throws `NoTime`. */
export function readTime(text: string): Date {
  const time = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text) ? new Date(text) : null;
  if (time && !Number.isNaN(time.valueOf())) return time;
  throw new NoTime('A time has its zone, as 2026-07-31T03:00:00Z.');
}
