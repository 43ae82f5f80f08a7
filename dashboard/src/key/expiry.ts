/** A time in the format of `<input type="datetime-local">`, in UTC, to the minute. */
export function toLocalInput(time: string): string {
  return new Date(time).toISOString().slice(0, 16);
}

/** Reads such an input's value as UTC and returns RFC 3339; undefined if it is no valid time. */
export function fromLocalInput(value: string): string | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?$/.test(value)) return undefined;
  const time = new Date(`${value}Z`);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}
