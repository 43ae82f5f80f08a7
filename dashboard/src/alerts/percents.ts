/** What the account has where nothing was set. */
export const defaultPercents = [80, 95, 100];

/** Reads percents that were typed, as “80, 95, 100”: in order, each once; what is no number is NaN. */
export function readPercents(typed: string): number[] {
  const parts = typed.split(/[\s,;%]+/).filter(Boolean);
  const percents = parts.map((part) => (/^\d+$/.test(part) ? Number(part) : Number.NaN));
  return [...new Set(percents)].sort((a, b) => a - b);
}

/** What is wrong with these percents; undefined if nothing is. */
export function checkPercents(percents: number[]): string | undefined {
  if (percents.length === 0) return 'Enter at least one percent, or choose “Never”.';
  if (!percents.every((percent) => percent >= 10 && percent <= 100)) {
    return 'Each is a whole number from 10 to 100.';
  }
  return percents.length > 5 ? 'Enter at most five.' : undefined;
}

/** “at 80, 95 and 100 %”, or “never” */
export function percentWords(percents: number[]): string {
  if (percents.length === 0) return 'never';
  return `at ${list.format(percents.map(String))} %`;
}

const list = new Intl.ListFormat('en-GB');
