import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** A version 1 header for this client. */
export function headerV1(source: string): Buffer {
  const [family, destination] = isIPv6(source) ? ['TCP6', '2001:db8::1'] : ['TCP4', '192.0.2.1'];
  return Buffer.from(`PROXY ${family} ${source} ${destination} 51234 7777\r\n`);
}

export interface HeaderV2 {
  /** Version and command; by default PROXY. */
  command?: number;
  /** Family and protocol; by default TCP of the client's family. */
  family?: number;
  /** The client; without one the header has no addresses. */
  source?: string;
  extensions?: Buffer;
}

/** A version 2 header. */
export function headerV2(options: HeaderV2): Buffer {
  const { command = 0x21, source, extensions = Buffer.alloc(0) } = options;
  const address = source === undefined ? [] : ipaddr.parse(source).toByteArray();
  const family = options.family ?? (address.length === 16 ? 0x21 : 0x11);
  const ports = source === undefined ? [] : [0xc8, 0x22, 0x1e, 0x61];
  const content = Buffer.concat([Buffer.from([...address, ...address, ...ports]), extensions]);
  const fixed = Buffer.from('\r\n\r\n\0\r\nQUIT\n\0\0\0\0', 'latin1');
  fixed.set([command, family, content.length >> 8, content.length & 0xff], 12);
  return Buffer.concat([fixed, content]);
}
