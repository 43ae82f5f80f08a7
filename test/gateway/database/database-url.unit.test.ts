import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PeerCertificate } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findDatabaseUrlFault, readDatabaseUrl } from '../../../gateway/database/database-url.ts';
import { makeAuthority, type TestCertificate } from '../../support/certificates.ts';

const folder = mkdtempSync(join(tmpdir(), 'certificates-'));
const file = (name: string) => join(folder, name);
const [first, second] = [makeAuthority('First'), makeAuthority('Second')];
let client: TestCertificate;

beforeAll(() => {
  client = first.issue({ names: ['client'] });
  writeFileSync(file('bundle.crt'), `# two CAs\n${first.cert}\n${second.cert}`);
  writeFileSync(file('key.pem'), client.key);
  writeFileSync(file('client.crt'), client.cert);
  writeFileSync(file('damaged.crt'), first.cert.replace(/\n[^-]{20}/, '\nAAAA'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (rest: string) => `postgresql://login:hunter2@${rest}`;

/** What the TLS options verify: the certificate's chain, its name, or both. */
function checks(rest: string): string {
  const { ssl } = readDatabaseUrl(at(rest));
  if (!ssl) return 'clear text';
  const stranger = { subject: {}, subjectaltname: 'DNS:elsewhere' } as unknown as PeerCertificate;
  const name = ssl.checkServerIdentity?.('elsewhere', stranger);
  if (!ssl.rejectUnauthorized) return name ? 'name' : 'nothing';
  return name ? 'chain and name' : 'chain';
}

describe('the certificate checks', () => {
  it.each([
    ['db.example.com/postgres', 'chain and name'],
    ['10.0.0.2/postgres', 'chain and name'],
    ['[2001:db8::2]:5433/postgres', 'chain and name'],
    ['0.0.0.0/postgres', 'chain and name'],
    ['localhost.example.com/postgres', 'chain and name'],
    ['127.example.com/postgres', 'chain and name'],
    // spellings that some resolvers take for 127.0.0.1 are verified, to be safe
    ['127.1/postgres', 'chain and name'],
    ['[::ffff:127.0.0.1]/postgres', 'chain and name'],
    ['127.0.0.1/postgres', 'clear text'],
    ['127.255.0.7:6000/postgres', 'clear text'],
    ['localhost/postgres', 'clear text'],
    ['LOCALHOST/postgres', 'clear text'],
    ['[::1]/postgres', 'clear text'],
    ['[0:0:0:0:0:0:0:1]/postgres', 'clear text'],
    ['%2Fvar%2Frun%2Fpostgresql/postgres', 'clear text'],
    ['%2Ftmp/postgres?sslmode=verify-full', 'clear text'],
    ['db.example.com/postgres?sslmode=disable', 'clear text'],
    ['db.example.com/postgres?sslmode=require', 'nothing'],
    ['db.example.com/postgres?sslmode=verify-full', 'chain and name'],
    ['db.example.com/postgres?sslrootcert=system', 'chain and name'],
    ['127.0.0.1/postgres?sslmode=require', 'nothing'],
    ['127.0.0.1/postgres?sslmode=verify-full', 'chain and name'],
    ['127.0.0.1/postgres?sslrootcert=system', 'chain and name'],
    ['db.example.com/postgres?application_name=sslmode%3Ddisable', 'chain and name'],
    ['db.example.com/postgres?%73slmode=disable', 'clear text'],
  ])('at %s: %s', (rest, expected) => {
    expect(checks(rest)).toBe(expected);
  });

  it.each([
    ['require', 'chain'],
    ['verify-ca', 'chain'],
    ['verify-full', 'chain and name'],
  ])('with a CA and sslmode=%s: %s', (mode, expected) => {
    const rest = `db.example.com/postgres?sslmode=${mode}&sslrootcert=${file('bundle.crt')}`;
    expect(checks(rest)).toBe(expected);
    const { ssl } = readDatabaseUrl(at(rest));
    expect(ssl).toMatchObject({
      ca: [first.cert.trim(), second.cert.trim()],
      servername: 'db.example.com',
    });
  });
});

it('passes on a client certificate', () => {
  const rest = `127.0.0.1/x?sslcert=${file('client.crt')}&sslkey=${file('key.pem')}`;
  expect(readDatabaseUrl(at(rest)).ssl).toMatchObject({
    cert: client.cert,
    key: client.key,
  });
});

it('sends no address as the server name', () => {
  for (const host of ['10.0.0.2', '[2001:db8::2]']) {
    expect(readDatabaseUrl(at(`${host}/x`)).ssl).not.toHaveProperty('servername');
  }
});

describe('the URL for a driver', () => {
  it.each([
    ['db.example.com:6000/x', 'db.example.com:6000/x'],
    ['db.example.com/x?sslmode=require', 'db.example.com/x'],
    [
      'db.example.com/x?options=-c%20geqo%3Doff&sslmode=require&a+b=c&uselibpqcompat=true',
      'db.example.com/x?options=-c%20geqo%3Doff&a+b=c',
    ],
    ['db.example.com/x?sslnegotiation=postgres', 'db.example.com/x'],
  ])('for %s is that of %s', (rest, kept) => {
    expect(readDatabaseUrl(at(rest)).url).toBe(at(kept));
  });

  it('has the socket’s folder where both drivers look for it', () => {
    const { url, host, ssl } = readDatabaseUrl('postgresql:///x?host=/var/run/pg&user=me');
    expect([url, host, ssl]).toEqual([
      'postgresql://%2Fvar%2Frun%2Fpg/x?user=me',
      '/var/run/pg',
      false,
    ]);
  });
});

describe('a refused URL does not show its password', () => {
  it.each([
    ['https://login:hunter2@db.example.com/x', /postgresql:/],
    ['postgresql://login:hunter2@db.example.com:port/x', /postgresql:/],
    ['postgresql:///x', /one host/],
    [at('one,two/x'), /one host/],
    [at('%ZZ/x'), /one host/],
    // the drivers disagree about the host here
    [at('127.0.0.1/x?host=db.example.com'), /host before the path/],
    ['postgresql:///x?host=db.example.com', /host before the path/],
    [at('db.example.com/x?sslmode=prefer'), /prefer and allow .* verify-full/],
    [at('127.0.0.1/x?sslmode=allow'), /prefer and allow .* verify-full/],
    [at('db.example.com/x?sslmode=no-verify'), /disable, require, verify-ca, verify-full/],
    [at('db.example.com/x?sslmode=Require'), /disable, require, verify-ca, verify-full/],
    [at('db.example.com/x?sslmode='), /disable, require, verify-ca, verify-full/],
    [at('db.example.com/x?sslmode=verify-full&sslmode=disable'), /sslmode twice/],
    [at('db.example.com/x?sslmode=verify-ca'), /needs sslrootcert/],
    [at('db.example.com/x?sslmode=verify-ca&sslrootcert=system'), /needs sslrootcert/],
    [at('db.example.com/x?ssl=false'), /unknown TLS parameter/],
    [at('db.example.com/x?sslcrl=list'), /unknown TLS parameter/],
    [at('db.example.com/x?requiressl=1'), /unknown TLS parameter/],
    [at('db.example.com/x?sslnegotiation=direct'), /sslnegotiation/],
    [
      at('db.example.com/x?sslrootcert=/no/such/file'),
      /\/no\/such\/file cannot be read \(ENOENT\)/,
    ],
    [at('db.example.com/x?sslrootcert=/'), /sslrootcert=\/ cannot be read \(EISDIR\)/],
    [at('db.example.com/x?sslcert=/no/such/file'), /sslcert=\/no\/such\/file cannot be read/],
  ])('%s', (url, words) => {
    const fault = findDatabaseUrlFault(url);
    expect(fault).toMatch(words);
    expect(fault).not.toContain('hunter2');
  });

  it.each(['key.pem', 'damaged.crt'])('a CA from %s', (name) => {
    expect(findDatabaseUrlFault(at(`db.example.com/x?sslrootcert=${file(name)}`))).toMatch(
      /no certificate in PEM form$/,
    );
  });
});
