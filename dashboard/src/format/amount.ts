// Traffic is sold in powers of ten: 1 GB is 1,000,000,000 bytes. Numbers and times are formatted by
// hand: the first use of the browser's Intl takes 13 ms or more, in the longest task of a first load.

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** “1.23 GB” */
export function bytes(count: number): string {
  let unit = 0;
  let rest = count;
  // a value that rounds up to 1,000 belongs to the next unit
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1_000;
    unit += 1;
  }
  return `${Number(rest.toPrecision(3))} ${units[unit]}`;
}

/** “12,345” */
export function number(count: number): string {
  return String(count).replace(/(?<!\.\d*)\B(?=(\d{3})+(?!\d))/g, ',');
}

/** “1 key”, “2 keys” */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/** “42 %”; “< 1 %” for a small share; “100 %” only for all of it. */
export function percent(part: number, total: number): string {
  if (total <= 0) return part > 0 ? 'over' : '0 %';
  const share = (part / total) * 100;
  if (share > 0 && share < 1) return '< 1 %';
  return `${number(Math.floor(share))} %`;
}
