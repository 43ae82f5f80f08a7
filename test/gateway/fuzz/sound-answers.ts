import type { SeededRandom } from '../../support/gateway/seeded-random.ts';

type Field = [name: string, value: string];

/** A correct answer, in parts that can be damaged. */
export interface SoundAnswer {
  interim: string[];
  status: number;
  reason: string;
  headers: Field[];
  framing: 'none' | 'length' | 'chunked' | 'end';
  body: string;
  trailers: Field[];
  /** The bytes of the final head, and of the framed body. */
  head: string;
  framed: string;
}

/** Hop-by-hop headers. */
export const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'x-named',
]);

const statuses = [
  200, 200, 200, 200, 200, 201, 203, 204, 206, 226, 299, 301, 304, 400, 401, 404, 407, 418, 429,
  499, 500, 502, 503, 599, 600, 999,
];
const names = [
  'X-A',
  'x-b',
  'Server',
  'Set-Cookie',
  'Set-Cookie',
  'ETag',
  'Date',
  'Via',
  'X-A',
  "!#$%&'*+.^_`|~",
  'A',
];
const reasons = ['OK', '', 'Not  Quite', 'caf\xe9', 'a\tb', '\x80\xff', 'x'.repeat(300)];
const values = [
  '',
  '1',
  'a b',
  'caf\xe9',
  'a\tb',
  '"quoted, text"',
  '\xff\x80',
  ',',
  ':',
  'x'.repeat(4_000),
];

/** A correct answer to a method, as many kinds of targets send it. */
export function soundAnswer(random: SeededRandom, method: string): SoundAnswer {
  const status = random.pick(statuses);
  const bodyless = method === 'HEAD' || status === 204 || status === 304;
  const framing = status === 204 ? 'none' : random.pick(['length', 'chunked', 'end'] as const);
  const body = bodyless ? '' : randomBody(random);
  const headers = randomFields(random);
  const trailers: Field[] =
    framing === 'chunked' && !bodyless && random.integer(1, 3) === 1
      ? [
          ['X-Checksum', '1'],
          ['x-trailer', 'a b'],
        ]
      : [];
  if (random.integer(1, 8) === 1) headers.push(['Trailer', 'X-Checksum']);
  if (random.integer(1, 4) === 1) headers.push(...connectionFields(random));
  const place = random.integer(0, headers.length);
  if (framing === 'chunked') headers.splice(place, 0, ['Transfer-Encoding', 'chunked']);
  if (framing === 'length') {
    // for HEAD and 304: the length of a GET
    const length = bodyless ? random.integer(0, 100_000) : body.length;
    headers.splice(place, 0, ['Content-Length', String(length)]);
  }
  const reason = random.pick(reasons);
  const colon = random.pick([': ', ':', ':  ', ':\t']);
  return {
    interim: randomInterim(random),
    status,
    reason,
    headers,
    framing,
    body,
    trailers,
    head: `HTTP/1.${random.pick([1, 1, 1, 0])} ${status} ${reason}\r\n${lines(headers, colon)}\r\n`,
    framed: framing === 'chunked' && !bodyless ? chunks(random, body, trailers) : body,
  };
}

function randomFields(random: SeededRandom): Field[] {
  const count = random.pick([0, 1, 2, 3, 5, 10, 12]);
  return Array.from({ length: count }, () => [random.pick(names), random.pick(values)]);
}

function connectionFields(random: SeededRandom): Field[] {
  return random.pick<Field[]>([
    [['Connection', 'close']],
    [
      ['Connection', 'keep-alive'],
      ['Keep-Alive', 'timeout=5, max=100'],
    ],
    [
      ['connection', 'x-named, close'],
      ['X-Named', '1'],
    ],
    [['Proxy-Connection', 'keep-alive']],
    [
      ['Upgrade', 'h2c'],
      ['Connection', 'Upgrade'],
    ],
  ]);
}

function randomBody(random: SeededRandom): string {
  const length = random.pick([0, 1, 10, 100, 2_000, 2_000, 70_000]);
  // text that looks like an answer must not be taken for one
  const content = random.pick(['b', '\0\r\n\xff', 'HTTP/1.1 200 OK\r\n\r\n', '0\r\n\r\n']);
  return content.repeat(Math.ceil(length / content.length)).slice(0, length);
}

function randomInterim(random: SeededRandom): string[] {
  const way = random.integer(1, 40);
  if (way > 6) return [];
  const one = random.pick([
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n',
    'HTTP/1.1 102 \r\n\r\n',
  ]);
  return Array<string>(way === 1 ? random.integer(100, 400) : random.integer(1, 3)).fill(one);
}

function chunks(random: SeededRandom, body: string, trailers: Field[]): string {
  const size = random.pick([1, 7, 1_000, 70_000]);
  const extension = random.pick(['', '', ';a', ';a=b', ';a="b c"']);
  const zeros = random.pick(['', '', '00']);
  let framed = '';
  // only a short body gets chunks of one byte
  const step = Math.max(size, Math.ceil(body.length / 200));
  for (let at = 0; at < body.length; at += step) {
    const chunk = body.slice(at, at + step);
    const length = chunk.length.toString(16);
    framed += `${zeros}${random.pick([length, length.toUpperCase()])}${extension}\r\n${chunk}\r\n`;
  }
  return `${framed}0\r\n${lines(trailers, ': ')}\r\n`;
}

function lines(fields: Field[], colon: string): string {
  return fields.map(([name, value]) => `${name}${colon}${value}\r\n`).join('');
}
