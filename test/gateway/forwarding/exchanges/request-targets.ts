import { head, send } from '../conversation.ts';
import { answer, type Exchange, exchange, request } from '../exchange.ts';
import { clientGot, either, refused, targetAsked, targetBody, targetField } from '../facts.ts';

const paths: [name: string, path: string][] = [
  ['dot segments, literal and encoded', '/a/../b/%2e%2e/c'],
  ['dot segments at both ends', '/./a/..'],
  ['quotes in the query', "/q?a='x'"],
  ['braces, a bar, a caret and a back quote', '/p?x={1}|"^`'],
  ['an unnecessary encoding and an encoded backslash', '/%41%5c'],
  ['backslashes and brackets', '/a\\..\\b?c[0]=[1]&d=<e>'],
  ['two slashes', '//two//slashes'],
  ['a signature', '/signed?sig=a%2Fb+c%3D&x=~'],
  ['encodings in lower case, malformed, and of a zero byte', '/%2f%zz%?a%00b'],
  ['a second question mark, and an empty query', '/a??'],
  ['a colon, an at sign and parameters', '/a:80@b;c=1,d'],
  ['8,000 bytes', `/${'long/'.repeat(1_600)}`],
];

/** A GET of a URL in an unusual form. */
const get = (url: string) =>
  send(request('GET /').replace('http://127.0.0.1:PORT/ HTTP', `${url} HTTP`));

/** The request target that the target gets. */
export const requestTargets: Exchange[] = [
  ...paths.map(([name, path]) =>
    exchange(name, 'byte for byte', [targetAsked(`GET ${path}`), clientGot(200)], {
      client: [send(request(`GET ${path}`))],
    }),
  ),
  exchange(
    'non-ASCII bytes, Latin-1 and UTF-8',
    'byte for byte, or 400',
    [either(refused(400), [targetAsked('GET /caf\xe9/caf\xc3\xa9?\xff'), clientGot(200)])],
    { client: [send(request('GET /caf\xe9/caf\xc3\xa9?\xff'))] },
  ),
  exchange('no path', '`/`', [targetAsked('GET /'), clientGot(200)], {
    client: [get('http://127.0.0.1:PORT')],
  }),
  exchange('no path, and a query', '`/?x=1`', [targetAsked('GET /?x=1'), clientGot(200)], {
    client: [get('http://127.0.0.1:PORT?x=1')],
  }),
  exchange('OPTIONS, and no path', '`*`', [targetAsked('OPTIONS *'), clientGot(200)], {
    method: 'OPTIONS',
    client: [send(request('OPTIONS ').replace('PORT  HTTP', 'PORT HTTP'))],
  }),
  exchange('a scheme in capitals', 'forwarded', [targetAsked('GET /a'), clientGot(200)], {
    client: [get('HTTP://127.0.0.1:PORT/a')],
  }),
  exchange(
    'a user and a password in the URL',
    '400, or forwarded without them',
    [either(refused(400), [targetAsked('GET /a'), clientGot(200)])],
    { client: [get('http://user:pass@127.0.0.1:PORT/a')] },
  ),
  exchange('a space in the path', '400', refused(400), {
    client: [send(request('GET /a').replace('/a HTTP', '/a b HTTP'))],
  }),
  exchange('no authority', '400', refused(400), { client: [get('/a')], code: 'malformed_request' }),
  exchange(
    'the methods of WebDAV',
    'forwarded',
    [targetAsked('PROPFIND /a'), targetField('Depth', '1'), targetBody('<a/>'), clientGot(207)],
    {
      method: 'PROPFIND',
      client: [send(request('PROPFIND /a', ['Depth: 1', 'Content-Length: 4'], '<a/>'))],
      target: [head, send(answer('207 Multi-Status', ['Content-Length: 0']))],
    },
  ),
  exchange(
    'an unregistered method',
    'forwarded, or 400, 405 or 501',
    [either(refused(400, 405, 501), [targetAsked('ODD /a'), clientGot(200)])],
    { method: 'ODD', client: [send(request('ODD /a'))] },
  ),
];
