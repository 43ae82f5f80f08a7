import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  type CertificateOptions,
  newCertificate,
  type TestCertificate,
} from '../../support/certificates.ts';

/** A certificate and its key in files. */
export interface CertificateFolder {
  folder: string;
  certificateFile: string;
  keyFile: string;
  /** Creates a certificate and overwrites the files with it. */
  write(options?: CertificateOptions): TestCertificate;
  remove(): void;
}

/** Creates one with a valid certificate; removed after the test. */
export function certificateFolder(): CertificateFolder {
  const made = makeCertificateFolder();
  onTestFinished(made.remove);
  return made;
}

/** The same for several tests, which remove it themselves. */
export function makeCertificateFolder(): CertificateFolder {
  const folder = mkdtempSync(join(tmpdir(), 'certificate-'));
  const certificateFile = join(folder, 'tls.crt');
  const keyFile = join(folder, 'tls.key');
  const write = (options?: CertificateOptions) => {
    const made = newCertificate(options);
    writeFileSync(certificateFile, made.cert);
    writeFileSync(keyFile, made.key);
    return made;
  };
  write();
  const remove = () => rmSync(folder, { recursive: true, force: true });
  return { folder, certificateFile, keyFile, write, remove };
}
