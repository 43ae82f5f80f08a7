import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ProxyRequest } from '../requests/proxy-request.ts';
import { resetSocket } from '../tunnels/reset-socket.ts';
import {
  cleanText,
  codingsBesideChunks,
  endToEndHeaders,
  formatHead,
  listItems,
  pairs,
} from './end-to-end-headers.ts';
import { hasBody, noBytes } from './target-request.ts';

/** A target's answer, as its client gets it. */
export class ForwardedAnswer {
  readonly #request: ProxyRequest;
  readonly #leaving: () => boolean;
  started = false;
  /** The connection to the target failed: an unframed body that seems to end is cut short. */
  #broken = false;
  /** The client has to read before more is sent. */
  #full = false;

  /** `leaving`: whether the client's connection is to end with the answer. */
  constructor(request: ProxyRequest, leaving: () => boolean) {
    this.#request = request;
    this.#leaving = leaving;
    request.socket?.once('error', () => {
      this.#broken = true;
    });
  }

  /** Forwards a 1xx, except to an HTTP/1.0 client, which knows none. */
  inform({ statusCode, statusMessage, rawHeaders }: IncomingInformation): void {
    const { message, client, socket } = this.#request;
    if (message.httpVersion === '1.0' || client.destroyed) return;
    const firstLine = `HTTP/1.1 ${statusCode} ${cleanText(statusMessage)}`;
    // it has no body: RFC 9110, 8.6
    const headers = endToEndHeaders(rawHeaders, ['content-length', 'trailer']);
    if (client.write(formatHead(firstLine, headers)) || this.#full) return;
    // a target may send them endlessly, to a client that does not read
    this.#full = true;
    client.once('drain', () => {
      this.#full = false;
      socket?.resume();
    });
    // a tick later, as Node resumes reading at the end of a message
    setImmediate(() => this.#full && socket?.pause());
  }

  /** Throws if an answer with this head cannot be forwarded. */
  begin(incoming: IncomingMessage): void {
    const { message, response, connection } = this.#request;
    incoming.on('error', () => this.#cut());
    // a client that still sends may get its answer only if the connection is closed cleanly
    if (response && (message.complete || !hasBody(message)) && connection.ahead === 0) {
      this.#answerInOrder(incoming, response);
    } else {
      this.#answerLast(incoming);
    }
  }

  /** `inChunks`: whether the body is forwarded in chunks. `codings`: its codings beside chunks. */
  #head(
    incoming: IncomingMessage,
    inChunks: boolean,
  ): [status: number, reason: string, headers: string[], codings: string[]] {
    const { message, id } = this.#request;
    const { statusCode = 0, statusMessage = '', rawHeaders } = incoming;
    if (statusCode < 200) throw new RangeError('not the status of an answer');
    const framed = !isBodyless(message, incoming) && isCoded(incoming);
    const codings = framed ? codingsBesideChunks(rawHeaders) : [];
    // RFC 9112, 6.1: an HTTP/1.0 client knows no codings, and the gateway does not remove them
    if (codings.length > 0 && message.httpVersion === '1.0')
      throw new RangeError('a coding that HTTP/1.0 does not know');
    const drop = framed ? ['content-length'] : [];
    // Node would throw: it allows `Trailer` with chunks only
    if (!inChunks) drop.push('trailer');
    const headers = endToEndHeaders(rawHeaders, drop);
    headers.push('Proxy-Request-Id', id);
    this.#request.outcome = { statusCode };
    this.started = true;
    return [statusCode, cleanText(statusMessage), headers, codings];
  }

  /** The connection stays open after it, if its client wants that. */
  #answerInOrder(incoming: IncomingMessage, response: ServerResponse): void {
    const { connection, message } = this.#request;
    const inChunks =
      isCoded(incoming) && message.httpVersion !== '1.0' && !isBodyless(message, incoming);
    const [status, reason, headers, codings] = this.#head(incoming, inChunks);
    if (codings.length > 0) headers.push('Transfer-Encoding', [...codings, 'chunked'].join(', '));
    response.on('error', () => {});
    response.sendDate = false;
    // Node then writes `Connection: close`
    if (this.#leaving()) response.shouldKeepAlive = false;
    response.writeHead(status, reason, headers);
    // not `flushHeaders`, which writes UTF-8 for bytes above 127
    response.write(noBytes);
    const asAnnounced = this.#measure(incoming, headers);
    incoming.pipe(response, { end: false });
    incoming.once('end', () => {
      if (this.#broken || !asAnnounced()) return this.#cut();
      const trailers = endToEndHeaders(incoming.rawTrailers);
      if (trailers.length > 0 && response.chunkedEncoding) response.addTrailers(pairs(trailers));
      response.end();
    });
    response.once('finish', () => {
      connection.busy = false;
      if (connection.ahead > 0) connection.end(this.#request.message);
    });
  }

  /** The connection ends after it. Without a length or chunks, that ends the answer. */
  #answerLast(incoming: IncomingMessage): void {
    const { message, response, client, connection } = this.#request;
    const [status, reason, headers, codings] = this.#head(incoming, false);
    if (codings.length > 0) headers.push('Transfer-Encoding', codings.join(', '));
    headers.push('Connection', 'close');
    client.write(formatHead(`HTTP/1.1 ${status} ${reason}`, headers));
    const asAnnounced = this.#measure(incoming, headers);
    incoming.pipe(client, { end: false });
    incoming.once('end', () => {
      if (this.#broken || !asAnnounced()) this.#cut();
      else connection.end(response ? message : null);
    });
  }

  /**
   * Cuts a body that is longer than its head declares, and returns a check that it has exactly as
   * many bytes. The parser may have used other framing, and extra bytes would become the client's
   * next answer.
   */
  #measure(incoming: IncomingMessage, headers: string[]): () => boolean {
    const at = headers.findIndex((name, index) => index % 2 === 0 && isLength(name));
    if (at === -1 || isBodyless(this.#request.message, incoming)) return () => true;
    let left = Number(headers[at + 1]);
    incoming.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) this.#cut();
    });
    return () => left === 0;
  }

  switchProtocols({ statusMessage = '', rawHeaders, headers }: IncomingMessage): void {
    const passed = [...endToEndHeaders(rawHeaders), 'Proxy-Request-Id', this.#request.id];
    passed.push('Connection', 'Upgrade', 'Upgrade', cleanText(headers.upgrade ?? ''));
    this.started = true;
    this.#request.client.write(formatHead(`HTTP/1.1 101 ${cleanText(statusMessage)}`, passed));
    this.#request.outcome = { statusCode: 101 };
  }

  /** Resets the client, so that a part does not look like the whole. */
  #cut(): void {
    resetSocket(this.#request.client);
  }
}

/** RFC 9110, 6.4.1. */
function isBodyless({ method }: IncomingMessage, { statusCode }: IncomingMessage): boolean {
  return method === 'HEAD' || statusCode === 204 || statusCode === 304;
}

function isCoded({ rawHeaders }: IncomingMessage): boolean {
  return listItems(rawHeaders, 'transfer-encoding').length > 0;
}

function isLength(name: string): boolean {
  return name.toLowerCase() === 'content-length';
}

type IncomingInformation = Pick<Required<IncomingMessage>, 'rawHeaders'> & {
  statusCode: number;
  statusMessage: string;
};
