// Traffic is sold in powers of ten: 1 GB is 1,000,000,000 bytes. Read and written as text, as 0.1 has no
// exact floating-point number.

/** Bytes of what was typed as GB; undefined for what is no such number, or more than a number holds. */
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

/** A number of connections as typed: a whole number; undefined for anything else. */
export function readConnections(typed: string): number | undefined {
  const text = typed.trim();
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** How each limit is typed. What it may be, the database says. */
export const limitInputs = {
  bandwidth_limit_bytes: {
    label: 'GB a month',
    hint: '1 GB is 1,000,000,000 bytes. 0 lets no traffic through.',
    read: readGigabytes,
    write: writeGigabytes,
    mistake: 'Enter a number with a point before its decimals, as in 2.5.',
  },
  rate_limit: {
    label: 'Connections a second',
    hint: undefined,
    read: readConnections,
    write: String,
    mistake: 'Enter a whole number.',
  },
  tunnel_limit: {
    label: 'Connections open at once',
    hint: 'On each gateway.',
    read: readConnections,
    write: String,
    mistake: 'Enter a whole number.',
  },
} as const;
