// Traffic is sold in powers of ten: 1 GB is 1,000,000,000 bytes.

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
const whole = new Intl.NumberFormat('en');
const threeDigits = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

/** “1.23 GB” */
export function bytes(count: number): string {
  let unit = 0;
  let rest = count;
  // what would be rounded up to 1,000 belongs to the next unit
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1_000;
    unit += 1;
  }
  return `${threeDigits.format(rest)} ${units[unit]}`;
}

/** “12,345” */
export function number(count: number): string {
  return whole.format(count);
}

/** “1 key”, “2 keys” */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/** “42 %”; “< 1 %” for a little, and never “100 %” for what is not all of it. */
export function percent(part: number, total: number): string {
  if (total <= 0) return part > 0 ? 'over' : '0 %';
  const share = (part / total) * 100;
  if (share > 0 && share < 1) return '< 1 %';
  return `${number(Math.floor(share))} %`;
}
