/** How long something took: “50 ms”, “1.2 s”, “3 min 20 s”, “2 h 5 min”. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${milliseconds} ms`;
  // what would be rounded up to 60 belongs to the minutes
  if (milliseconds < 59_950) return `${(milliseconds / 1_000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1_000);
  if (seconds < 3_600) return joined(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  return joined(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
}

function joined(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

const statuses: Record<number, string> = {
  200: 'connected',
  400: 'malformed',
  402: 'quota used up',
  403: 'forbidden',
  407: 'credentials refused',
  429: 'too many',
  499: 'client left',
  502: 'target unreachable',
  503: 'unavailable',
  504: 'target too slow',
};

/**
 * What the gateway's answer means, in a word or two; undefined for one without, and for the answer to
 * any other method than CONNECT, as it may be the target's own.
 */
export function statusWords(method: string, status: number): string | undefined {
  return method === 'CONNECT' ? statuses[status] : undefined;
}
