import { head, send } from '../conversation.ts';
import { answer, type Exchange, exchange } from '../exchange.ts';
import {
  clientBody,
  clientField,
  clientFields,
  clientGot,
  clientLacks,
  either,
  type Fact,
} from '../facts.ts';
import type { Field } from '../message.ts';

const kept: Field[] = [
  ['Server', 'target'],
  ['set-cookie', 'a=1; Path=/'],
  ['X-b', '1'],
  ['set-cookie', 'b=2'],
  ['X-b', '2'],
  ['X_Under', ''],
  ['X-Latin', 'caf\xe9 \xff'],
  ['Location', 'http://example.com/a/../b?c={d}'],
  ['Content-Length', '5'],
];
// the first recipient of an answer without a date adds it: RFC 9110, 6.6.1
const mayBeAdded = ['Date', 'Connection', 'Keep-Alive', 'Proxy-Request-Id'];
const many: Field[] = Array.from({ length: 2_500 }, (_, index) => [`X-${index}`, 'v']);
const lines = (fields: readonly Field[]) => fields.map(([name, value]) => `${name}: ${value}`);
const large = (kibibytes: number): Field => ['X-Large', 'x'.repeat(kibibytes * 1_024)];
const ok: Fact[] = [clientGot(200), clientBody('hello')];

/** An answer with extra header lines before a body with a length. */
function said(name: string, right: string, headers: string[], facts: Fact[], code?: string) {
  const text = answer('200 OK', [...headers, 'Content-Length: 5'], 'hello');
  return exchange(name, right, facts, { target: [head, send(text)], ...(code && { code }) });
}

/** The same with only the given lengths. */
function framed(name: string, right: string, headers: string[], facts: Fact[], code?: string) {
  const target = [head, send(answer('200 OK', headers, 'hello'))];
  return exchange(name, right, facts, { target, ...(code && { code }) });
}

/** Headers of an answer, and which of them reach the client. */
export const answerHeaders: Exchange[] = [
  said(
    'hop-by-hop headers, and one named in Connection',
    'stop at the proxy',
    [
      'Connection: X-Per-Hop, close',
      'X-Per-Hop: 1',
      'Keep-Alive: timeout=77',
      'Proxy-Connection: close',
      'Upgrade: h2c',
      'X-End-To-End: 1',
    ],
    [
      ...ok,
      clientLacks('X-Per-Hop', 'Proxy-Connection', 'Upgrade'),
      clientField('X-End-To-End', '1'),
      ({ client }) => (client.got.includes('timeout=77') ? 'the client got Keep-Alive' : undefined),
    ],
  ),
  exchange(
    'order, letter case, repeated, empty and Latin-1 headers',
    'unchanged, and nothing is added',
    [...ok, clientFields(kept, mayBeAdded)],
    { target: [head, send(answer('200 OK', lines(kept), 'hello'))] },
  ),
  said('Trailer without chunks', 'forwarded, with or without it', ['Trailer: X-Sum'], ok),
  exchange('the target’s own Via', 'forwarded', [...ok, clientField('Via', '1.1 theirs')], {
    except: ['names nobody'],
    target: [head, send(answer('200 OK', ['Via: 1.1 theirs', 'Content-Length: 5'], 'hello'))],
  }),
  said('2,500 headers', 'all of them', lines(many), [...ok, clientFields(many, 'any')]),
  said('a head of 60 KiB', 'forwarded', lines([large(60)]), [...ok, clientField(...large(60))]),
  said(
    'a head of 70 KiB',
    '502, or forwarded',
    lines([large(70)]),
    [either([...ok, clientField(...large(70))], [clientGot(502)])],
    'target_response_invalid',
  ),
  said(
    'a folded header',
    '502, or one line',
    ['X-Folded: a', ' \t b'],
    [either([clientGot(502)], [...ok, foldedField('X-Folded', 'a b')])],
  ),
  said(
    'a space before the colon',
    '502, or forwarded without it',
    ['X-Spaced : a'],
    [either([clientGot(502)], [...ok, clientField('X-Spaced', 'a')])],
  ),
  framed(
    'a space before the colon of the length',
    'forwarded without it',
    ['Content-Length : 5'],
    [...ok, clientField('Content-Length', '5')],
  ),
  said(
    'a header without a colon',
    '502, or without it',
    ['X-None'],
    [either([clientGot(502)], ok)],
  ),
  said('a name with a space', '502, or without it', ['X Y: 1'], [either([clientGot(502)], ok)]),
  said('a header without a name', '502, or without it', [': a'], [either([clientGot(502)], ok)]),
  said(
    'a control character in a value',
    '502, or without it',
    ['X-Bell: a\x07b'],
    [either([clientGot(502)], ok)],
  ),
  said(
    'a zero byte in a value',
    '502, or without it',
    ['X-Zero: a\0b'],
    [either([clientGot(502)], ok)],
  ),
  said(
    'a bare CR in a value',
    '502, or without it',
    ['X-Cr: a\rX-Injected: b'],
    [either([clientGot(502)], [...ok, clientLacks('X-Injected')])],
  ),
  exchange('lines that end in a bare LF', 'forwarded', [...ok, clientField('X-A', 'b')], {
    target: [head, send('HTTP/1.1 200 OK\nX-A: b\nContent-Length: 5\n\nhello')],
  }),
  framed(
    'the same length twice',
    'one length, or 502',
    ['Content-Length: 5', 'Content-Length: 5'],
    [either([clientGot(502)], ok)],
  ),
  framed(
    'the same length twice in one header',
    'one length, or 502',
    ['Content-Length: 5, 5'],
    [either([clientGot(502)], ok)],
  ),
  framed(
    'two lengths',
    '502',
    ['Content-Length: 5', 'Content-Length: 4'],
    [clientGot(502)],
    'target_response_invalid',
  ),
  ...['5x', '-5', '+5', '0x5', '', '5 5', '9'.repeat(30)].map((length) =>
    framed(
      `the length ${length.length > 9 ? 'of 30 digits' : `“${length}”`}`,
      '502',
      [`Content-Length: ${length}`],
      [clientGot(502)],
      'target_response_invalid',
    ),
  ),
];

/** A folded field: each line end counts as one or more spaces. */
function foldedField(name: string, value: string): Fact {
  return ({ client: { answer } }) => {
    const [, found = ''] = answer?.fields.find(([each]) => each === name) ?? [];
    return found.replaceAll(/\s+/g, ' ') === value ? undefined : `the client got another ${name}`;
  };
}
