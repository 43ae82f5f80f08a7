import { clientHas, close, end, head, reset, type Step, send } from '../conversation.ts';
import { answer, type Exchange, exchange, request } from '../exchange.ts';
import {
  clientBody,
  clientField,
  clientGot,
  clientLacks,
  either,
  type Fact,
  targetAsked,
} from '../facts.ts';

const none = ['Content-Length: 0'];

/** The first line of a target's answer, or other text in its place. */
function said(name: string, right: string, text: string, facts: Fact[], method = 'GET'): Exchange {
  return exchange(name, right, facts, {
    method,
    client: [send(request(`${method} /`))],
    target: [head, send(text)],
  });
}

/** A connection that ends after bytes that are not HTTP, or after part of an answer. */
function failed(name: string, text: string, how: Step, code?: string): Exchange {
  const target = [head, send(text), how];
  return exchange(name, '502', [clientGot(502)], { target, ...(code && { code }) });
}

/** The first line of an answer, and answers without a body. */
export const answerStatuses: Exchange[] = [
  said(
    'a target’s own 407',
    'forwarded',
    'HTTP/1.1 407 Proxy Authentication Required\r\n' +
      'Proxy-Authenticate: Basic realm="target"\r\nContent-Length: 0\r\n\r\n',
    [clientGot(407), clientField('Proxy-Authenticate', 'Basic realm="target"')],
  ),
  said(
    'a target’s own 401',
    'forwarded',
    answer('401 Unauthorized', ['WWW-Authenticate: Negotiate', ...none]),
    [clientGot(401), clientField('WWW-Authenticate', 'Negotiate')],
  ),
  ...[299, 418, 502, 599, 600, 999].map((status) =>
    said(`status ${status}`, 'forwarded', answer(`${status} Odd`, none), [clientGot(status)]),
  ),
  ...['099 Low', '000 Zero', '20 Short', '2000 Long', '+200 Signed', 'OK'].map((status) =>
    exchange(`status ${status}`, '502', [clientGot(502)], {
      target: [head, send(answer(status, none))],
      code: 'target_response_invalid',
    }),
  ),
  said('no reason phrase', 'forwarded', answer('200 ', none), [clientGot(200)]),
  said('no space after the status', 'forwarded', answer('200', none), [clientGot(200)]),
  said('a Latin-1 reason phrase', 'forwarded', answer('200 tr\xe8s bien', none), [clientGot(200)]),
  exchange(
    'a control character in the reason phrase, then a reset',
    'the status without it, or 502',
    [clientGot(200, 502)],
    {
      target: [
        head,
        send('HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n'),
        clientHas('\r\n\r\n'),
        reset,
      ],
    },
  ),
  said('a zero byte in the reason phrase', 'the status, or 502', answer('200 O\0K', none), [
    clientGot(200, 502),
  ]),
  said('204 with a length', '204 without a body', answer('204 No', ['Content-Length: 5']), [
    clientGot(204),
  ]),
  said('204 with a body', '204 without a body', answer('204 No', ['Content-Length: 5'], 'hello'), [
    clientGot(204),
  ]),
  said(
    '204 with chunks',
    '204 without a body',
    answer('204 No', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
    [clientGot(204), clientLacks('Transfer-Encoding')],
  ),
  said(
    '304 with a length',
    'the length, and no body',
    answer('304 Not Modified', ['ETag: "a"', 'Content-Length: 100']),
    [clientGot(304), clientField('Content-Length', '100'), clientField('ETag', '"a"')],
  ),
  said(
    'HEAD answered with a length',
    'the length, and no body',
    answer('200 OK', ['Content-Length: 1000']),
    [targetAsked('HEAD /'), clientGot(200), clientField('Content-Length', '1000')],
    'HEAD',
  ),
  said(
    'HEAD answered with chunks',
    'no body',
    answer('200 OK', ['Transfer-Encoding: chunked']),
    [clientGot(200), clientLacks('Content-Length')],
    'HEAD',
  ),
  said(
    'HEAD answered with a body',
    'the length, and no body',
    answer('200 OK', ['Content-Length: 5'], 'hello'),
    [clientGot(200), clientField('Content-Length', '5')],
    'HEAD',
  ),
  exchange('205, and the connection stays open', '205', [clientGot(205), clientBody('')], {
    target: [head, send(answer('205 Reset Content', none))],
  }),
  said('a future HTTP version', '200, or 502', 'HTTP/1.7 200 OK\r\nContent-Length: 0\r\n\r\n', [
    clientGot(200, 502),
  ]),
  failed('bytes that are not HTTP', 'SSH-2.0-OpenSSH_9.9\r\n', end, 'target_response_invalid'),
  failed('HTTP/0.9', '<html>hello</html>', end, 'target_response_invalid'),
  failed('HTTP/2', '\0\0\0\x04\0\0\0\0\0', end, 'target_response_invalid'),
  failed('TLS', '\x15\x03\x01\0\x02\x02\x46', end, 'target_response_invalid'),
  failed('nothing, and a close', '', close, 'target_unreachable'),
  failed('nothing, and a reset', '', reset, 'target_unreachable'),
  failed('a part of the first line, and a close', 'HTTP/1.1 20', end),
  failed('a part of the head, and a close', 'HTTP/1.1 200 OK\r\nContent-Le', end),
  exchange('a closed port', '502 or 503', [either([clientGot(502)], [clientGot(503)])], {
    target: 'nobody',
    code: 'target_unreachable',
  }),
];
