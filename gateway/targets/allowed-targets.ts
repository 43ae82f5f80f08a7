import { isIP, isIPv6 } from 'node:net';
import type ipaddr from 'ipaddr.js';
import { parseAddress } from '../../supabase/functions/_shared/address-ranges.ts';

/** Addresses that are allowed although the target policy forbids them. */
export interface AllowedTarget {
  network: ipaddr.IPv4 | ipaddr.IPv6;
  prefixLength: number;
  /** The only port, or null for every port. */
  port: number | null;
}

// an IPv6 address without a prefix length takes a port in brackets only: ::1:8443 is an address
const form =
  /^(?:\[(?<bracketed>[^\]]*)\]|(?<plain>[\d.]+|[^/[\]]+(?=\/)))(?:\/(?<length>\d{1,3}))?(?::(?<port>\d{1,5}))?$/;

/**
 * Reads `GATEWAY_ALLOW_TARGETS`: CIDRs with an optional port, separated by commas, for example
 * `127.0.0.0/8:8443, [::1]/128:8443, ::1`. An address without a prefix is that one address. Throws
 * an Error that names the item it cannot read.
 */
export function parseAllowedTargets(text: string): AllowedTarget[] {
  const items = text.split(',').map((item) => item.trim());
  return items.filter((item) => item !== '').map(parseAllowedTarget);
}

function parseAllowedTarget(item: string): AllowedTarget {
  const parts: Record<string, string | undefined> = form.exec(item)?.groups ?? {};
  const address = isIP(item) ? item : (parts.bracketed ?? parts.plain ?? '');
  const wrongFamily = parts.bracketed !== undefined && !isIPv6(address);
  const network = parseAddress(address);
  if (!network || address.includes('%') || wrongFamily) {
    throw new Error(`"${item}" is not an address or CIDR, with an optional port`);
  }
  const longest = network.toByteArray().length * 8;
  const prefixLength = isIP(item) ? longest : Number(parts.length ?? longest);
  if (prefixLength > longest) throw new Error(`"${item}" has a prefix longer than ${longest}`);
  // a host's address with a short prefix would allow more than intended
  if (hasBitsAfter(network, prefixLength)) {
    throw new Error(`"${item}" is not a network: it has bits set after its prefix`);
  }
  const port = isIP(item) || parts.port === undefined ? null : Number(parts.port);
  if (port !== null && (port < 1 || port > 65_535)) {
    throw new Error(`"${item}" has a port that is not from 1 to 65535`);
  }
  return { network, prefixLength, port };
}

function hasBitsAfter(network: ipaddr.IPv4 | ipaddr.IPv6, prefixLength: number): boolean {
  const bits = network.toByteArray().map((byte) => byte.toString(2).padStart(8, '0'));
  return bits.join('').includes('1', prefixLength);
}

/** Whether one of `allowed` covers a canonical address and a port. */
export function matches(allowed: readonly AllowedTarget[], address: string, port: number): boolean {
  if (!permitsPort(allowed, port)) return false;
  const parsed = parseAddress(address);
  return allowed.some(
    (target) =>
      (target.port === null || target.port === port) &&
      target.network.kind() === parsed?.kind() &&
      parsed.match(target.network, target.prefixLength),
  );
}

/** Whether one of `allowed` could cover any address at a port. */
export function permitsPort(allowed: readonly AllowedTarget[], port: number): boolean {
  return allowed.some((target) => target.port === null || target.port === port);
}
