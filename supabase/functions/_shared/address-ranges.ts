import ipaddr from 'ipaddr.js';

/**
 * Cloud-internal services on addresses that look public: Azure's WireServer. The metadata services
 * of the other clouds are in ranges that are not public.
 */
const cloudInternal = new Set(['168.63.129.16']);

/**
 * Whether an address is on the public Internet: IPv4 unicast, or IPv6 in 2000::/3, except the blocks
 * in IANA's special-purpose registries and forms that embed an IPv4 address. Text that is not a
 * canonical address is not public.
 */
export function isPublic(address: string): boolean {
  const parsed = parseAddress(address);
  if (parsed?.range() !== 'unicast' || cloudInternal.has(address)) return false;
  // IANA has allocated nothing else, and ipaddr.js counts ::a.b.c.d as unicast
  return parsed instanceof ipaddr.IPv4 || isGlobalUnicast(parsed);
}

/** Parses a canonical address; null for any other spelling, some of which ipaddr.js accepts. */
export function parseAddress(address: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  const family = familyOf(address);
  if (family === 4) return ipaddr.IPv4.parse(address);
  return family === 6 ? ipaddr.IPv6.parse(address.replace(dotted, asWords)) : null;
}

/** Like Node's `isIP`, without zone ids: functions do not have Node's types. */
export function familyOf(address: string): 0 | 4 | 6 {
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return 4;
  if (!/^[0-9a-f:.]+$/i.test(address)) return 0;
  const tail = dotted.exec(address)?.[0];
  if (tail !== undefined && !ipaddr.IPv4.isValidFourPartDecimal(tail)) return 0;
  return ipaddr.IPv6.isValid(address.replace(dotted, '0:0')) ? 6 : 0;
}

/** The last 32 bits of an IPv6 address in IPv4 form: ipaddr.js reads ::a.b.c.d as ::ffff:a.b.c.d. */
const dotted = /(?<=:)\d+\.\d+\.\d+\.\d+$/;

function asWords(text: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

function isGlobalUnicast({ parts: [first = 0] }: ipaddr.IPv6): boolean {
  return first >= 0x2000 && first <= 0x3fff;
}
