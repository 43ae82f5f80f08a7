import { type ClientRequest, request as httpRequest } from 'node:http';
import type { ProxyRequest } from '../requests/proxy-request.ts';
import { endToEndHeaders, listItems, type RawHeaders } from './end-to-end-headers.ts';

/** The size limit of a head in either direction, in bytes. */
export const mostHeadBytes = 65_536;

/** Writing no bytes makes Node send a head that waits for its body. */
export const noBytes = Buffer.alloc(0);

/** Methods that define a body: RFC 9110, 8.6, asks for `Content-Length: 0` without one. */
const meantForBodies: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** Whether a request has a body, by its head. */
export function hasBody({ headers }: ProxyRequest['message']): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? '0') > 0;
}

/**
 * Opens the request to the target, over the connection made for it: sends the head, and leaves the
 * body and the end to the caller. `via` is the gateway's name in `Via`, if any.
 */
export function openTargetRequest(request: ProxyRequest, via: string | undefined): ClientRequest {
  const { message, asked, socket } = request;
  const dropped = ['host', 'proxy-authorization'];
  // Node would throw: it allows `Trailer` with chunks only
  if (message.headers['transfer-encoding'] === undefined) dropped.push('trailer');
  const upgrade = request.response === null ? message.headers.upgrade : undefined;
  const outgoing = httpRequest({
    // the answer is written again in valid form, so its oddities do no harm
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
  // not `flushHeaders`, which writes UTF-8 for bytes above 127; a request without a body is ended
  // at once
  if (hasBody(message)) outgoing.write(noBytes);
  return outgoing;
}

function framing({ message, method }: ProxyRequest): RawHeaders {
  const codings = listItems(message.rawHeaders, 'transfer-encoding');
  if (codings.length > 0) return ['Transfer-Encoding', codings.join(', ')];
  const bodyless = message.headers['content-length'] === undefined;
  return bodyless && meantForBodies.has(method) ? ['Content-Length', '0'] : [];
}

/** RFC 9110, 7.6.2: a proxy lowers `Max-Forwards` by one. */
function withFewerForwards(method: string, headers: RawHeaders): RawHeaders {
  if (method !== 'OPTIONS' && method !== 'TRACE') return headers;
  return headers.map((value, index) => {
    const counts = index % 2 === 1 && headers[index - 1]?.toLowerCase() === 'max-forwards';
    return counts && /^\d{1,9}$/.test(value) ? String(Math.max(0, Number(value) - 1)) : value;
  });
}
