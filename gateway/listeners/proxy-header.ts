import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { parseAddress } from '../../supabase/functions/_shared/address-ranges.ts';

/**
 * What the first bytes of a connection are: a complete PROXY protocol header of `length` bytes with
 * the client's address (null if it has none: the sender is the client), the start of one, or none.
 */
export type ProxyHeader =
  | { state: 'complete'; length: number; address: string | null }
  | { state: 'incomplete' | 'missing' | 'malformed' };

const incomplete: ProxyHeader = { state: 'incomplete' };
const malformed: ProxyHeader = { state: 'malformed' };
const missing: ProxyHeader = { state: 'missing' };

const beginV1 = Buffer.from('PROXY ', 'latin1');
const beginV2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** With its CRLF: section 2.1. */
const longestV1 = 107;
/** Before the addresses: section 2.2. */
const fixedV2 = 16;
/** Addresses and extensions; senders keep them below 536 bytes, except for client certificates. */
const mostAfterFixed = 8_192;

/**
 * Reads a header of version 1 or 2 from the start of `bytes`, according to
 * https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt. Extensions (TLVs) are skipped.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (begins(bytes, beginV1)) return readV1(bytes);
  return begins(bytes, beginV2) ? readV2(bytes) : missing;
}

/** Whether `bytes`, which may be fewer, start like `beginning`. */
function begins(bytes: Buffer, beginning: Buffer): boolean {
  const length = Math.min(bytes.length, beginning.length);
  return bytes.subarray(0, length).equals(beginning.subarray(0, length));
}

const families = new Map([
  ['TCP4', isIPv4],
  ['TCP6', isIPv6],
]);
const portForm = /^(?:0|[1-9]\d{0,4})$/;

function readV1(bytes: Buffer): ProxyHeader {
  const line = bytes.subarray(0, longestV1).toString('latin1');
  const end = line.indexOf('\r\n');
  if (end === -1) return bytes.length >= longestV1 ? malformed : incomplete;
  const length = end + 2;
  const [, family, ...rest] = line.slice(0, end).split(' ');
  // the rest of the line must be ignored
  if (family === 'UNKNOWN') return { state: 'complete', length, address: null };
  const [source = '', destination = '', ...ports] = rest;
  const isAddress = families.get(family ?? '');
  const areAddresses = [source, destination].every(
    (address) => isAddress?.(address) && !address.includes('%'),
  );
  const arePorts = ports.length === 2 && ports.every((port) => portForm.test(port));
  if (!areAddresses || !arePorts || ports.some((port) => Number(port) > 65_535)) return malformed;
  const address = parseAddress(source);
  return address ? { state: 'complete', length, address: plainForm(address) } : malformed;
}

function readV2(bytes: Buffer): ProxyHeader {
  if (bytes.length < fixedV2) return incomplete;
  const [versionAndCommand = 0, familyAndProtocol = 0] = bytes.subarray(12, 14);
  const command = versionAndCommand & 0x0f;
  const family = familyAndProtocol >> 4;
  const protocol = familyAndProtocol & 0x0f;
  // unassigned values must be refused
  if (versionAndCommand >> 4 !== 2 || command > 1 || family > 3 || protocol > 2) return malformed;
  const afterFixed = bytes.readUInt16BE(14);
  if (afterFixed > mostAfterFixed) return malformed;
  const length = fixedV2 + afterFixed;
  const isLocal = command === 0;
  const addressBytes = isLocal || protocol !== 1 ? 0 : ({ 1: 4, 2: 16 }[family] ?? 0);
  // both addresses and both ports
  const leastAfterFixed = addressBytes === 0 ? 0 : 2 * addressBytes + 4;
  if (afterFixed < leastAfterFixed) return malformed;
  if (bytes.length < length) return incomplete;
  if (addressBytes === 0) return { state: 'complete', length, address: null };
  const source = ipaddr.fromByteArray([...bytes.subarray(fixedV2, fixedV2 + addressBytes)]);
  return { state: 'complete', length, address: plainForm(source) };
}

/** One spelling per address; an IPv4 address in IPv6 form is turned back into IPv4. */
function plainForm(address: ipaddr.IPv4 | ipaddr.IPv6): string {
  const mapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress();
  return (mapped ? address.toIPv4Address() : address).toString();
}
