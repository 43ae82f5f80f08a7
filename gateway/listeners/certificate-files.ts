import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { open } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';

/** The files of a certificate with its chain, and of its private key, in PEM. */
export interface CertificateFiles {
  certificateFile: string;
  keyFile: string;
}

/** A certificate that can be shown to clients. */
export interface UsableCertificate {
  pem: { cert: string; key: string };
  /** Its subject alternative names, or its subject. */
  names: string;
  /** SHA-256 of it, in hexadecimal digits with colons. */
  fingerprint: string;
  /** In ms since 1970. */
  expiresAt: number;
}

export type CertificateFailure =
  | 'file_unreadable'
  | 'file_too_large'
  | 'certificate_malformed'
  | 'certificate_expired'
  | 'certificate_not_yet_valid'
  | 'key_malformed'
  | 'key_encrypted'
  | 'key_of_another_certificate'
  | 'refused_by_openssl';

const sentences: Record<CertificateFailure, string> = {
  file_unreadable: 'cannot be read',
  file_too_large: 'is larger than 1 MiB',
  certificate_malformed: 'does not start with a certificate in PEM',
  certificate_expired: 'has a certificate that has expired',
  certificate_not_yet_valid: 'has a certificate that is not valid yet',
  key_malformed: 'has no private key in PEM',
  key_encrypted: 'has a private key that is encrypted with a passphrase',
  key_of_another_certificate: 'has the key of another certificate',
  refused_by_openssl: 'has a certificate or a chain that OpenSSL refuses',
};

/** The files of a certificate cannot be used; the message names the file. */
export class CertificateUnusable extends Error {
  readonly code: CertificateFailure;
  readonly file: string;

  /** `cause`: the error of the file system or OpenSSL; never the file's content. */
  constructor(code: CertificateFailure, file: string, cause?: unknown) {
    const { code: detail } = (cause ?? {}) as { code?: string };
    super(`The file ${file} ${sentences[code]}${detail ? ` (${detail})` : ''}.`);
    this.code = code;
    this.file = file;
  }
}

const mostBytes = 1_048_576;

/**
 * Reads a certificate and its key, and checks that they can be used for clients. `now` is in ms
 * since
 * 1970. Rejects with `CertificateUnusable`.
 */
export async function readCertificate(
  { certificateFile, keyFile }: CertificateFiles,
  now: number,
): Promise<UsableCertificate> {
  const [cert, key] = await Promise.all([readText(certificateFile), readText(keyFile)]);
  const certificate = parsed(certificateFile, () => new X509Certificate(cert));
  const expiresAt = Date.parse(certificate.validTo);
  const fail = (code: CertificateFailure, file = certificateFile) => {
    throw new CertificateUnusable(code, file);
  };
  if (!(expiresAt > now)) fail('certificate_expired');
  if (!(Date.parse(certificate.validFrom) <= now)) fail('certificate_not_yet_valid');
  if (!certificate.checkPrivateKey(privateKey(keyFile, key))) {
    fail('key_of_another_certificate', keyFile);
  }
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw new CertificateUnusable('refused_by_openssl', certificateFile, error);
  }
  return {
    pem: { cert, key },
    names: certificate.subjectAltName ?? certificate.subject ?? '',
    fingerprint: certificate.fingerprint256,
    expiresAt,
  };
}

async function readText(file: string): Promise<string> {
  let text: string;
  try {
    await using handle = await open(file);
    // one byte more than allowed, so that a longer file is detected
    const { bytesRead, buffer } = await handle.read({ buffer: Buffer.alloc(mostBytes + 1) });
    if (bytesRead > mostBytes) throw new CertificateUnusable('file_too_large', file);
    text = buffer.toString('utf8', 0, bytesRead);
  } catch (error) {
    if (error instanceof CertificateUnusable) throw error;
    throw new CertificateUnusable('file_unreadable', file, error);
  }
  return text;
}

function parsed(file: string, read: () => X509Certificate): X509Certificate {
  try {
    return read();
  } catch (error) {
    throw new CertificateUnusable('certificate_malformed', file, error);
  }
}

function privateKey(file: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    // in the first line, or by RFC 1421 in a header after it
    const encrypted = pem.includes('ENCRYPTED');
    throw new CertificateUnusable(encrypted ? 'key_encrypted' : 'key_malformed', file, error);
  }
}
