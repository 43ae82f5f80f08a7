import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';

/** A certificate, its key, and what it may sign: all made for one run of tests. */
export interface TestCertificate {
  /** PEM. */
  certificate: string;
  /** PEM, PKCS #8. */
  key: string;
}

export interface CertificateAuthority extends TestCertificate {
  /** Signs the certificate of a server with these DNS names and IPv4 addresses. */
  issue(options: { names: string[]; from?: Date; until?: Date }): TestCertificate;
}

const day = 86_400_000;
const hoursAgo = () => new Date(Date.now() - day / 12);
const tomorrow = () => new Date(Date.now() + day);

/** Makes a CA that is known nowhere else (X.509 version 3, P-256). */
export function makeAuthority(name = 'Test CA'): CertificateAuthority {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signed = (
    subject: string,
    publicKey: KeyObject,
    from: Date,
    until: Date,
    more: Buffer[],
  ) => {
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    const body = sequence(
      tagged(0xa0, integer(Buffer.from([2]))),
      integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
      ecdsaWithSha256,
      commonName(name),
      sequence(time(from), time(until)),
      commonName(subject),
      spki,
      tagged(0xa3, sequence(...more)),
    );
    const signature = sign('sha256', body, keys.privateKey);
    return pem('CERTIFICATE', sequence(body, ecdsaWithSha256, bitString(signature)));
  };
  const pkcs8 = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
  const keyId = createHash('sha1')
    .update(keys.publicKey.export({ type: 'spki', format: 'der' }))
    .digest();
  const root = [
    // basicConstraints: a CA; keyUsage: signs certificates and lists of them; subjectKeyIdentifier
    extension([0x55, 0x1d, 0x13], sequence(tagged(0x01, Buffer.from([0xff]))), true),
    extension([0x55, 0x1d, 0x0f], tagged(0x03, Buffer.from([1, 0x06])), true),
    extension([0x55, 0x1d, 0x0e], tagged(0x04, keyId)),
  ];
  return {
    certificate: signed(name, keys.publicKey, hoursAgo(), tomorrow(), root),
    key: pkcs8(keys.privateKey),
    issue({ names, from = hoursAgo(), until = tomorrow() }) {
      const server = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const alternatives = names.map((each) =>
        isIP(each) === 4
          ? tagged(0x87, Buffer.from(each.split('.').map(Number)))
          : tagged(0x82, Buffer.from(each)),
      );
      const extensions = [
        extension([0x55, 0x1d, 0x11], sequence(...alternatives)),
        extension([0x55, 0x1d, 0x23], sequence(tagged(0x80, keyId))),
      ];
      return {
        certificate: signed('server', server.publicKey, from, until, extensions),
        key: pkcs8(server.privateKey),
      };
    },
  };
}

function tagged(tag: number, content: Buffer): Buffer {
  const size = content.length;
  const length =
    size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes);
}

function bitString(bytes: Buffer): Buffer {
  return tagged(0x03, Buffer.concat([Buffer.from([0]), bytes]));
}

function commonName(name: string): Buffer {
  const attribute = [
    tagged(0x06, Buffer.from([0x55, 0x04, 0x03])),
    tagged(0x0c, Buffer.from(name)),
  ];
  return sequence(tagged(0x31, sequence(...attribute)));
}

/** UTCTime: good until 2049. */
function time(date: Date): Buffer {
  return tagged(0x17, Buffer.from(`${date.toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`));
}

function extension(id: number[], value: Buffer, critical = false): Buffer {
  return sequence(
    tagged(0x06, Buffer.from(id)),
    ...(critical ? [tagged(0x01, Buffer.from([0xff]))] : []),
    tagged(0x04, value),
  );
}

/** ecdsa-with-SHA256, 1.2.840.10045.4.3.2. */
const ecdsaWithSha256 = sequence(
  tagged(0x06, Buffer.from([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02])),
);

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
