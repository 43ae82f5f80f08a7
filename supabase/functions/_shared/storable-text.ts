/**
 * Whether the database can hold `text`. JSON and URLs can carry what it cannot: NUL, and half of a
 * surrogate pair.
 */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}
