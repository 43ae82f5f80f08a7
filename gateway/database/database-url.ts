import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP, isIPv4 } from 'node:net';
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';

/** How to connect to a database, alike for both drivers, which disagree on what `sslmode` means. */
export interface DatabaseConnection {
  /** The URL without its TLS parameters. It has the password. */
  url: string;
  /** A name, an address, or the folder of a Unix socket. */
  host: string;
  /** What to pass to `tls.connect` once the server has agreed to TLS; false for clear text. */
  ssl: false | ConnectionOptions;
}

/** A database URL that cannot be used. The message has no password. */
export class DatabaseUrlError extends Error {}

const modes = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
type Mode = (typeof modes)[number];

/** Parameters that are read here, or have no meaning beside those: all are removed from the URL. */
const known = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslnegotiation', 'uselibpqcompat'];

/**
 * Reads the URL of a database. Without `sslmode` the server's certificate and name are verified, except
 * on this machine, where clear text is the default. Reads the files that the URL names. Throws
 * `DatabaseUrlError`.
 */
export function readDatabaseUrl(text: string): DatabaseConnection {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'postgres:' && url?.protocol !== 'postgresql:') {
    throw new DatabaseUrlError('must be a postgresql:// URL');
  }
  const parameters = takeParameters(url);
  const host = findHost(url);
  const mode = readMode(parameters, host);
  if (parameters.get('sslnegotiation')?.replace('postgres', '')) {
    throw new DatabaseUrlError('sslnegotiation must be postgres, or left out');
  }
  return { url: url.href, host, ssl: mode !== 'disable' && tlsOptions(mode, host, parameters) };
}

/** What is wrong with a URL, or null. */
export function findDatabaseUrlFault(text: string): string | null {
  try {
    readDatabaseUrl(text);
    return null;
  } catch (error) {
    if (error instanceof DatabaseUrlError) return error.message;
    throw error;
  }
}

/** Removes the TLS parameters from a URL, and leaves the others as written. */
function takeParameters(url: URL): Map<string, string> {
  const taken = new Map<string, string>();
  const kept: string[] = [];
  for (const part of url.search.slice(1).split('&')) {
    const [[name, value] = ['', '']] = new URLSearchParams(part);
    if (!known.includes(name)) {
      // ignoring one would leave the connection less safe than its URL asks for
      if (/^(ssl|requiressl|gssencmode$)/.test(name)) {
        throw new DatabaseUrlError(
          'has an unknown TLS parameter: use sslmode, sslrootcert, sslcert and sslkey',
        );
      }
      kept.push(part);
    } else if (taken.has(name)) {
      throw new DatabaseUrlError(`has ${name} twice`);
    } else taken.set(name, value);
  }
  url.search = kept.join('&');
  return taken;
}

/** The host to connect to: a Unix socket's folder is moved to where both drivers look for it. */
function findHost(url: URL): string {
  const named = url.searchParams.getAll('host');
  const [folder, ...more] = named;
  if (folder !== undefined) {
    if (more.length > 0 || url.hostname !== '' || !folder.startsWith('/')) {
      throw new DatabaseUrlError('must name its host before the path, and once');
    }
    url.searchParams.delete('host');
    url.hostname = encodeURIComponent(folder);
  }
  const host = decode(url.hostname).replace(/^\[(.*)\]$/, '$1');
  if (host === '' || host.includes(',')) throw new DatabaseUrlError('must name one host');
  return host;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new DatabaseUrlError('must name one host');
  }
}

function readMode(parameters: Map<string, string>, host: string): Mode {
  const given = parameters.get('sslmode');
  const mode = modes.find((each) => each === given);
  if (given !== undefined && mode === undefined) {
    throw new DatabaseUrlError(
      given === 'prefer' || given === 'allow'
        ? 'sslmode=prefer and allow fall back to clear text if anyone on the network path refuses TLS: use verify-full, or disable'
        : `sslmode must be ${modes.join(', ')}`,
    );
  }
  // as in libpq
  if (host.startsWith('/')) return 'disable';
  if (mode !== undefined) return mode;
  // naming a CA asks for verification
  return isLoopback(host) && !parameters.has('sslrootcert') && !parameters.has('sslcert')
    ? 'disable'
    : 'verify-full';
}

function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  return name === 'localhost' || name === '::1' || (isIPv4(name) && name.startsWith('127.'));
}

function tlsOptions(mode: Mode, host: string, parameters: Map<string, string>): ConnectionOptions {
  const file = parameters.get('sslrootcert') ?? 'system';
  if (file === 'system' && mode === 'verify-ca') {
    // anyone can get a certificate from a public CA, for another name
    throw new DatabaseUrlError(
      'sslmode=verify-ca needs sslrootcert, a CA file: set it, or use verify-full',
    );
  }
  const [cert, key] = ['sslcert', 'sslkey'].map((name) => {
    const path = parameters.get(name);
    return path === undefined ? undefined : readText(name, path);
  });
  const ca = file === 'system' ? undefined : readCertificates(file);
  return {
    host,
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    // libpq also verifies if it has a CA
    rejectUnauthorized: mode !== 'require' || ca !== undefined,
    checkServerIdentity: (_, certificate) =>
      mode === 'verify-full' ? checkServerIdentity(host, certificate) : undefined,
  };
}

/** The certificates of CAs in a file, each as PEM. */
function readCertificates(path: string): string[] {
  const text = readText('sslrootcert', path);
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    for (const pem of found) new X509Certificate(pem);
    if (found.length > 0) return found;
  } catch {}
  throw new DatabaseUrlError(`sslrootcert=${path} has no certificate in PEM form`);
}

function readText(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new DatabaseUrlError(`${name}=${path} cannot be read (${code})`);
  }
}
