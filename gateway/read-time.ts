/** An operator's text is not a valid time; the message shows one. */
export class NoTime extends Error {}

/** Reads a time in RFC 3339 form, with its zone. Throws `NoTime`. */
export function readTime(text: string): Date {
  const time = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text) ? new Date(text) : null;
  if (time && !Number.isNaN(time.valueOf())) return time;
  throw new NoTime('A time must have its zone, for example 2026-07-31T03:00:00Z.');
}
