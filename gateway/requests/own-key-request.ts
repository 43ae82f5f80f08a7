import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import type { ClientConnections } from '../clients/client-connections.ts';
import { firstValue } from '../forwarding/end-to-end-headers.ts';
import { parseCredentials } from '../keys/credentials.ts';
import type { OwnKey } from '../own-key.ts';
import { Refusal } from '../refusal.ts';
import type { Description, Session } from '../session.ts';
import type { ProxyRequest } from './proxy-request.ts';
import { isFramed } from './requested-target.ts';

export interface OwnKeyRequestOptions {
  session: Session;
  connections: ClientConnections;
  log: Logger;
}

/** Whether a request asks the gateway about its own key: its target is `/key`. */
export function isForOwnKey({ method, url }: IncomingMessage): boolean {
  return url === '/key' && method !== 'CONNECT';
}

/** Answers such a request, the last on its connection. Rejects with a `Refusal`. */
export async function answerOwnKey(
  request: ProxyRequest,
  { session, connections, log }: OwnKeyRequestOptions,
): Promise<void> {
  const { connection, client, id, message, method, response } = request;
  if (!isFramed(message)) throw new Refusal('malformed_request');
  if (method !== 'GET' && method !== 'HEAD') throw new Refusal('method_not_allowed');
  const description = await describe(request, session);
  request.key = description.key;
  connections.prove(connection);
  if (description.refusal) throw description.refusal;
  if (!description.state) throw new Error('a key that is not refused has a state');
  log.debug({ id, keyId: description.key.keyId }, 'asked about its own key');
  if (!client.destroyed) {
    connection.answerLast(answer(description.state, id, method), response && message);
  }
}

async function describe(
  { connection, message }: ProxyRequest,
  session: Session,
): Promise<Description> {
  const toProxy = firstValue(message.rawHeaders, 'proxy-authorization');
  const credentials = parseCredentials(toProxy ?? firstValue(message.rawHeaders, 'authorization'));
  // a client that talks to a site expects a site's challenge
  const refused = new Refusal('credentials_required', { asSite: toProxy === undefined });
  if (!credentials) throw refused;
  try {
    const description = await session.describe(credentials, connection);
    const isRefused = description.refusal?.code === refused.code;
    return isRefused ? { ...description, refusal: refused } : description;
  } catch (error) {
    throw error instanceof Refusal && error.code === refused.code ? refused : error;
  }
}

function answer(key: OwnKey, requestId: string, method: string): string {
  const body = `${JSON.stringify({ key })}\n`;
  return [
    'HTTP/1.1 200 OK',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    `Proxy-Request-Id: ${requestId}`,
    'Connection: close',
    '',
    method === 'HEAD' ? '' : body,
  ].join('\r\n');
}
