/** A time as `<input type="datetime-local">` has it, in UTC, to the minute. */
export function toLocalInput(time: string): string {
  return new Date(time).toISOString().slice(0, 16);
}

/** The time that such an input means when it is of UTC, as RFC 3339; undefined for what is none. */
export function fromLocalInput(value: string): string | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?$/.test(value)) return undefined;
  const time = new Date(`${value}Z`);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}
