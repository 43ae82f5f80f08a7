import ipaddr from 'ipaddr.js';

/**
 * What answers a cloud's own machines from an address that looks public: Azure's WireServer. The
 * metadata services of the other clouds live in ranges that are not public.
 */
const cloudInternal = new Set(['168.63.129.16']);

/**
 * Whether an address is one of the public Internet: IPv4 unicast, or IPv6 of 2000::/3, without the
 * blocks that IANA's special-purpose registries list and without forms that carry an IPv4 address.
 * What is no canonical address is not public.
 */
export function isPublic(address: string): boolean {
  const parsed = parseAddress(address);
  if (parsed?.range() !== 'unicast' || cloudInternal.has(address)) return false;
  // IANA has given out nothing else, and ::a.b.c.d is unicast to ipaddr.js
  return parsed instanceof ipaddr.IPv4 || isGlobalUnicast(parsed);
}

/** Reads a canonical address; null for any other spelling, of which ipaddr.js would take some. */
export function parseAddress(address: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  const family = familyOf(address);
  if (family === 4) return ipaddr.IPv4.parse(address);
  return family === 6 ? ipaddr.IPv6.parse(address.replace(dotted, asWords)) : null;
}

/** As `isIP` of Node, without its zones: functions have no types of Node. */
export function familyOf(address: string): 0 | 4 | 6 {
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return 4;
  if (!/^[0-9a-f:.]+$/i.test(address)) return 0;
  const tail = dotted.exec(address)?.[0];
  if (tail !== undefined && !ipaddr.IPv4.isValidFourPartDecimal(tail)) return 0;
  return ipaddr.IPv6.isValid(address.replace(dotted, '0:0')) ? 6 : 0;
}

/** The last 32 bits of an IPv6 address, in the form of IPv4: ipaddr.js takes ::a.b.c.d for ::ffff:a.b.c.d. */
const dotted = /(?<=:)\d+\.\d+\.\d+\.\d+$/;

function asWords(text: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

function isGlobalUnicast({ parts: [first = 0] }: ipaddr.IPv6): boolean {
  return first >= 0x2000 && first <= 0x3fff;
}
