// Traffic is sold in powers of ten: 1 GB is 1,000,000,000 bytes. Amounts are read and written as text,
// because 0.1 has no exact floating-point number.

/** Reads typed gigabytes as bytes; undefined if the text is no such number, or too large to be exact. */
export function readGigabytes(typed: string): number | undefined {
  const [, whole = '', decimals = ''] = /^(?=\.?\d)(\d*)\.?(\d*)$/.exec(typed.trim()) ?? [typed];
  const fraction = decimals.replace(/0+$/, '');
  if ((whole === '' && decimals === '') || fraction.length > 9) return undefined;
  const bytes = BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
  return bytes <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(bytes) : undefined;
}

/** Bytes as GB, exact to the byte, as `readGigabytes` reads them. */
export function writeGigabytes(bytes: number): string {
  const digits = String(bytes).padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  return digits.slice(0, -9) + (fraction && `.${fraction}`);
}

/** Reads a typed whole number of connections; undefined for anything else. */
export function readConnections(typed: string): number | undefined {
  const text = typed.trim();
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** The input for each limit. The database checks the range. */
export const limitInputs = {
  bandwidth_limit_bytes: {
    label: 'GB per month',
    hint: '1 GB is 1,000,000,000 bytes. 0 allows no traffic.',
    read: readGigabytes,
    write: writeGigabytes,
    mistake: 'Enter a number with a decimal point, such as 2.5.',
  },
  rate_limit: {
    label: 'Connections per second',
    hint: undefined,
    read: readConnections,
    write: String,
    mistake: 'Enter a whole number.',
  },
  tunnel_limit: {
    label: 'Concurrent connections',
    hint: 'Per gateway.',
    read: readConnections,
    write: String,
    mistake: 'Enter a whole number.',
  },
} as const;
