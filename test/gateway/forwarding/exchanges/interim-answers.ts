import {
  clientHas,
  close,
  end,
  head,
  readNothing,
  receive,
  reset,
  send,
  upload,
} from '../conversation.ts';
import { answer, type Exchange, exchange, hello, request } from '../exchange.ts';
import {
  clientBody,
  clientField,
  clientGot,
  clientInterim,
  clientStream,
  either,
  type Fact,
  targetBody,
  targetField,
  targetStream,
} from '../facts.ts';

const goOn = answer('100 Continue');
const hint = answer('103 Early Hints', ['Link: </a.css>; rel=preload']);
const unauthorized = 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nnope';
const unframed = answer('401 Unauthorized');
const nope: Fact[] = [clientGot(401), clientBody('nope')];
const switched = answer('101 Switching Protocols', ['Upgrade: websocket', 'Connection: Upgrade']);
const uploadBytes = 20 * 1_024 * 1_024;
const ok: Fact[] = [clientGot(200), clientBody('hello')];

/** A POST that asks before it sends its body. */
const asking = request('POST /', ['Expect: 100-continue', 'Content-Length: 5']);
const upgrading = request('GET /', [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]);

/** An answer to the head of a 20 MiB upload, and what the target does then. */
function early(
  name: string,
  right: string,
  facts: Fact[],
  ...target: Exchange['target'] & object
): Exchange {
  return exchange(`401 before an upload is read, ${name}`, right, facts, {
    method: 'POST',
    client: [send(request('POST /', [`Content-Length: ${uploadBytes}`])), upload(uploadBytes)],
    target: [head, ...target],
  });
}

/** Answers before the final one, and before the request is complete. */
export const interimAnswers: Exchange[] = [
  exchange(
    'Expect, and a target that sends 100',
    'the 100, then the answer',
    [targetField('Expect', '100-continue'), clientInterim(100), targetBody('hello'), ...ok],
    {
      method: 'POST',
      client: [send(asking), receive(' 100 '), send('hello')],
      target: [head, send(goOn), receive('hello'), send(hello)],
    },
  ),
  ...['417 Expectation Failed', '401 Unauthorized'].map((status) =>
    exchange(
      `Expect, and a target that sends ${status.slice(0, 3)}`,
      'the answer, and no 100',
      [clientInterim(), clientGot(Number(status.slice(0, 3)))],
      {
        method: 'POST',
        client: [send(asking), receive(' 100 '), send('hello')],
        target: [head, send(answer(status, ['Content-Length: 0']))],
      },
    ),
  ),
  exchange('Expect, and a client that does not wait', 'the answer', [targetBody('hello'), ...ok], {
    method: 'POST',
    client: [send(`${asking}hello`)],
    target: [receive('hello'), send(hello)],
  }),
  exchange('102 and 103', 'both, then the answer', [clientInterim(102, 103), ...ok, link], {
    target: [head, send(answer('102 Processing')), send(hint), clientHas(' 103 '), send(hello)],
  }),
  exchange('103 and the answer in one packet', 'both', [clientInterim(103), ...ok, link], {
    target: [head, send(hint + hello)],
  }),
  exchange('103, for an HTTP/1.0 client', 'only the answer', [clientInterim(), ...ok], {
    client: [send(request('GET / HTTP/1.0'))],
    target: [head, send(hint + hello)],
  }),
  early('and then it is read', 'the 401', nope, send(unauthorized)),
  early('and it never is', 'the 401', nope, readNothing, send(unauthorized)),
  early('and the answer ends with a close', 'the 401', nope, send(`${unframed}nope`), end),
  early(
    'and a later reset',
    'the 401',
    nope,
    readNothing,
    send(unauthorized),
    clientHas('nope'),
    reset,
  ),
  early(
    'and a reset at once',
    'the 401, or 502 if the reset overtakes it',
    [either(nope, [clientGot(502)])],
    readNothing,
    send(unauthorized),
    close,
  ),
  exchange(
    'a WebSocket, with data right after the 101',
    'both ways',
    [
      clientGot(101),
      clientField('Upgrade', 'websocket'),
      targetField('Upgrade', 'websocket'),
      targetStream('from the client'),
      clientStream('from the target, and an answer'),
    ],
    {
      except: ['one request', 'one answer'],
      client: [
        send(upgrading),
        receive('from the target'),
        send('from the client'),
        receive('and an answer'),
      ],
      target: [
        head,
        send(`${switched}from the target`),
        receive('from the client'),
        send(', and an answer'),
      ],
    },
  ),
  exchange(
    'a WebSocket that is refused',
    'the answer',
    [targetField('Upgrade', 'websocket'), ...ok],
    {
      client: [send(upgrading)],
    },
  ),
  exchange('an unrequested 101', '502', [clientGot(502)], {
    target: [head, send(switched)],
    code: 'target_response_invalid',
  }),
];

function link({ client: { interim } }: Parameters<Fact>[0]): string | undefined {
  const [name, value] = interim.at(-1)?.fields.find(([each]) => each === 'Link') ?? [];
  return name && value === '</a.css>; rel=preload' ? undefined : 'the client got no Link';
}
