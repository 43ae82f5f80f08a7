import type { ClientRanges } from '../keys/client-ranges.ts';
import { parseAllowedTargets } from '../targets/allowed-targets.ts';

/**
 * Reads `GATEWAY_PROXY_PROTOCOL_FROM`: addresses and CIDRs, separated by commas. Throws an Error for
 * anything else.
 */
export function parseProxyRanges(text: string): ClientRanges {
  return parseAllowedTargets(text).map(({ network, prefixLength, port }) => {
    if (port !== null) throw new Error('an address range cannot have a port');
    return [network, prefixLength];
  });
}
