import type { SeededRandom } from '../../support/gateway/seeded-random.ts';
import { soundAnswer } from './sound-answers.ts';

/** An answer to a method from a broken or malicious target. */
export function damage(random: SeededRandom, method: string): { kind: string; text: string } {
  const kind = random.pick(Object.keys(kinds) as (keyof typeof kinds)[]);
  return { kind, text: kinds[kind](random, method) };
}

const ok = 'HTTP/1.1 200 OK\r\n';
const plain = `${ok}Content-Length: 2\r\n\r\nok`;
const controls = [
  '\0',
  '\x01',
  '\x08',
  '\x0b',
  '\x0c',
  '\r',
  '\n',
  '\x1b',
  '\x7f',
  '\x80',
  '\xff',
  '\t',
  ' ',
];
const versions = [
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/2',
  'HTTP/2.0',
  'HTTP/9.9',
  'HTTP/1',
  'http/1.1',
  'ICY',
  'RTSP/1.0',
  'HTTP/1.10',
  '',
];
const statuses = [
  '0',
  '000',
  '001',
  '099',
  '100',
  '101',
  '102',
  '150',
  '199',
  '1000',
  '65536',
  '99999999999999999999',
  '-1',
  '+200',
  '20',
  '2',
  '2xx',
  '',
  ' 200',
  '200\t',
  '0200',
  '999',
];

const kinds = {
  'a random status line': (random: SeededRandom) => {
    const reason = random.pick([
      'OK',
      '',
      ...controls,
      'O\x01K',
      'O\rK',
      'O\nX: 1',
      'x'.repeat(70_000),
    ]);
    const gap = random.pick([' ', ' ', ' ', '', '  ', '\t']);
    const end = random.pick(['\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n', '']);
    return `${random.pick(versions)}${gap}${random.pick(statuses)}${gap}${reason}${end}Content-Length: 2\r\n\r\nok`;
  },
  'a reason with control characters': (random: SeededRandom) =>
    `HTTP/1.1 ${random.pick([100, 103, 200, 204, 404, 999])} O${random.pick(controls)}K\r\nContent-Length: 0\r\n\r\n${random.pick(['', plain])}`,
  'odd headers': (random: SeededRandom) => {
    const count = random.integer(1, 5);
    const odd = Array.from({ length: count }, () => oddField(random)).join('');
    return `${ok}${odd}Content-Length: 2\r\n\r\nok`;
  },
  lengths: (random: SeededRandom) => {
    const one = () =>
      random.pick([
        '0',
        '1',
        '2',
        '3',
        '5',
        '-1',
        '+2',
        '0x2',
        '2 ',
        '2, 2',
        '2, 3',
        '2,2',
        '02',
        '2.0',
        '1e1',
        '',
        'two',
        '9007199254740993',
        '18446744073709551615',
        '18446744073709551616',
        '18446744073709551618',
        '9'.repeat(100),
        '2\0',
        '2\t',
        '2;a',
        '\x0b2',
      ]);
    const many = Array.from(
      { length: random.pick([1, 1, 2, 2, 3]) },
      () => `Content-Length: ${one()}\r\n`,
    );
    return `${ok}${many.join('')}\r\nok${random.pick(['', 'and more', plain])}`;
  },
  codings: (random: SeededRandom) => {
    const coding = random.pick([
      'chunked',
      'Chunked',
      'gzip',
      'gzip, chunked',
      'chunked, gzip',
      'chunked, chunked',
      'identity',
      'xchunked',
      'chunkedx',
      'chunked\x0b',
      '\x0bchunked',
      'chunked;q=1',
      '"chunked"',
      ',',
      '',
      'chunked,',
      ',chunked',
      'chu\r\n nked',
      'chunked\0',
      ' chunked ',
      'gz\x01ip, chunked',
      'trailers',
    ]);
    const name = random.pick([
      'Transfer-Encoding',
      'transfer-encoding',
      'Transfer-Encoding ',
      'Transfer_Encoding',
      'TE',
    ]);
    const length = random.pick([
      '',
      '',
      'Content-Length: 2\r\n',
      'Content-Length: 0\r\n',
      'Content-Length: 5\r\nContent-Length: 5\r\n',
    ]);
    const again = random.pick([
      '',
      '',
      'Transfer-Encoding: chunked\r\n',
      'Transfer-Encoding: gzip\r\n',
      'Connection: Transfer-Encoding\r\n',
      'Connection: Content-Length\r\n',
    ]);
    const fields = random.shuffled([`${name}: ${coding}\r\n`, length, again]).join('');
    const first = random.pick([
      ok,
      ok,
      'HTTP/1.0 200 OK\r\n',
      'HTTP/1.1 204 No\r\n',
      'HTTP/1.1 304 Same\r\n',
    ]);
    return `${first}${fields}\r\n${random.pick(['2\r\nok\r\n0\r\n\r\n', 'ok', '0\r\n\r\n', '2\r\nok\r\n0\r\n\r\nmore', ''])}`;
  },
  chunks: (random: SeededRandom) => {
    const chunk = () =>
      random.pick([
        '2\r\nok\r\n',
        '2\r\nok\r\n',
        '2\r\nok\r\n',
        '2\nok\n',
        '2\r\nok',
        '2\r\nokay\r\n',
        '3\r\nok\r\n',
        'zz\r\n',
        '-1\r\nx\r\n',
        '+2\r\nok\r\n',
        '0x2\r\nok\r\n',
        ' 2\r\nok\r\n',
        '2 \r\nok\r\n',
        'ffffffffffffffff\r\nok\r\n',
        'fffffffffffffffff\r\nok\r\n',
        '2;\r\nok\r\n',
        '2;a\x01=b\r\nok\r\n',
        '2;a="\r\nok\r\n',
        `2;${'e'.repeat(random.pick([100, 20_000]))}\r\nok\r\n`,
        '2;a\nb\r\nok\r\n',
        '2;a\rb\r\nok\r\n',
        '\r\n',
        `${'0'.repeat(100)}2\r\nok\r\n`,
        '2\r\nok\r\r\n',
      ]);
    const many = Array.from({ length: random.integer(0, 4) }, chunk).join('');
    const last = random.pick(['0\r\n', '0\r\n', '0\r\n', '0;x\r\n', '000\r\n', '0\n', '']);
    const trailers = Array.from({ length: random.pick([0, 0, 1, 3]) }, () => oddField(random)).join(
      '',
    );
    return `${ok}Transfer-Encoding: chunked\r\n\r\n${many}${last}${trailers}${random.pick(['\r\n', '\r\n', '\n', ''])}`;
  },
  trailers: (random: SeededRandom) => {
    const trailer = random.pick([
      'Content-Length: 5',
      'Transfer-Encoding: chunked',
      'Connection: close',
      'X Y: 1',
      ': 1',
      'X\0: 1',
      'X: \x01',
      'X',
      `X: ${'t'.repeat(random.pick([1_000, 70_000]))}`,
      'Host: x',
      'Set-Cookie: a=b',
      'X: a\rSet-Cookie: a=b',
      'constructor: 1',
      '__proto__: 1',
      'Trailer: X',
    ]);
    const count = random.pick([1, 1, 2, 200, 3_000]);
    const declared = random.pick([
      '',
      'Trailer: X\r\n',
      'Trailer: Content-Length\r\n',
      'Trailer: \x01\r\n',
    ]);
    return `${ok}${declared}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${`${trailer}\r\n`.repeat(count)}\r\n`;
  },
  'interim answers': (random: SeededRandom) => {
    const one = () =>
      random.pick([
        'HTTP/1.1 100 Continue\r\n\r\n',
        'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n',
        'HTTP/1.1 199 Odd\r\n\r\n',
        'HTTP/1.0 100 Continue\r\n\r\n',
        'HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n',
        'HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello',
        'HTTP/1.1 102 P\x01\r\nX: \x01\r\n\r\n',
        'HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n',
        'HTTP/1.1 100\r\n\r\n',
        'HTTP/1.1 103 Hints\r\nConnection: X-A\r\nX-A: 1\r\n\r\n',
        'HTTP/1.1 104 A\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
        `HTTP/1.1 103 Hints\r\nX: ${'h'.repeat(30_000)}\r\n\r\n`,
      ]);
    const count = random.pick([1, 2, 5, 300]);
    const flood = count === 300 ? one().repeat(300) : Array.from({ length: count }, one).join('');
    return flood + random.pick([plain, plain, '', 'HTTP/1.1 101 S\r\n\r\n', 'garbage']);
  },
  upgrades: (random: SeededRandom) => {
    const status = random.pick([
      '101 Switching Protocols',
      '101 S\x01',
      '101',
      '200 OK',
      '426 Upgrade Required',
    ]);
    const upgrade = random.pick([
      'Upgrade: websocket\r\n',
      'Upgrade: x\x01y\r\n',
      'Upgrade: \r\n',
      'Upgrade: a\r\nUpgrade: b\r\n',
      '',
    ]);
    const connection = random.pick([
      'Connection: Upgrade\r\n',
      'Connection: upgrade, close\r\n',
      'Connection: close\r\n',
      '',
    ]);
    const length = random.pick([
      '',
      '',
      'Content-Length: 5\r\n',
      'Transfer-Encoding: chunked\r\n',
      'Sec-WebSocket-Accept: x\r\n',
    ]);
    return `HTTP/1.1 ${status}\r\n${random.shuffled([upgrade, connection, length]).join('')}\r\n${random.pick(['', 'bytes of another protocol', plain])}`;
  },
  'a head of about 64 KiB': (random: SeededRandom) => {
    const size = random.pick([16_384, 65_536, 65_536, 131_072]) + random.integer(-120, 120);
    const one = random.integer(1, 2) === 1;
    const begin = `${ok}Content-Length: 2\r\n`;
    const left = size - begin.length - 2;
    const fill = one ? `X: ${'x'.repeat(left - 5)}\r\n` : 'A: b\r\n'.repeat(left / 6);
    return `${begin}${fill}\r\nok`;
  },
  'a head without end': (random: SeededRandom) =>
    `${ok}${'X: y\r\n'.repeat(random.pick([10, 20_000]))}`,
  'changed bytes': (random: SeededRandom, method: string) => {
    const { interim, head, framed } = soundAnswer(random, method);
    let text = interim.slice(0, 2).join('') + head + framed;
    for (let change = random.integer(1, 6); change > 0; change -= 1) {
      // mostly in the heads
      const place = random.integer(0, Math.min(text.length, random.pick([40, 400, 1e9])));
      const inserted = random.pick([...controls, '\r\n', '\r\n\r\n', ':', ',', '0', '9', '', '']);
      text = text.slice(0, place) + inserted + text.slice(place + random.pick([0, 0, 1, 1, 5]));
    }
    return text;
  },
  'parts in any order': (random: SeededRandom, method: string) => {
    const { head, framed } = soundAnswer(random, method);
    return random
      .shuffled([head, framed, ok, '\r\n', plain.slice(0, random.integer(0, plain.length))])
      .join('');
  },
  'no HTTP': (random: SeededRandom) =>
    random.pick([
      '',
      '\0',
      '\x15\x03\x01\0\x02\x02\x28',
      'SSH-2.0-OpenSSH_9.9\r\n',
      '<html>old</html>',
      '\r\n\r\n\r\n',
      ' ',
      `\r\n${plain}`,
      `junk\r\n${plain}`,
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      '\0\0\x12\x04\0\0\0\0\0',
      'HTTP/1.1',
      'HTTP/1.1 200',
      'HTTP/1.1 200 OK\r\n',
      'H',
      String.fromCharCode(
        ...Array.from({ length: random.integer(1, 500) }, () => random.integer(0, 255)),
      ),
    ]),
} satisfies Record<string, (random: SeededRandom, method: string) => string>;

function oddField(random: SeededRandom): string {
  const name = random.pick([
    'X',
    'X-Y',
    'X Y',
    'X\t',
    '',
    'X\0',
    'X\x01',
    'X\x80',
    '(X)',
    'X:',
    '"X"',
    'Set-Cookie',
    'Connection',
    'Proxy-Status',
    'constructor',
    '__proto__',
    'Content-Type',
    'Trailer',
    'Date',
    'Upgrade',
    'Keep-Alive',
  ]);
  const value = random.pick([
    '1',
    '',
    'a\rb',
    'a\nb',
    'a\0b',
    'a\x01b',
    'a\x7fb',
    'a\r\n b',
    'a\rX-Evil: 1',
    'a\r\rb',
    '\x80\xff',
    ' \t ',
    'é'.repeat(10),
    'x'.repeat(9_000),
    'content-length',
    'transfer-encoding, host',
    ',,,',
    '\x0b',
  ]);
  const colon = random.pick([': ', ': ', ':', ' : ', '', '\t:']);
  const end = random.pick(['\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n']);
  return name + colon + value + end;
}
