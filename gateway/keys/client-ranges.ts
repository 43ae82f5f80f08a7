import ipaddr from 'ipaddr.js';
import { parseAddress } from '../../supabase/functions/_shared/address-ranges.ts';

/** Who sends a request: its address is asked for only where something depends on it. */
export interface Client {
  readonly remoteAddress?: string | undefined;
}

/** Where the clients of a key may be: networks with the length of their prefix. */
export type ClientRanges = readonly [network: ipaddr.IPv4 | ipaddr.IPv6, prefixLength: number][];

/** Of a key that any client may use: one for all of them, as most keys are such. */
export const anywhere: ClientRanges = [];

/**
 * Reads ranges as Postgres writes them, each with its prefix length. Throws for anything else: a range
 * that was left out could leave none, which would let everybody in.
 */
export function parseClientRanges(ranges: readonly string[]): ClientRanges {
  return ranges.length === 0 ? anywhere : ranges.map(parseClientRange);
}

function parseClientRange(range: string): ClientRanges[number] {
  const [, address = '', prefixLength = ''] = /^([^/]+)\/(\d{1,3})$/.exec(range) ?? [];
  const network = parseAddress(address);
  if (!network || Number(prefixLength) > network.toByteArray().length * 8) {
    throw new Error(`"${range}" is no range of addresses`);
  }
  return [network, Number(prefixLength)];
}

/**
 * Whether a client is in one of the ranges, where there are any. One that has left before its address
 * was asked for is nowhere.
 */
export function permitsClient(ranges: ClientRanges, client: Client): boolean {
  if (ranges.length === 0) return true;
  const address = addressOf(client);
  return ranges.some(
    ([network, prefixLength]) =>
      network.kind() === address?.kind() && address.match(network, prefixLength),
  );
}

/** An IPv4 address that a socket for both families has in the form of IPv6 is that IPv4 address. */
function addressOf({ remoteAddress = '' }: Client): ipaddr.IPv4 | ipaddr.IPv6 | null {
  // after a % comes the network interface, in words that ipaddr.js may not know
  const address = parseAddress(remoteAddress.replace(/%.*$/, ''));
  const mapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress();
  return mapped ? address.toIPv4Address() : address;
}
