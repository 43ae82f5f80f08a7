/** How many addresses and ranges a key may have. */
const mostAllowedClients = 50;

/** A range of one address is written as that address. */
export function shortRange(range: string): string {
  return range.replace(range.includes(':') ? /\/128$/ : /\/32$/, '');
}

/** Addresses and ranges, one a line. */
export function writeAllowedClients(ranges: string[]): string {
  return ranges.map(shortRange).join('\n');
}

/** What a text of one address or range a line holds; each once. */
export function readAllowedClients(text: string): string[] {
  const lines = text.split(/[\n\r,;]/).map((line) => line.trim());
  return [...new Set(lines.filter((line) => line !== ''))];
}

/**
 * What is wrong with them at first sight, in words. Whether the rest holds, the database says.
 */
export function checkAllowedClients(ranges: string[]): string | undefined {
  if (ranges.length > mostAllowedClients) {
    return `There are ${ranges.length}. A key has at most ${mostAllowedClients}.`;
  }
  const strange = ranges.find((range) => !/^[\da-f]*[.:][\da-f.:]*(\/\d+)?$/i.test(range));
  if (strange === undefined) return undefined;
  return `“${strange}” is no address and no range of addresses.`;
}
