import type { ClientRequest, IncomingMessage } from 'node:http';
import { Refusal } from '../refusal.ts';
import type { ProxyRequest } from '../requests/proxy-request.ts';
import { relay } from '../tunnels/relay.ts';
import { resetSocket } from '../tunnels/reset-socket.ts';
import { endToEndHeaders, pairs } from './end-to-end-headers.ts';
import { ForwardedAnswer } from './forwarded-answer.ts';
import { hasBody, openTargetRequest } from './target-request.ts';

export interface ForwardOptions {
  /** The gateway's name in `Via`; undefined for no `Via`. */
  via: string | undefined;
  /** Whether the client's connection is to end with the answer. */
  leaving: () => boolean;
  /** See `RelayOptions`; for an upgraded connection. */
  beforeEnd: () => Promise<void>;
}

/**
 * Forwards a plain request over its connected socket, and the answer to its client, as RFC 9110 and
 * 9112 require of a proxy. Rejects with a `Refusal` if no answer can be forwarded; resolves when
 * the answer has started. If the answer breaks off after that, the client gets a reset, never a
 * clean close.
 */
export function forwardRequest(request: ProxyRequest, options: ForwardOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const { message, client, socket: target } = request;
  if (!target) throw new Error('a request is forwarded once its target is connected');
  const answer = new ForwardedAnswer(request, options.leaving);
  const outgoing = openTargetRequest(request, options.via);
  const fail = (refusal: Refusal) => {
    // now, as the target's close reports it; if the client has left, that is the outcome
    if (!client.destroyed && request.outcome.statusCode === 499) {
      request.outcome = { statusCode: refusal.statusCode, code: refusal.code };
    }
    resetSocket(target);
    reject(refusal);
  };

  client.once('close', () => resetSocket(target));
  if (client.destroyed) resetSocket(target);
  outgoing.on('information', (informed) => answer.inform(informed));
  outgoing.once('response', (incoming) => {
    try {
      answer.begin(incoming);
      resolve();
    } catch {
      fail(new Refusal('target_response_invalid'));
    }
  });
  outgoing.once('upgrade', (incoming, _, head) => {
    if (request.response !== null) return fail(new Refusal('target_response_invalid'));
    answer.switchProtocols(incoming);
    if (head.length > 0) target.unshift(head);
    relay(client, target, options);
    resolve();
  });
  outgoing.on('error', (error: NodeJS.ErrnoException) => {
    if (!answer.started) fail(failureOf(error));
  });
  sendBody(message, outgoing);
  return promise;
}

/** Forwards the body as it arrives, with its trailers; a body that breaks off is not ended. */
function sendBody(message: IncomingMessage, outgoing: ClientRequest): void {
  if (!hasBody(message)) {
    outgoing.end();
    return;
  }
  message.on('error', () => {});
  message.once('end', () => {
    const trailers = endToEndHeaders(message.rawTrailers);
    if (trailers.length > 0) outgoing.addTrailers(pairs(trailers));
  });
  message.pipe(outgoing);
  // the answer may be there already: the rest of the body is of no use
  outgoing.on('error', () => {
    message.unpipe(outgoing);
    message.resume();
  });
}

function failureOf({ code = '' }: NodeJS.ErrnoException): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new Refusal('target_response_invalid', { error: 'http_response_header_section_size' });
  }
  if (code.startsWith('HPE_')) return new Refusal('target_response_invalid');
  return new Refusal('target_unreachable', { error: 'connection_terminated' });
}
