import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** A certificate that signed itself, and its key, in PEM: made for one run of a test. */
export interface NewCertificate {
  cert: string;
  key: string;
}

export interface NewCertificateOptions {
  /** For whom it is: names and addresses; by default localhost and the loopback addresses. */
  names?: string[];
  validFrom?: Date;
  validTo?: Date;
  /** A key that is there already, in PEM. */
  key?: string;
}

const dayMs = 86_400_000;

/** Makes a certificate, valid from yesterday for 90 days. */
export function newCertificate(options: NewCertificateOptions = {}): NewCertificate {
  const {
    names = ['localhost', '127.0.0.1', '::1'],
    validFrom = new Date(Date.now() - dayMs),
    validTo = new Date(Date.now() + 90 * dayMs),
  } = options;
  const privateKey = options.key
    ? createPrivateKey(options.key)
    : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  // unique, as OpenSSL looks for an issuer by its name
  const serial = randomBytes(6);
  const subject = `Test certificate ${serial.toString('hex')}`;
  const name = sequence(set(sequence(oid('550403'), utf8(subject))));
  const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));
  const extensions = sequence(
    sequence(oid('551d11'), octets(sequence(...names.map(alternativeName)))),
    // it is its own authority for clients that are given it to trust
    sequence(oid('551d13'), boolean(true), octets(sequence(boolean(true)))),
  );
  const toBeSigned = sequence(
    explicit(0, integer(2)),
    integer(serial.readUIntBE(0, 6)),
    ecdsaWithSha256,
    name,
    sequence(time(validFrom), time(validTo)),
    name,
    publicKeyOf(privateKey),
    explicit(3, extensions),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  const certificate = sequence(toBeSigned, ecdsaWithSha256, bits(signature));
  const base64 = certificate.toString('base64').replace(/.{64}/g, '$&\n');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${base64.trimEnd()}\n-----END CERTIFICATE-----\n`,
    key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  };
}

/** DER: a tag, the length, the content. */
function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const lengthBytes = length < 128 ? [length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...lengthBytes]), content]);
}

const sequence = (...contents: Buffer[]) => der(0x30, ...contents);
const set = (...contents: Buffer[]) => der(0x31, ...contents);
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
const utf8 = (text: string) => der(0x0c, Buffer.from(text));
const octets = (content: Buffer) => der(0x04, content);
const bits = (content: Buffer) => der(0x03, Buffer.from([0]), content);
const boolean = (value: boolean) => der(0x01, Buffer.from([value ? 0xff : 0]));
const explicit = (number: number, content: Buffer) => der(0xa0 + number, content);

function integer(value: number): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  // the first bit is the sign
  return der(0x02, (bytes[0] ?? 0) > 127 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

function time(date: Date): Buffer {
  const [digits = ''] = date.toISOString().replace(/[-:T]/g, '').split('.');
  // until 2049 with two digits of the year: RFC 5280, 4.1.2.5
  return date.getUTCFullYear() < 2050
    ? der(0x17, Buffer.from(`${digits.slice(2)}Z`))
    : der(0x18, Buffer.from(`${digits}Z`));
}

function alternativeName(name: string): Buffer {
  const address = isIP(name) ? Buffer.from(ipaddr.parse(name).toByteArray()) : null;
  return address ? der(0x87, address) : der(0x82, Buffer.from(name));
}

function publicKeyOf(privateKey: KeyObject): Buffer {
  const { x = '', y = '' } = privateKey.export({ format: 'jwk' });
  const point = Buffer.concat([
    Buffer.from([4]),
    Buffer.from(x, 'base64url'),
    Buffer.from(y, 'base64url'),
  ]);
  const ecPublicKeyOnP256 = sequence(oid('2a8648ce3d0201'), oid('2a8648ce3d030107'));
  return sequence(ecPublicKeyOnP256, bits(point));
}
