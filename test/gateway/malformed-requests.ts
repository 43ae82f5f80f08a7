import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SeededRandom } from '../support/gateway/seeded-random.ts';

/** A client's bytes, and what it does after them. */
export interface Attempt {
  kind: string;
  bytes: Buffer;
  /** Waits for the end, ends its side, resets, or keeps sending single bytes. */
  ending: 'wait' | 'end' | 'reset' | 'drip';
  /** When to reset: after this many ms, or at the first byte of the answer. */
  after: number | 'answer';
}

/** The parts that attempts are built from. */
export interface Material {
  /** A valid `keyId:secret`. */
  basicAuth: string;
  /** `host:port` of a target that answers. */
  target: string;
  /** `host:port` of a target that never accepts a connection. */
  deaf: string;
}

const methods = ['CONNECT', 'GET', 'POST', 'OPTIONS', 'PRI', 'connect', 'G\x00T', '', 'TRACE'];
const versions = ['HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', 'HTTP/9.9', 'HTTQ/1.1', ''];
const schemes = ['http', 'https', 'ftp', 'file', 'javascript', 'ws', '', 'h\ttp', 'HTTP'];
const ends = ['wait', 'end', 'reset'] as const;

/** The next case of a broken, hurried or malicious client. */
export function randomAttempt(random: SeededRandom, material: Material): Attempt {
  const kind = random.pick(Object.keys(kinds) as (keyof typeof kinds)[]);
  const text = kinds[kind](random, material);
  let ending: Attempt['ending'] = random.pick(ends);
  if (kind === 'slow') ending = 'drip';
  if (kind.startsWith('left')) ending = 'reset';
  // an announced body may be as slow as a tunnel
  if (kind === 'lengths that disagree' && ending === 'wait') ending = 'end';
  const after = kind === 'left after the answer' ? 'answer' : random.integer(0, 60);
  return { kind, bytes: Buffer.from(text, 'latin1'), ending, after };
}

const kinds = {
  'random bytes': (random: SeededRandom) => noise(random, 2_000),
  'half a request': (random: SeededRandom, { target, basicAuth }: Material) => {
    const whole = request(`CONNECT ${target} HTTP/1.1`, basic(basicAuth));
    return whole.slice(0, random.integer(1, whole.length - 1));
  },
  'a changed byte': (random: SeededRandom, { target, basicAuth }: Material) => {
    const whole = request(`CONNECT ${target} HTTP/1.1`, basic(basicAuth));
    const place = random.integer(0, whole.length - 1);
    return whole.slice(0, place) + noise(random, 3) + whole.slice(place + 1);
  },
  slow: (random: SeededRandom) =>
    'CONNECT example.com:443 HTTP/1.1\r\n'.slice(0, random.integer(0, 34)),
  'huge headers': (random: SeededRandom, { target }: Material) =>
    request(
      `CONNECT ${target} HTTP/1.1`,
      `X-Huge: ${'x'.repeat(random.integer(10_000, 1_000_000))}`,
    ),
  'many headers': (random: SeededRandom, { target }: Material) =>
    request(
      `CONNECT ${target} HTTP/1.1`,
      ...Array<string>(random.integer(100, 3_000)).fill('A: b'),
    ),
  credentials: (random: SeededRandom, { target, basicAuth }: Material) =>
    request(
      `CONNECT ${target} HTTP/1.1`,
      random.pick([
        basic(`${basicAuth}:more`),
        basic(basicAuth.replace(':', '\0:')),
        basic(`${basicAuth}\r\nX-Injected: 1`),
        basic(basicAuth.repeat(random.integer(2, 100))),
        basic(noise(random, 200)),
        `Proxy-Authorization: Basic ${noise(random, 50)}`,
        `Proxy-Authorization: Basic ${'='.repeat(random.integer(1, 100))}`,
        `Proxy-Authorization: ${noise(random, 50)}`,
        `Proxy-Authorization:\r\n ${basic(basicAuth)}`,
        'Proxy-Authorization:',
      ]),
    ),
  'credentials twice': (random: SeededRandom, { target, basicAuth }: Material) =>
    request(
      `CONNECT ${target} HTTP/1.1`,
      ...random.shuffled([basic(basicAuth), basic(noise(random, 20))]),
    ),
  'request lines': (random: SeededRandom, { target, basicAuth }: Material) => {
    const path = random.pick([target, `//${target}`, '*', '/', 'x:y', `${target}#`, `@${target}`]);
    const url = random.pick([path, `${random.pick(schemes)}://${target}/`]);
    const line = `${random.pick(methods)} ${url} ${random.pick(versions)}`;
    return request(line, basic(basicAuth));
  },
  'a body on CONNECT': (random: SeededRandom, { target, basicAuth }: Material) => {
    const framing = random.pick([
      'Content-Length: 5',
      'Transfer-Encoding: chunked',
      'Content-Length: -1',
    ]);
    return `${request(`CONNECT ${target} HTTP/1.1`, basic(basicAuth), framing)}hello`;
  },
  'lengths that disagree': (random: SeededRandom, { target, basicAuth }: Material) => {
    const headers = ['Content-Length: 3', 'Content-Length: 4', 'Transfer-Encoding: chunked'];
    const body = random.pick(['0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n', 'zz\r\n', '']);
    const some = random.shuffled(headers).slice(0, random.integer(1, 3));
    return `${request(`POST http://${target}/ HTTP/1.1`, basic(basicAuth), ...some)}${body}`;
  },
  'headers that inject': (random: SeededRandom, { target, basicAuth }: Material) => {
    const header = random.pick([
      'X: a\rY: b',
      'X: a\nY: b',
      'X: a\0b',
      'X\t: a',
      ': a',
      'X Y: a',
      ' X: a',
    ]);
    const line = random.pick([`CONNECT ${target}`, `GET http://${target}/%0d%0aX:1`]);
    return request(`${line} HTTP/1.1`, basic(basicAuth), header);
  },
  'another protocol': (random: SeededRandom) =>
    random.pick([
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0',
      '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03',
      '\x05\x01\0',
      'SSH-2.0-OpenSSH_9.9\r\n',
      'GET /\r\n',
      'EHLO example.com\r\n',
    ]),
  'an upgrade': (_: SeededRandom, { target, basicAuth }: Material) =>
    request(
      `GET http://${target}/ HTTP/1.1`,
      basic(basicAuth),
      'Upgrade: websocket',
      'Connection: Upgrade',
    ),
  'many at once': (random: SeededRandom, { target, basicAuth }: Material) => {
    const requests = [
      request(`GET http://${target}/ HTTP/1.1`, basic(basicAuth)),
      request(`GET http://${target}/ HTTP/1.1`),
      request(`CONNECT ${target} HTTP/1.1`, basic(basicAuth)),
      request(`CONNECT ${target} HTTP/1.1`),
      noise(random, 20),
    ];
    return Array.from({ length: random.integer(2, 20) }, () => random.pick(requests)).join('');
  },
  'left at once': (_: SeededRandom, { target, basicAuth }: Material) =>
    request(`CONNECT ${target} HTTP/1.1`, basic(basicAuth)),
  'left while its target is dialed': (_: SeededRandom, { deaf, basicAuth }: Material) =>
    request(`CONNECT ${deaf} HTTP/1.1`, basic(basicAuth)),
  'left while its plain target is dialed': (_: SeededRandom, { deaf, basicAuth }: Material) =>
    request(`POST http://${deaf}/ HTTP/1.1`, basic(basicAuth), 'Content-Length: 100'),
  'left after the answer': (random: SeededRandom, { target, basicAuth }: Material) => {
    const line = random.pick([`CONNECT ${target}`, `GET http://${target}/`]);
    return request(`${line} HTTP/1.1`, basic(basicAuth));
  },
} satisfies Record<string, (random: SeededRandom, material: Material) => string>;

/** Runs an attempt; resolves with all that the gateway sent when the connection is closed. */
export async function make({ bytes, ending, after }: Attempt, port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  let said = '';
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    said += chunk.toString('latin1');
    // a client that has its answer, and nothing to send, leaves
    if (after === 'answer' || /^HTTP\/1.1 200 /.test(said)) socket.resetAndDestroy();
  });
  // an endless sender ignores the other side's end
  socket.once('end', () => ending !== 'drip' && socket.end());
  socket.write(bytes);
  if (ending === 'end') socket.end();
  if (ending === 'reset' && after !== 'answer') {
    await Promise.race([sleep(after), closed]);
    socket.resetAndDestroy();
  }
  while (ending === 'drip' && socket.writable) {
    await Promise.race([sleep(20), closed]);
    if (socket.writable) socket.write('x');
  }
  await closed;
  return said;
}

/** `Basic` credentials as a header line. */
export function basic(pair: string): string {
  return `Proxy-Authorization: Basic ${Buffer.from(pair, 'latin1').toString('base64')}`;
}

/** A request line with a Host and extra headers. */
export function request(line: string, ...headers: string[]): string {
  return [line, 'Host: example.com', ...headers, '', ''].join('\r\n');
}

function noise(random: SeededRandom, most: number): string {
  const codes = Array.from({ length: random.integer(1, most) }, () => random.integer(0, 255));
  return String.fromCharCode(...codes);
}
