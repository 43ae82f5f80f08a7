/**
 * Whether Postgres can store `text`. JSON and URLs can carry text that it cannot: NUL, and unpaired
 * surrogates.
 */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}
