import { isIPv4 } from 'node:net';

/** The address that a connection counts for: for IPv6 its /64 network, which one client has. */
export function countedAddress(address: string): string {
  const mapped = address.startsWith('::ffff:') ? address.slice(7) : address;
  if (isIPv4(mapped)) return mapped;
  // the socket's own spelling is canonical, with at most one ::
  const [head = '', tail] = address.split('::');
  const first = head.split(':');
  const missing = tail === undefined ? 0 : 8 - first.length - tail.split(':').length;
  return [...first, ...Array<string>(Math.max(0, missing)).fill('0')].slice(0, 4).join(':');
}
