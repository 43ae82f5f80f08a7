import type { LookupAddress } from 'node:dns';
import { networkInterfaces } from 'node:os';
import { isPublic } from '../../supabase/functions/_shared/address-ranges.ts';

/** How long this machine's addresses are assumed to be unchanged, in ms. */
const checkMs = 10_000;
let ipv6First = false;
let checkedAt = Number.NEGATIVE_INFINITY;

/**
 * The order in which addresses are tried: each family's in the name server's order, alternating
 * (RFC 8305, 4). IPv6 is first if this machine has a public IPv6 address; else IPv4 is, as
 * otherwise each connection would start with an attempt that cannot succeed.
 */
export function interleave(
  ipv4: readonly string[],
  ipv6: readonly string[],
  ipv6IsFirst = reachesIpv6(),
): LookupAddress[] {
  const [first, second] = ipv6IsFirst ? [ipv6, ipv4] : [ipv4, ipv6];
  const [firstFamily, secondFamily] = ipv6IsFirst ? [6, 4] : [4, 6];
  const ordered: LookupAddress[] = [];
  for (let index = 0; index < Math.max(first.length, second.length); index += 1) {
    const [one, other] = [first[index], second[index]];
    if (one !== undefined) ordered.push({ address: one, family: firstFamily });
    if (other !== undefined) ordered.push({ address: other, family: secondFamily });
  }
  return ordered;
}

function reachesIpv6(): boolean {
  const now = performance.now();
  if (now - checkedAt >= checkMs) {
    checkedAt = now;
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    ipv6First = addresses.some(({ family, address }) => family === 'IPv6' && isPublic(address));
  }
  return ipv6First;
}
