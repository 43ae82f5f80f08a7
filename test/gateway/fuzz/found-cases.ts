import { basic, request } from '../malformed-requests.ts';
import type { Step } from './conversation.ts';
import { type Expected, type FuzzCase, targetPlace } from './fuzz-case.ts';

/** Conversations that failed once, found by fuzzing or reported; the shortest of each kind. */
export function foundCases(basicAuth: string): FuzzCase[] {
  const asks = (method: string, version: string, ...headers: string[]) =>
    request(`${method} http://${targetPlace}/ HTTP/${version}`, basic(basicAuth), ...headers);
  const found = (
    kind: string,
    answer: string,
    expected?: Partial<Expected>,
    { method = 'GET', version = '1.1', headers = ['Connection: close'], after = [] as Step[] } = {},
  ): FuzzCase => ({
    kind,
    asked: [{ method, version }],
    client: [['send', asks(method, version, ...headers)]],
    target: [['hear', '\r\n\r\n'], ['send', answer], ...after, ['end']],
    ...(expected && { expected: { ...whole, ...expected } }),
  });
  const ok = 'HTTP/1.1 200 OK\r\n';
  const sound = `${ok}Content-Length: 2\r\n\r\nok`;
  return [
    found(
      'a reason with a control character, and a reset',
      'HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n',
      { reason: 'O K', headers: [], body: '' },
      { after: [['pause', 200], ['reset']] },
    ),
    found('bytes above 127 in a header', `${ok}X: caf\xe9\r\nContent-Length: 2\r\n\r\nok`, {
      headers: [['X', 'caf\xe9']],
    }),
    found('trailers announced for a length', `${ok}Trailer: X\r\nContent-Length: 2\r\n\r\nok`, {
      headers: [],
    }),
    found('a request with trailers announced, and no body', sound, whole, {
      headers: ['Connection: close', 'Trailer: X'],
    }),
    found('a non-HTTP answer to HEAD', 'SSH-2.0-OpenSSH_9.9\r\n', undefined, { method: 'HEAD' }),
    found(
      'an interim answer with a length',
      `HTTP/1.1 103 A\r\nContent-Length: 0\r\n\r\n${sound}`,
      {
        interim: 1,
      },
    ),
    found('a coding without a body', 'HTTP/1.1 204 No\r\nTransfer-Encoding: "x"\r\n\r\n'),
    found(
      'a coding for HTTP/1.0',
      `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
      undefined,
      { version: '1.0' },
    ),
    found('an invalid coding', `${ok}Transfer-Encoding: "chunked"\r\n\r\nok`),
    // the leftover bytes became the answer to the client's next request
    {
      ...found(
        'a length that hides a coding',
        `HTTP/1.0 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding : x, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
      ),
      asked: [
        { method: 'GET', version: '1.1' },
        { method: 'GET', version: '1.1' },
      ],
      client: [
        ['send', asks('GET', '1.1')],
        ['hear', 1],
        ['send', asks('GET', '1.1', 'Connection: close')],
      ],
    },
  ];
}

const whole: Expected = {
  whole: 'yes',
  status: 200,
  reason: 'OK',
  headers: [],
  body: 'ok',
  trailers: [],
  interim: 0,
};
