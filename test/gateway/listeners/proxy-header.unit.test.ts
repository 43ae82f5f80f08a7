import { describe, expect, it } from 'vitest';
import { readProxyHeader } from '../../../gateway/listeners/proxy-header.ts';
import { headerV1, headerV2 } from './proxy-headers.ts';

const request = Buffer.from('CONNECT example.com:443 HTTP/1.1\r\n\r\n');
const read = (header: Buffer | string) => readProxyHeader(Buffer.from(header));
const complete = (header: Buffer | string, address: string | null) => ({
  state: 'complete',
  length: Buffer.from(header).length,
  address,
});

const headers: [name: string, header: Buffer, address: string | null][] = [
  ['v1, TCP4', headerV1('192.0.2.7'), '192.0.2.7'],
  ['v1, TCP6', headerV1('2001:db8::7'), '2001:db8::7'],
  ['v1, TCP6 in full', headerV1('2001:0DB8:0:0:0:0:0:7'), '2001:db8::7'],
  ['v1, TCP6 with an IPv4 address', headerV1('::ffff:192.0.2.7'), '192.0.2.7'],
  ['v1, UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), null],
  ['v1, UNKNOWN and more', Buffer.from('PROXY UNKNOWN ffff::1 ffff::2 65535 1\r\n'), null],
  ['v1, the longest', Buffer.from(`PROXY UNKNOWN ${'f'.repeat(91)}\r\n`), null],
  ['v2, TCP over IPv4', headerV2({ source: '192.0.2.7' }), '192.0.2.7'],
  ['v2, TCP over IPv6', headerV2({ source: '2001:db8::7' }), '2001:db8::7'],
  ['v2, an IPv4 address in IPv6', headerV2({ source: '::ffff:192.0.2.7' }), '192.0.2.7'],
  ['v2, extensions', headerV2({ source: '192.0.2.7', extensions: Buffer.alloc(900) }), '192.0.2.7'],
  ['v2, LOCAL', headerV2({ command: 0x20, family: 0 }), null],
  ['v2, LOCAL with addresses', headerV2({ command: 0x20, source: '192.0.2.7' }), null],
  ['v2, UNSPEC', headerV2({ family: 0 }), null],
  ['v2, a UNIX socket', headerV2({ family: 0x31, extensions: Buffer.alloc(216) }), null],
  ['v2, UDP', headerV2({ family: 0x12, source: '192.0.2.7' }), null],
];

describe.each(headers)('%s', (_, header, address) => {
  it('is parsed, alone and with a request after it', () => {
    expect(read(header)).toEqual(complete(header, address));
    expect(read(Buffer.concat([header, request]))).toEqual(complete(header, address));
  });

  it('is incomplete at every shorter length', () => {
    for (let length = 0; length < header.length; length += 1) {
      expect(read(header.subarray(0, length))).toEqual({ state: 'incomplete' });
    }
  });
});

it.each([
  ['a request', request],
  ['a TLS handshake', Buffer.from([0x16, 0x03, 0x01])],
  ['an empty line', Buffer.from('\r\n\r\nGET / HTTP/1.1\r\n')],
  ['a header in lower case', Buffer.from('proxy TCP4')],
  ['a header after a space', Buffer.from(' PROXY TCP4')],
  ['a method with the same start', Buffer.from('PROPFIND / HTTP/1.1')],
])('%s is not a header', (_, bytes) => {
  expect(read(bytes)).toEqual({ state: 'missing' });
});

it.each([
  ['no family', 'PROXY \r\n'],
  ['an unknown family', 'PROXY UDP4 192.0.2.7 192.0.2.1 1 2\r\n'],
  ['a family named like an object’s property', 'PROXY constructor 192.0.2.7 192.0.2.1 1 2\r\n'],
  ['an address of the other family', 'PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n'],
  ['no address', 'PROXY TCP4\r\n'],
  ['a name', 'PROXY TCP4 example.com 192.0.2.1 1 2\r\n'],
  ['an address in octal', 'PROXY TCP4 0300.0.2.7 192.0.2.1 1 2\r\n'],
  ['an address with an interface', 'PROXY TCP6 fe80::1%lo 2001:db8::1 1 2\r\n'],
  ['a wrong destination', 'PROXY TCP4 192.0.2.7 192.0.2.256 1 2\r\n'],
  ['no ports', 'PROXY TCP4 192.0.2.7 192.0.2.1\r\n'],
  ['one port', 'PROXY TCP4 192.0.2.7 192.0.2.1 1\r\n'],
  ['three ports', 'PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n'],
  ['a port above 65535', 'PROXY TCP4 192.0.2.7 192.0.2.1 1 65536\r\n'],
  ['a port with a leading zero', 'PROXY TCP4 192.0.2.7 192.0.2.1 01 2\r\n'],
  ['two spaces', 'PROXY TCP4  192.0.2.7 192.0.2.1 1 2\r\n'],
  ['no carriage return', `PROXY TCP4 192.0.2.7 192.0.2.1 1 2\n${'x'.repeat(107)}`],
  ['no end in 107 bytes', `PROXY UNKNOWN ${'x'.repeat(93)}`],
  ['an end after 107 bytes', `PROXY UNKNOWN ${'f'.repeat(92)}\r\n`],
  ['version 1 in the form of 2', headerV2({ command: 0x11, source: '192.0.2.7' })],
  ['version 3', headerV2({ command: 0x31, source: '192.0.2.7' })],
  ['an unknown command', headerV2({ command: 0x22, source: '192.0.2.7' })],
  ['an unknown family of version 2', headerV2({ family: 0x41, source: '192.0.2.7' })],
  ['an unknown protocol', headerV2({ family: 0x13, source: '192.0.2.7' })],
  ['too few bytes for IPv4', headerV2({ family: 0x11, extensions: Buffer.alloc(11) })],
  ['too few bytes for IPv6', headerV2({ family: 0x21, extensions: Buffer.alloc(35) })],
  ['more than 8 KiB', headerV2({ source: '192.0.2.7', extensions: Buffer.alloc(8_192) })],
])('a header with %s is malformed as soon as it shows', (_, bytes) => {
  expect(read(bytes)).toEqual({ state: 'malformed' });
});

it('a length over the limit is refused before the bytes arrive', () => {
  const header = headerV2({ source: '192.0.2.7', extensions: Buffer.alloc(8_192) });
  expect(read(header.subarray(0, 16))).toEqual({ state: 'malformed' });
});
