/** The account's thresholds if none were set. */
export const defaultPercents = [80, 95, 100];

/**
 * Reads typed percentages, such as “80, 95, 100”: sorted, without duplicates; NaN for anything that is
 * not a number.
 */
export function readPercents(typed: string): number[] {
  const parts = typed.split(/[\s,;%]+/).filter(Boolean);
  const percents = parts.map((part) => (/^\d+$/.test(part) ? Number(part) : Number.NaN));
  return [...new Set(percents)].sort((a, b) => a - b);
}

/** Returns the mistake in these percentages, or undefined. */
export function checkPercents(percents: number[]): string | undefined {
  if (percents.length === 0) return 'Enter at least one percentage, or choose “Never”.';
  if (!percents.every((percent) => percent >= 10 && percent <= 100)) {
    return 'Enter whole numbers from 10 to 100.';
  }
  return percents.length > 5 ? 'Enter at most five percentages.' : undefined;
}

/** “at 80, 95 and 100 %”, or “never” */
export function percentWords(percents: number[]): string {
  if (percents.length === 0) return 'never';
  return `at ${list.format(percents.map(String))} %`;
}

const list = new Intl.ListFormat('en-GB');
