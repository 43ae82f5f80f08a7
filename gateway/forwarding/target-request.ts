import { type ClientRequest, request as httpRequest } from 'node:http';
import type { ProxyRequest } from '../requests/proxy-request.ts';
import { endToEndHeaders, listItems, type RawHeaders } from './end-to-end-headers.ts';

/** The most that a head may have, in bytes, in either direction. */
export const mostHeadBytes = 65_536;

/** Written, they make Node send a head that waits for its body. */
export const noBytes = Buffer.alloc(0);

/** Methods that have a body by their meaning: RFC 9110, 8.6, asks for a length of none. */
const meantForBodies: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** Whether a request has a body, by its head. */
export function hasBody({ headers }: ProxyRequest['message']): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? '0') > 0;
}

/**
 * The request as the target gets it, over the connection that was made for it: its head is sent, its
 * body and its end are the caller's. `via` names this gateway, where it is to be named.
 */
export function openTargetRequest(request: ProxyRequest, via: string | undefined): ClientRequest {
  const { message, asked, socket } = request;
  const dropped = ['host', 'proxy-authorization'];
  // Node would throw: it announces trailers of chunks alone
  if (message.headers['transfer-encoding'] === undefined) dropped.push('trailer');
  const upgrade = request.response === null ? message.headers.upgrade : undefined;
  const outgoing = httpRequest({
    // the answer is written out again in form: what is odd in it harms nobody
    insecureHTTPParser: true,
    maxHeaderSize: mostHeadBytes,
    method: request.method,
    path: asked?.path,
    headers: [
      'Host',
      asked?.authority ?? '',
      ...withFewerForwards(request.method, endToEndHeaders(message.rawHeaders, dropped)),
      ...framing(request),
      ...(via === undefined ? [] : ['Via', `1.1 ${via}`]),
      ...(upgrade === undefined ? ['Connection', 'close'] : ['Connection', 'Upgrade']),
      ...(upgrade === undefined ? [] : ['Upgrade', upgrade]),
    ],
    createConnection: () => socket,
  });
  // 0 is no limit: the size of the head is bounded
  outgoing.maxHeadersCount = 0;
  // not `flushHeaders`, which writes UTF-8 for bytes above 127; what has no body is ended at once
  if (hasBody(message)) outgoing.write(noBytes);
  return outgoing;
}

function framing({ message, method }: ProxyRequest): RawHeaders {
  const codings = listItems(message.rawHeaders, 'transfer-encoding');
  if (codings.length > 0) return ['Transfer-Encoding', codings.join(', ')];
  const bodyless = message.headers['content-length'] === undefined;
  return bodyless && meantForBodies.has(method) ? ['Content-Length', '0'] : [];
}

/** RFC 9110, 7.6.2: a request that counts its forwards has one less left. */
function withFewerForwards(method: string, headers: RawHeaders): RawHeaders {
  if (method !== 'OPTIONS' && method !== 'TRACE') return headers;
  return headers.map((value, index) => {
    const counts = index % 2 === 1 && headers[index - 1]?.toLowerCase() === 'max-forwards';
    return counts && /^\d{1,9}$/.test(value) ? String(Math.max(0, Number(value) - 1)) : value;
  });
}
