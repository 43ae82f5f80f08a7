import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** A certificate and its key, in PEM, for one run of the tests. */
export interface TestCertificate {
  cert: string;
  /** PKCS #8. */
  key: string;
}

/** The options of a certificate. */
export interface CertificateOptions {
  /** DNS names and addresses; by default localhost and the loopback addresses. */
  names?: string[];
  /** By default yesterday. */
  validFrom?: Date;
  /** By default 90 days from now. */
  validTo?: Date;
}

export interface CertificateAuthority extends TestCertificate {
  /** Makes a server certificate signed by this CA. */
  issue(options?: CertificateOptions): TestCertificate;
}

/** Makes a self-signed certificate: both the server's and the CA that its clients trust. */
export function newCertificate(options?: CertificateOptions): TestCertificate {
  // unique, because OpenSSL looks up an issuer by its name
  const itself = newHolder(`Test certificate ${randomBytes(6).toString('hex')}`);
  return certify(itself, itself, options);
}

/** Makes a CA that only the test knows. */
export function makeAuthority(name: string): CertificateAuthority {
  const authority = newHolder(name);
  return {
    ...certify(authority, authority, { names: [] }),
    issue: (options) => certify(authority, newHolder('server'), options),
  };
}

/** The subject of a certificate. */
interface Holder {
  name: string;
  key: KeyObject;
}

function newHolder(name: string): Holder {
  return { name, key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey };
}

const dayMs = 86_400_000;

/** X.509 version 3: RFC 5280, 4.1. */
function certify(
  issuer: Holder,
  subject: Holder,
  {
    names = ['localhost', '127.0.0.1', '::1'],
    validFrom = new Date(Date.now() - dayMs),
    validTo = new Date(Date.now() + 90 * dayMs),
  }: CertificateOptions = {},
): TestCertificate {
  const alternativeNames = extension('551d11', sequence(...names.map(alternativeName)));
  const extensions = [
    ...(names.length > 0 ? [alternativeNames] : []),
    ...(issuer === subject
      ? [
          // basicConstraints: a CA
          extension('551d13', sequence(yes), true),
          // keyUsage: digitalSignature, keyCertSign, cRLSign
          extension('551d0f', der(0x03, Buffer.from([1, 0b1000_0110])), true),
          // subjectKeyIdentifier
          extension('551d0e', der(0x04, keyId(subject))),
        ]
      : // authorityKeyIdentifier
        [extension('551d23', sequence(der(0x80, keyId(issuer))))]),
  ];
  const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));
  const toBeSigned = sequence(
    // version 3 is encoded as 2
    der(0xa0, der(0x02, Buffer.from([2]))),
    // the serial number: positive, without a leading zero
    der(0x02, Buffer.from([1]), randomBytes(15)),
    ecdsaWithSha256,
    commonName(issuer),
    sequence(time(validFrom), time(validTo)),
    commonName(subject),
    publicKey(subject),
    der(0xa3, sequence(...extensions)),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', toBeSigned, issuer.key));
  const lines = sequence(toBeSigned, ecdsaWithSha256, signature)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: String(subject.key.export({ type: 'pkcs8', format: 'pem' })),
  };
}

/** DER: a tag, the length in as few bytes as possible, the content. */
function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const size = content.length;
  const long = size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...(size < 0x80 ? [size] : long)]), content]);
}

const sequence = (...contents: Buffer[]) => der(0x30, ...contents);
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
const yes = der(0x01, Buffer.from([0xff]));

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [yes] : []), der(0x04, value));
}

function commonName({ name }: Holder): Buffer {
  return sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(name)))));
}

function alternativeName(name: string): Buffer {
  return isIP(name)
    ? der(0x87, Buffer.from(ipaddr.parse(name).toByteArray()))
    : der(0x82, Buffer.from(name));
}

/** UTCTime, which cannot hold a year after 2049. */
function time(date: Date): Buffer {
  return der(0x17, Buffer.from(`${date.toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`));
}

function publicKey({ key }: Holder): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' });
}

function keyId(holder: Holder): Buffer {
  return createHash('sha1').update(publicKey(holder)).digest();
}
