import ipaddr from 'ipaddr.js';
import { parseAddress } from '../../supabase/functions/_shared/address-ranges.ts';

/** The sender of a request: its address is read only when something depends on it. */
export interface Client {
  readonly remoteAddress?: string | undefined;
}

/** The networks where a key's clients may be, with their prefix lengths. */
export type ClientRanges = readonly [network: ipaddr.IPv4 | ipaddr.IPv6, prefixLength: number][];

/** The ranges of a key that any client may use: one value for all such keys, which most are. */
export const anywhere: ClientRanges = [];

/**
 * Reads ranges as Postgres writes them, each with its prefix length. Throws for anything else:
 * skipping a range could leave none, which would admit every client.
 */
export function parseClientRanges(ranges: readonly string[]): ClientRanges {
  return ranges.length === 0 ? anywhere : ranges.map(parseClientRange);
}

function parseClientRange(range: string): ClientRanges[number] {
  const [, address = '', prefixLength = ''] = /^([^/]+)\/(\d{1,3})$/.exec(range) ?? [];
  const network = parseAddress(address);
  if (!network || Number(prefixLength) > network.toByteArray().length * 8) {
    throw new Error(`"${range}" is not an address range`);
  }
  return [network, Number(prefixLength)];
}

/** Whether a client is in one of the ranges, if any. A client that has already left is in none. */
export function permitsClient(ranges: ClientRanges, client: Client): boolean {
  if (ranges.length === 0) return true;
  const address = addressOf(client);
  return ranges.some(
    ([network, prefixLength]) =>
      network.kind() === address?.kind() && address.match(network, prefixLength),
  );
}

/** A dual-stack socket shows an IPv4 address in IPv6 form: it is turned back into IPv4. */
function addressOf({ remoteAddress = '' }: Client): ipaddr.IPv4 | ipaddr.IPv6 | null {
  // after a % comes the network interface, in a form that ipaddr.js may not know
  const address = parseAddress(remoteAddress.replace(/%.*$/, ''));
  const mapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress();
  return mapped ? address.toIPv4Address() : address;
}
