import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Certificates } from '../../../gateway/listeners/certificates.ts';
import { newCertificate } from '../../support/certificates.ts';
import { type CertificateFolder, certificateFolder } from './certificate-folder.ts';

const dayMs = 86_400_000;
const soon = { timeout: 30_000, interval: 10 };
const fingerprintOf = ({ cert }: { cert: string }) => new X509Certificate(cert).fingerprint256;

interface LogLine {
  level: number;
  code?: string;
  file?: string;
  msg: string;
}

/** The certificates of a folder, polled often, and their log. */
async function open(
  files: Pick<CertificateFolder, 'certificateFile' | 'keyFile'>,
  clock = { now: Date.now() },
) {
  const lines: LogLine[] = [];
  const log = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) });
  const certificates = await Certificates.open({
    certificateFile: files.certificateFile,
    keyFile: files.keyFile,
    log,
    hostNow: () => clock.now,
    lookEveryMs: 20,
  });
  onTestFinished(() => certificates.close());
  const errors = () => lines.filter(({ level }) => level === 50);
  const warnings = () => lines.filter(({ level }) => level === 40);
  return { certificates, lines, errors, warnings, clock };
}

describe('a new certificate is soon in use, and its names, fingerprint and expiry are logged', () => {
  it('when both files are overwritten', async () => {
    const files = certificateFolder();
    const { certificates, lines } = await open(files);
    const changed = vi.fn();
    certificates.onChange(changed);
    const next = files.write({ names: ['next.example.com', '192.0.2.1'] });
    await vi.waitFor(() => expect(changed).toHaveBeenCalled(), soon);
    expect(certificates.current.fingerprint).toBe(fingerprintOf(next));
    expect(certificates.current.pem).toEqual(next);
    expect(lines.at(-1)).toMatchObject({
      level: 30,
      names: 'DNS:next.example.com, IP Address:192.0.2.1',
      fingerprint: fingerprintOf(next),
      expires: new Date(certificates.current.expiresAt).toISOString(),
    });
  });

  it('when each is renamed over the old one', async () => {
    const files = certificateFolder();
    const { certificates } = await open(files);
    const next = newCertificate();
    for (const [file, pem] of [
      [files.certificateFile, next.cert],
      [files.keyFile, next.key],
    ] as const) {
      writeFileSync(`${file}.new`, pem);
      renameSync(`${file}.new`, file);
    }
    await vi.waitFor(
      () => expect(certificates.current.fingerprint).toBe(fingerprintOf(next)),
      soon,
    );
  });

  it('when a symbolic link to their folder is replaced', async () => {
    const { folder } = certificateFolder();
    const write = (name: string) => {
      const made = newCertificate();
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'tls.crt'), made.cert);
      writeFileSync(join(folder, name, 'tls.key'), made.key);
      symlinkSync(name, join(folder, '..data.new'));
      renameSync(join(folder, '..data.new'), join(folder, '..data'));
      return made;
    };
    write('first');
    const data = join(folder, '..data');
    const files = { certificateFile: join(data, 'tls.crt'), keyFile: join(data, 'tls.key') };
    const { certificates } = await open(files);
    const next = write('second');
    rmSync(join(folder, 'first'), { recursive: true });
    await vi.waitFor(
      () => expect(certificates.current.fingerprint).toBe(fingerprintOf(next)),
      soon,
    );
  });

  it('at once, when a reload is requested', async () => {
    const files = certificateFolder();
    const { certificates } = await open(files);
    const next = files.write();
    expect(await certificates.reload()).toBe(true);
    expect(certificates.current.fingerprint).toBe(fingerprintOf(next));
  });
});

const spoiled: [why: string, code: string, spoil: (files: CertificateFolder) => void][] = [
  ['is missing', 'file_unreadable', ({ certificateFile }) => rmSync(certificateFile)],
  ['is missing: the key', 'file_unreadable', ({ keyFile }) => rmSync(keyFile)],
  [
    'is a folder',
    'file_unreadable',
    ({ keyFile }) => {
      rmSync(keyFile);
      mkdirSync(keyFile);
    },
  ],
  ['is empty', 'certificate_malformed', (files) => truncateSync(files.certificateFile)],
  ['is half written', 'certificate_malformed', (files) => truncateSync(files.certificateFile, 200)],
  ['is half written: the key', 'key_malformed', ({ keyFile }) => truncateSync(keyFile, 100)],
  [
    'has a chain that is half written',
    'refused_by_openssl',
    (files) => {
      const { cert } = files.write();
      const chain = cert + newCertificate().cert.slice(0, 300);
      writeFileSync(files.certificateFile, chain);
    },
  ],
  [
    'is huge',
    'file_too_large',
    ({ certificateFile }) => writeFileSync(certificateFile, 'x'.repeat(1_048_577)),
  ],
  [
    'belongs to another key',
    'key_of_another_certificate',
    ({ certificateFile }) => writeFileSync(certificateFile, newCertificate().cert),
  ],
  [
    'has a key with a passphrase',
    'key_encrypted',
    (files) => {
      const key = createPrivateKey(files.write().key);
      const encryption = { cipher: 'aes-256-cbc', passphrase: 'hunter2' } as const;
      writeFileSync(files.keyFile, key.export({ type: 'pkcs8', format: 'pem', ...encryption }));
    },
  ],
  [
    'has expired',
    'certificate_expired',
    (files) => files.write({ validTo: new Date(Date.now() - 1_000) }),
  ],
  [
    'is not yet valid',
    'certificate_not_yet_valid',
    (files) => files.write({ validFrom: new Date(Date.now() + dayMs) }),
  ],
];

describe.each(spoiled)('a file that %s', (_, code, spoil) => {
  it('leaves the old certificate in use, and the log says why, until the file is valid again', async () => {
    const files = certificateFolder();
    const { certificates, errors } = await open(files);
    const before = certificates.current;
    spoil(files);
    await vi.waitFor(() => expect(errors()).not.toEqual([]), soon);
    expect(certificates.current).toBe(before);
    const [line] = errors();
    expect(line).toMatchObject({ code, msg: 'the old certificate stays' });
    expect([files.certificateFile, files.keyFile]).toContain(line?.file);
    expect(JSON.stringify(errors())).not.toMatch(/BEGIN|hunter2/);

    rmSync(files.keyFile, { recursive: true, force: true });
    const next = files.write();
    await vi.waitFor(
      () => expect(certificates.current.fingerprint).toBe(fingerprintOf(next)),
      soon,
    );
  });

  it('is refused at the start', async () => {
    const files = certificateFolder();
    spoil(files);
    await expect(open(files)).rejects.toMatchObject({ code });
  });
});

it('an unusable file is logged once, and again when it is retried a minute later', async () => {
  const files = certificateFolder();
  const { certificates, errors, clock } = await open(files);
  truncateSync(files.keyFile);
  await vi.waitFor(() => expect(errors()).toHaveLength(1), soon);
  clock.now += 60_000;
  expect(errors()).toHaveLength(1);
  clock.now += 1;
  await vi.waitFor(() => expect(errors()).toHaveLength(2), soon);
  expect(await certificates.reload()).toBe(false);
  expect(errors()).toHaveLength(3);
});

describe('a certificate that expires', () => {
  const expiring = (days: number) => new Date(Date.now() + days * dayMs);

  it('in 14 days causes one warning per day', async () => {
    const files = certificateFolder();
    files.write({ validTo: expiring(15) });
    const { certificates, warnings, clock } = await open(files);
    expect(warnings()).toEqual([]);
    clock.now += dayMs + 2_000;
    await vi.waitFor(() => expect(warnings()).toMatchObject([{ days: 13 }]), soon);
    // a reload of the same certificate does not start a new day
    expect(await certificates.reload()).toBe(true);
    clock.now += dayMs;
    await vi.waitFor(() => expect(warnings()).toMatchObject([{ days: 13 }, { days: 12 }]), soon);
  });

  it('stays in use after that, and still causes warnings', async () => {
    const files = certificateFolder();
    files.write({ validTo: expiring(1) });
    const { certificates, warnings, clock } = await open(files);
    expect(warnings()).toHaveLength(1);
    clock.now += 2 * dayMs;
    await vi.waitFor(() => expect(warnings()).toHaveLength(2), soon);
    expect(warnings()[1]).toMatchObject({ days: expect.any(Number) });
    const before = certificates.current;
    expect(await certificates.reload()).toBe(false);
    expect(certificates.current).toBe(before);
  });

  it('and is replaced causes no more warnings', async () => {
    const files = certificateFolder();
    files.write({ validTo: expiring(3) });
    const { certificates, warnings, clock } = await open(files);
    expect(warnings()).toHaveLength(1);
    files.write({ validTo: expiring(90) });
    expect(await certificates.reload()).toBe(true);
    clock.now += 2 * dayMs;
    expect(await certificates.reload()).toBe(true);
    expect(warnings()).toHaveLength(1);
  });
});
