/** The maximum number of addresses and ranges per key. */
const mostAllowedClients = 50;

/** Writes a range of one address as that address. */
export function shortRange(range: string): string {
  return range.replace(range.includes(':') ? /\/128$/ : /\/32$/, '');
}

/** Writes addresses and ranges, one per line. */
export function writeAllowedClients(ranges: string[]): string {
  return ranges.map(shortRange).join('\n');
}

/** Reads addresses and ranges, one per line, without duplicates. */
export function readAllowedClients(text: string): string[] {
  const lines = text.split(/[\n\r,;]/).map((line) => line.trim());
  return [...new Set(lines.filter((line) => line !== ''))];
}

/** Returns the first obvious mistake, in words. The database checks the rest. */
export function checkAllowedClients(ranges: string[]): string | undefined {
  if (ranges.length > mostAllowedClients) {
    return `You entered ${ranges.length}. A key can have at most ${mostAllowedClients}.`;
  }
  const strange = ranges.find((range) => !/^[\da-f]*[.:][\da-f.:]*(\/\d+)?$/i.test(range));
  if (strange === undefined) return undefined;
  return `“${strange}” is not an IP address or range.`;
}
