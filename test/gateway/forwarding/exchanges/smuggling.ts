import { send, wholeRequest } from '../conversation.ts';
import { type Exchange, exchange, hello, request } from '../exchange.ts';
import {
  clientGot,
  clientNotServed,
  either,
  refused,
  targetBody,
  targetSawBreak,
} from '../facts.ts';

const hidden = 'GET /hidden HTTP/1.1\r\nHost: hidden\r\n\r\n';
const length = `Content-Length: ${hidden.length}`;
const chunked = 'Transfer-Encoding: chunked';
const inChunks = `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`;
const lengthOfChunks = `Content-Length: ${inChunks.length}`;

/**
 * Headers that two servers could read in two ways, before a body that is a request to one of them.
 * `taken` is the body for a proxy that may forward all the same.
 */
const ambiguous: [name: string, headers: string[], body: string, taken?: string][] = [
  ['a length and chunks', ['Content-Length: 5', chunked], `0\r\n\r\n${hidden}`, ''],
  ['chunks and a length', [chunked, length], inChunks, hidden],
  ['two lengths', ['Content-Length: 0', length], hidden],
  ['two lengths in one header', [`Content-Length: 0, ${hidden.length}`], hidden],
  ['a length with a sign', [`Content-Length: +${hidden.length}`], hidden],
  ['a negative length', ['Content-Length: -1'], hidden],
  ['a length in hexadecimal', ['Content-Length: 0x10'], hidden],
  ['a length of two words', ['Content-Length: 0 5'], hidden],
  ['a length of 30 digits', [`Content-Length: ${'9'.repeat(30)}`], hidden],
  ['a length with a space before its colon', [`Content-Length : ${hidden.length}`], hidden],
  ['the same length twice', [length, length], hidden, hidden],
  ['chunked, but not named last', ['Transfer-Encoding: chunked, identity'], inChunks],
  ['chunked named twice', ['Transfer-Encoding: chunked, chunked'], inChunks],
  ['chunks in quotes', ['Transfer-Encoding: "chunked"'], inChunks],
  ['chunks by another name', ['Transfer-Encoding: xchunked'], inChunks],
  ['chunks with a space before the colon', ['Transfer-Encoding : chunked'], inChunks],
  ['chunks after a tab and a form feed', ['Transfer-Encoding:\t\x0cchunked'], inChunks],
  ['chunks in a folded header', ['Transfer-Encoding:', ' chunked'], inChunks, hidden],
  ['chunks behind a bare LF', [`X-A: b\n${chunked}`, lengthOfChunks], inChunks, hidden],
  ['chunks behind a bare CR', [`X-A: b\r${chunked}`, lengthOfChunks], inChunks, inChunks],
  ['identity and a length', ['Transfer-Encoding: identity', length], hidden],
];

/** Chunks that two servers could read in two ways. */
const oddChunks: [name: string, body: string][] = [
  ['a size that overflows', `10000000000000005\r\nhello\r\n0\r\n\r\n${hidden}`],
  ['a size in hexadecimal notation', `0x5\r\nhello\r\n0\r\n\r\n${hidden}`],
  ['a negative size', `-5\r\nhello\r\n0\r\n\r\n${hidden}`],
  ['no line end after a chunk', `5\r\nhello0\r\n\r\n${hidden}`],
  ['a bare LF in an extension', `5;a\nb\r\nhello\r\n0\r\n\r\n${hidden}`],
];

/** 400 by RFC 9112; a refusal for another reason also protects the target. */
const refusal = refused(400, 411, 501);

/** Requests that may hide another one. */
export const smuggling: Exchange[] = [
  ...ambiguous.map(([name, headers, body, taken]) =>
    exchange(
      name,
      taken === undefined ? '400' : '400, or as one request',
      [
        taken === undefined
          ? either(refusal)
          : either(refusal, [clientGot(200), targetBody(taken)]),
      ],
      { method: 'POST', client: [send(request('POST /', headers, body))] },
    ),
  ),
  exchange(
    'chunks in HTTP/1.0',
    '400, or framed, and closed afterwards',
    [either(refused(400), [targetBody(hidden), clientGot(200)])],
    { method: 'POST', client: [send(request('POST / HTTP/1.0', [chunked], inChunks))] },
  ),
  ...oddChunks.map(([name, body]) =>
    exchange(
      `a chunk with ${name}`,
      '400, or the target sees a break',
      [targetSawBreak, clientNotServed],
      {
        method: 'POST',
        client: [send(request('POST /', [chunked], body))],
        target: [wholeRequest, send(hello)],
      },
    ),
  ),
];
