import type { IncomingMessage } from 'node:http';
import { Refusal } from '../refusal.ts';

/** What a request line asks for, not yet judged. */
export interface RequestedTarget {
  host: string;
  port: number;
  /** As the client wrote it: the value of the target's Host header. */
  authority: string;
  /** What follows the authority, byte for byte: the path for the target. Empty for a CONNECT. */
  path: string;
}

const hostAndPort = /^([^/@?#\\]+):(\d{1,5})$/;
const hostMaybePort = /^(\[[^\]/@?#\\]*\]|[^:/@?#\\[\]]+)(?::(\d{0,5}))?$/;
/** The scheme is case-insensitive: RFC 9110, 4.2.3. */
const absoluteForm = /^http:\/\/([^/?#]*)(.*)$/is;

/** Reads a request line. Throws a `Refusal`: malformed_request or not_implemented. */
export function requestedTarget(message: IncomingMessage): RequestedTarget {
  const { method, url = '', headers } = message;
  const found = method === 'CONNECT' ? ofConnect(url) : ofPlain(message);
  if (!found || found.port > 65_535) throw new Refusal('malformed_request');
  // RFC 9110, 7.6.2
  const isFinal = (method === 'OPTIONS' || method === 'TRACE') && headers['max-forwards'] === '0';
  if (isFinal) throw new Refusal('not_implemented');
  return found;
}

function ofConnect(url: string): RequestedTarget | null {
  const [, host, port] = hostAndPort.exec(url) ?? [];
  if (host === undefined) return null;
  return { host, port: Number(port), authority: url, path: '' };
}

function ofPlain(message: IncomingMessage) {
  const { method, url = '' } = message;
  if (!isFramed(message)) return null;
  const [, authority = '', rest = ''] = absoluteForm.exec(url) ?? [];
  const [, host, port] = hostMaybePort.exec(authority) ?? [];
  if (host === undefined) return null;
  return { host, port: Number(port || 80), authority, path: originForm(method, rest) };
}

/** Whether a request names its host, and where its body ends is clear: RFC 9112, 3.2 and 6.3. */
export function isFramed({ headers, httpVersion }: IncomingMessage): boolean {
  if (headers.host === undefined && httpVersion !== '1.0') return false;
  return /^$|(?:^|[\s,])chunked$/i.test(headers['transfer-encoding'] ?? '');
}

/** RFC 9112, 3.2.1 and 3.2.4. */
function originForm(method: string | undefined, rest: string): string {
  if (rest === '') return method === 'OPTIONS' ? '*' : '/';
  return rest.startsWith('/') ? rest : `/${rest}`;
}
