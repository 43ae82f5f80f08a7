import { clientHas, end, head, receive, reset, send, targetHas } from '../conversation.ts';
import { answer, type Exchange, exchange, hello, request } from '../exchange.ts';
import {
  clientBody,
  clientGot,
  type Fact,
  targetAsked,
  targetBody,
  targetField,
  targetLacks,
  targetSawBreak,
  targetTrailer,
} from '../facts.ts';

const everyByte = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');
const chunked = 'Transfer-Encoding: chunked';
/** A body that a target would take for a request if it had no framing. */
const likeARequest = 'GET /hidden HTTP/1.1\r\nHost: hidden\r\n\r\n';

/** A body in chunks. */
const chunks = (...parts: string[]) =>
  [...parts, ''].map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('');

function sent(
  name: string,
  right: string,
  method: string,
  [headers, body]: [headers: string[], body: string],
  facts: Fact[],
): Exchange {
  return exchange(name, right, [...facts, clientGot(200)], {
    method,
    client: [send(request(`${method} /`, headers, body))],
  });
}

/** A client's upload, and what of it reaches the target. */
export const requestBodies: Exchange[] = [
  sent(
    'a POST without a body',
    '`Content-Length: 0`',
    'POST',
    [[], ''],
    [targetField('Content-Length', '0'), targetLacks('Transfer-Encoding')],
  ),
  sent(
    'a PUT without a body',
    '`Content-Length: 0`',
    'PUT',
    [[], ''],
    [targetField('Content-Length', '0')],
  ),
  sent(
    'a GET without a body',
    'neither a length nor chunks',
    'GET',
    [[], ''],
    [targetLacks('Content-Length', 'Transfer-Encoding')],
  ),
  sent(
    'every byte, with a length',
    'byte for byte',
    'POST',
    [['Content-Length: 256'], everyByte],
    [targetField('Content-Length', '256'), targetBody(everyByte)],
  ),
  sent(
    'every byte, in chunks',
    'framed, byte for byte',
    'POST',
    [[chunked], chunks(everyByte)],
    [targetBody(everyByte)],
  ),
  sent(
    'chunks with extensions',
    'framed',
    'POST',
    [[chunked], '5;a;b="c;\\"d"\r\nhello\r\n0;last\r\n\r\n'],
    [targetBody('hello')],
  ),
  ...['GET', 'DELETE', 'OPTIONS'].map((method) =>
    sent(
      `${method} with chunks that look like a request`,
      'framed',
      method,
      [[chunked], chunks(likeARequest)],
      [targetBody(likeARequest)],
    ),
  ),
  sent(
    'GET with a length',
    'framed',
    'GET',
    [[`Content-Length: ${likeARequest.length}`], likeARequest],
    [targetBody(likeARequest)],
  ),
  sent(
    'a trailer',
    'the target gets the trailer',
    'POST',
    [[chunked, 'Trailer: X-Sum'], '5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n'],
    [targetBody('hello'), targetTrailer('X-Sum', '42')],
  ),
  exchange('a body that arrives byte by byte', 'whole', [targetBody('hello'), clientGot(200)], {
    method: 'POST',
    client: [
      send(request('POST /', ['Content-Length: 5'], 'h')),
      targetHas('\r\n\r\nh'),
      ...[...'ello'].map(send),
    ],
    target: [receive('ello'), send(hello)],
  }),
  exchange('a length that the client does not reach', 'the target sees a break', [targetSawBreak], {
    method: 'POST',
    client: [send(request('POST /', ['Content-Length: 10'], 'hello')), targetHas('hello'), end],
    target: [head],
  }),
  exchange('chunks that the client breaks off', 'the target sees a break', [targetSawBreak], {
    method: 'POST',
    client: [send(request('POST /', [chunked], '5\r\nhello\r\n')), targetHas('hello'), reset],
    target: [head],
  }),
  exchange('chunks that the client garbles', 'the target sees a break', [targetSawBreak], {
    method: 'POST',
    client: [
      send(request('POST /', [chunked], '5\r\nhello\r\n')),
      targetHas('hello'),
      send('zz\r\nmore'),
    ],
    target: [head],
  }),
  exchange(
    'a second request before the first is answered',
    'only the first is answered',
    [targetAsked('GET /'), clientGot(200), clientBody('hello')],
    {
      except: ['one request', 'one answer'],
      client: [send(request('GET /') + request('GET /'))],
      target: [head, send('HTTP/1.1 200 OK\r\n'), send('Content-Length: 5\r\n\r\nhello')],
    },
  ),
  exchange(
    'HEAD of a resource with a length',
    'the length, and no body',
    [targetAsked('HEAD /'), clientGot(200)],
    {
      method: 'HEAD',
      client: [send(request('HEAD /'))],
      target: [head, send(answer('200 OK', ['Content-Length: 5'])), clientHas('\r\n\r\n')],
    },
  ),
];
