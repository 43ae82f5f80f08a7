import { send } from '../conversation.ts';
import { type Exchange, exchange, request } from '../exchange.ts';
import {
  clientGot,
  either,
  type Fact,
  refused,
  targetAsked,
  targetBody,
  targetField,
  targetFields,
  targetLacks,
} from '../facts.ts';
import type { Field } from '../message.ts';

const kept: Field[] = [
  ['X-b', '1'],
  ['x-A', 'two words, "quoted"; and=more'],
  ['X-b', '2'],
  ['X_Under', ''],
  ['Cookie', 'a=1'],
  ['X-Latin', 'caf\xe9 \xff'],
  ['Cookie', 'b=2'],
  ['Authorization', 'Basic dGhlOnRhcmdldHM='],
];
const mayBeAdded = ['Host', 'Connection'];
const many: Field[] = Array.from({ length: 2_500 }, (_, index) => [`X-${index}`, 'v']);
const lines = (fields: Field[]) => fields.map(([name, value]) => `${name}: ${value}`);

/** A header of this many KiB. */
const large = (kibibytes: number) => ['X-Large', 'x'.repeat(kibibytes * 1_024)] as const;

/** A GET with extra header lines. */
function get(name: string, right: string, headers: string[], facts: Fact[], code?: string) {
  const client = [send(request('GET /', headers))];
  return exchange(name, right, facts, { client, ...(code && { code }) });
}

function maxForwards(method: string, most: number, right: string, facts: Fact[]): Exchange {
  const client = [send(request(`${method} /`, [`Max-Forwards: ${most}`]))];
  return exchange(`Max-Forwards: ${most} on ${method}`, right, facts, { method, client });
}

/** Headers of a request, and which of them reach the target. */
export const requestHeaders: Exchange[] = [
  exchange(
    'Proxy-Connection, and a header named in Connection',
    'stop at the proxy',
    [targetLacks('X-Per-Hop'), targetField('X-End-To-End', '1'), clientGot(200)],
    {
      client: [
        send(
          'GET http://127.0.0.1:PORT/ HTTP/1.1\r\n' +
            'Host: 127.0.0.1:PORT\r\n' +
            'Proxy-Authorization: Basic CREDENTIALS\r\n' +
            'Proxy-Connection: keep-alive\r\n' +
            'Connection: X-Per-Hop\r\n' +
            'X-Per-Hop: 1\r\n' +
            'X-End-To-End: 1\r\n\r\n',
        ),
      ],
    },
  ),
  get(
    'several Connection headers, in another letter case',
    'the named headers stop at the proxy',
    ['connection: x-one,, X-TWO ,', 'X-One: 1', 'x-two: 2', 'X-Three: 3', 'CONNECTION: X-three'],
    [targetLacks('X-One', 'X-Two', 'X-Three'), clientGot(200)],
  ),
  get(
    'Keep-Alive, TE and Upgrade that Connection does not name',
    'stop at the proxy',
    ['Keep-Alive: timeout=5', 'TE: deflate', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'],
    [targetLacks('Keep-Alive', 'TE', 'Upgrade'), clientGot(200)],
  ),
  exchange(
    'Connection names Host and Content-Length',
    'both still apply, or 400',
    [either(refused(400), [targetBody('hello'), clientGot(200)])],
    {
      method: 'POST',
      client: [
        send(request('POST /', ['Connection: Host, Content-Length', 'Content-Length: 5'], 'hello')),
      ],
    },
  ),
  get(
    'order, letter case, repeated, empty and Latin-1 headers',
    'unchanged, and nothing is added',
    lines(kept),
    [targetFields(kept, mayBeAdded), clientGot(200)],
  ),
  get(
    'Trailer without chunks',
    'forwarded, with or without it',
    ['Trailer: X-Sum'],
    [targetAsked('GET /'), clientGot(200)],
  ),
  maxForwards('OPTIONS', 5, 'reduced by one', [targetField('Max-Forwards', '4'), clientGot(200)]),
  ...['OPTIONS', 'TRACE'].map((method) =>
    maxForwards(method, 0, 'answered by the proxy', refused(200, 204, 405, 501)),
  ),
  get(
    'Max-Forwards: 0 on GET',
    'forwarded',
    ['Max-Forwards: 0'],
    [targetAsked('GET /'), clientGot(200)],
  ),
  exchange(
    'the client’s own Via, Forwarded and X-Forwarded-For',
    'unchanged',
    [
      targetField('Via', '1.1 mine'),
      targetField('Forwarded', 'for=mine'),
      targetField('X-Forwarded-For', '192.0.2.1'),
      clientGot(200),
    ],
    {
      except: ['names nobody'],
      client: [
        send(
          request('GET /', ['Via: 1.1 mine', 'Forwarded: for=mine', 'X-Forwarded-For: 192.0.2.1']),
        ),
      ],
    },
  ),
  exchange('a Host that is not the URL’s', 'the URL’s', [clientGot(200)], {
    client: [send(request('GET /').replace('Host: 127.0.0.1:PORT', 'Host: internal'))],
  }),
  get(
    'two Hosts',
    '400, or the URL’s',
    ['Host: other'],
    [either(refused(400), [clientGot(200), targetAsked('GET /')])],
  ),
  exchange('no Host in HTTP/1.1', '400', refused(400), {
    client: [send(request('GET /').replace('Host: 127.0.0.1:PORT\r\n', ''))],
    code: 'malformed_request',
  }),
  exchange('no Host in HTTP/1.0', 'the URL’s', [targetAsked('GET /'), clientGot(200)], {
    client: [send(request('GET / HTTP/1.0').replace('Host: 127.0.0.1:PORT\r\n', ''))],
  }),
  get('2,500 headers', 'all of them', lines(many), [targetFields(many, 'any'), clientGot(200)]),
  get('a head of 60 KiB', 'forwarded', lines([large(60)]), [
    targetField(...large(60)),
    clientGot(200),
  ]),
  get(
    'a head of 70 KiB',
    '431, or forwarded',
    lines([large(70)]),
    [either([targetField(...large(70)), clientGot(200)], refused(431))],
    'head_too_large',
  ),
  get(
    'a folded header',
    '400, or one line',
    ['X-Folded: a', '  b'],
    [either(refused(400), [targetField('X-Folded', 'a b'), clientGot(200)])],
  ),
  get('a space before the colon', '400', ['X-Spaced : a'], refused(400), 'malformed_request'),
  get('a header without a colon', '400', ['X-None'], refused(400), 'malformed_request'),
  get('a name with a space', '400', ['X Y: 1'], refused(400), 'malformed_request'),
  get(
    'a zero byte in a value',
    '400, or a space instead',
    ['X-Zero: a\0b'],
    [either(refused(400), [targetField('X-Zero', 'a b'), clientGot(200)])],
  ),
  get(
    'a bare CR in a value',
    '400, or a space instead',
    ['X-Cr: a\rX-Injected: b'],
    [
      either(refused(400), [
        targetLacks('X-Injected'),
        targetField('X-Cr', 'a X-Injected: b'),
        clientGot(200),
      ]),
    ],
  ),
  exchange(
    'lines that end in a bare LF',
    '400, or forwarded',
    [either(refused(400), [targetAsked('GET /'), targetField('X-A', 'b'), clientGot(200)])],
    { client: [send(request('GET /', ['X-A: b']).replaceAll('\r\n', '\n'))] },
  ),
];
