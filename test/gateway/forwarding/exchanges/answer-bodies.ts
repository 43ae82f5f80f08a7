import { clientHas, close, end, head, reset, type Step, send } from '../conversation.ts';
import { answer, type Exchange, exchange, request } from '../exchange.ts';
import {
  clientBody,
  clientGot,
  clientLacks,
  clientSawBreak,
  clientTrailer,
  either,
  type Fact,
} from '../facts.ts';

const everyByte = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');
const megabyte = everyByte.repeat(4_096);
const chunked = 'Transfer-Encoding: chunked';
const whole: Fact[] = [clientGot(200), clientBody('hello')];
const inChunks = '5\r\nhello\r\n0\r\n\r\n';

/** The same exchange for a client of each HTTP version. */
function forBoth(
  name: string,
  right: string,
  facts: Fact[] | ((version: string) => Fact[]),
  ...target: Step[]
): Exchange[] {
  return ['HTTP/1.1', 'HTTP/1.0'].map((version) =>
    exchange(
      version === 'HTTP/1.1' ? name : `${name}, for an HTTP/1.0 client`,
      right,
      typeof facts === 'function' ? facts(version) : facts,
      { client: [send(request(`GET / ${version}`))], target: [head, ...target] },
    ),
  );
}

/** An answer whose first part reaches the client before the connection breaks. */
function broken(name: string, text: string, ...then: Step[]): Exchange[] {
  return forBoth(
    name,
    'the client sees a break',
    [clientSawBreak],
    send(text),
    clientHas('first part'),
    ...then,
  );
}

function said(name: string, right: string, facts: Fact[], ...target: Step[]): Exchange {
  return exchange(name, right, facts, { target: [head, ...target] });
}

const lasting = answer('200 OK', ['Content-Length: 100'], 'first part');
const inParts = answer('200 OK', [chunked], 'a\r\nfirst part\r\n');
const unframed =
  'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nfirst part of a body without a length';

/** The body that a target sends, and how it ends. */
export const answerBodies: Exchange[] = [
  ...forBoth(
    'every byte, a megabyte of them, with a length',
    'byte for byte',
    [clientGot(200), clientBody(megabyte)],
    send(answer('200 OK', [`Content-Length: ${megabyte.length}`], megabyte)),
  ),
  ...forBoth(
    'chunks',
    'whole; no chunks in HTTP/1.0',
    (version) => [...whole, ...(version === 'HTTP/1.0' ? [clientLacks('Transfer-Encoding')] : [])],
    send(answer('200 OK', [chunked], inChunks)),
  ),
  ...forBoth('no length, and a close', 'whole', whole, send(answer('200 OK', [], 'hello')), end),
  ...forBoth(
    'an HTTP/1.0 answer without a length',
    'whole',
    whole,
    send('HTTP/1.0 200 OK\r\n\r\nhello'),
    end,
  ),
  ...broken('a length that is not reached, and a close', lasting, end),
  ...broken('a length that is not reached, and a reset', lasting, reset),
  ...broken('chunks that break off, and a close', inParts, end),
  ...broken('chunks that break off, and a reset', inParts, reset),
  ...broken('half a chunk, and a close', `${inParts}5\r\nhe`, end),
  ...broken('the last chunk without the end of the trailers', `${inParts}0\r\n`, end),
  ...broken('no length, and a reset', unframed, reset),
  ...broken('a chunk with a malformed size', inParts, send('zz\r\nmore\r\n0\r\n\r\n')),
  // Node's lenient parser, which the other cases need, does not detect it
  ...forBoth(
    'a chunk without its line end',
    'a break, or all that was sent',
    [either([clientSawBreak], [clientGot(200), clientBody('first parthello')])],
    send(inParts),
    clientHas('first part'),
    send('5\r\nhello0\r\n\r\n'),
    close,
  ),
  said(
    'an HTTP/1.0 answer with a length, and the connection stays open',
    'whole',
    whole,
    send('HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello'),
  ),
  said(
    'chunks with extensions',
    'whole',
    whole,
    send(answer('200 OK', [chunked], '5;a;b="c;\\"d"\r\nhello\r\n0;last\r\n\r\n')),
  ),
  said(
    'chunks that arrive byte by byte',
    'whole',
    whole,
    send(answer('200 OK', [chunked])),
    clientHas('\r\n\r\n'),
    ...[...inChunks].map((byte) => send(byte)),
  ),
  said(
    'a trailer',
    'the client gets the trailer',
    [...whole, clientTrailer('X-Sum', '42')],
    send(answer('200 OK', [chunked, 'Trailer: X-Sum'], '5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n')),
  ),
  exchange(
    'a trailer, for an HTTP/1.0 client',
    'whole; no trailer',
    [...whole, clientLacks('X-Sum')],
    {
      client: [send(request('GET / HTTP/1.0'))],
      target: [
        head,
        send(answer('200 OK', [chunked, 'Trailer: X-Sum'], '5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n')),
      ],
    },
  ),
  said(
    'a length beside chunks',
    'the chunks without the length, or 502',
    [either([clientGot(502)], whole)],
    send(answer('200 OK', ['Content-Length: 2', chunked], inChunks)),
  ),
  said(
    'more than its length: a second answer',
    'only the first',
    whole,
    send(answer('200 OK', ['Content-Length: 5'], `hello${answer('200 OK', [], 'evil')}`)),
  ),
  said(
    'more than its chunks: a second answer',
    'only the first',
    whole,
    send(answer('200 OK', [chunked], `${inChunks}${answer('200 OK', [], 'evil')}`)),
  ),
  said(
    'a content encoding, which is not framing',
    'byte for byte',
    [clientGot(200), clientBody(everyByte)],
    send(answer('200 OK', ['Content-Encoding: br', 'Content-Length: 256'], everyByte)),
  ),
];
