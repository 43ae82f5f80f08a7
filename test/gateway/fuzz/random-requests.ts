import type { SeededRandom } from '../../support/gateway/seeded-random.ts';
import { basic } from '../malformed-requests.ts';
import type { Step } from './conversation.ts';
import { targetPlace } from './fuzz-case.ts';
import type { Asked } from './strict-answers.ts';

/** A correct client that may be hurried, slow or gone. */
export interface RandomRequest {
  asked: Asked[];
  steps: Step[];
  leavesAt?: string;
  /** It requests another protocol. */
  upgrades: boolean;
  /** It waits for its answer, so that the answer can be judged. */
  stays: boolean;
  /** It sends everything that it announced. */
  sound: boolean;
}

/** The last bytes of each client body. */
export const bodyEnd = '<end of the body>';

/** A plain request to `targetPlace` with the key `basicAuth`, and how it is sent. */
export function randomRequest(random: SeededRandom, basicAuth: string): RandomRequest {
  const method = random.pick([
    'GET',
    'GET',
    'GET',
    'HEAD',
    'POST',
    'POST',
    'PUT',
    'DELETE',
    'OPTIONS',
  ]);
  const version = random.integer(1, 8) === 1 ? '1.0' : '1.1';
  const asked: Asked[] = [{ method, version }];
  const head = (...headers: string[]) =>
    [
      `${method} http://${targetPlace}/path?${random.integer(0, 999)} HTTP/${version}`,
      `Host: ${targetPlace}`,
      basic(basicAuth),
      ...headers,
      '',
      '',
    ].join('\r\n');
  const request: RandomRequest = { asked, steps: [], upgrades: false, stays: true, sound: true };
  const rare = random.integer(1, 30);
  if (rare === 1) {
    request.upgrades = true;
    const upgrade = head('Connection: Upgrade', 'Upgrade: websocket').replace(/^\w+/, 'GET');
    request.asked = [{ method: 'GET', version }];
    request.steps.push(['send', upgrade], ['hear', 'HTTP/1.1 101', 200], ['send', 'hello']);
  } else if (['POST', 'PUT'].includes(method) || rare === 2) {
    sendBody(random, request, head, version);
  } else {
    const connection = random.pick(['keep-alive', 'close', 'X-Named', '']);
    const one = head(...(connection === '' ? [] : [`Connection: ${connection}`]));
    request.steps.push(['send', one]);
    // the next request on the same connection must get nothing of the first answer
    if (connection !== 'close' && version === '1.1' && random.integer(1, 3) === 1) {
      asked.push({ method, version });
      // a request that comes before the first answer is dropped, and the connection closes
      if (random.integer(1, 5) > 1) request.steps.push(['hear', 1]);
      request.steps.push(['send', one]);
    }
  }
  if (!request.upgrades && request.sound)
    request.steps.push(['hear', request.asked.length], ['end']);
  leaveEarly(random, request);
  return request;
}

function sendBody(
  random: SeededRandom,
  request: RandomRequest,
  head: (...headers: string[]) => string,
  version: string,
): void {
  const { steps } = request;
  const length = random.pick([0, 1, 100, 5_000, 5_000, 200_000]);
  const body = 'u'.repeat(length) + bodyEnd;
  const chunked = version === '1.1' && random.integer(1, 2) === 1;
  const framed = chunked
    ? `${(body.length).toString(16)}\r\n${body}\r\n0\r\n${random.pick(['', 'X-Trailer: 1\r\n'])}\r\n`
    : body;
  const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`;
  const expects = version === '1.1' && random.integer(1, 6) === 1;
  const first = head(framing, ...(expects ? ['Expect: 100-continue'] : []));
  const place = random.integer(0, framed.length);
  const way = random.integer(1, 6);
  if (expects) steps.push(['send', first], ['hear', 'HTTP/1.1 ', 100], ['send', framed]);
  else if (way === 1)
    steps.push(['send', first], ['pause', random.integer(0, 20)], ['send', framed]);
  else if (way === 2) {
    steps.push(['send', first + framed.slice(0, place)], ['pause', random.integer(0, 20)]);
    steps.push(['send', framed.slice(place)]);
  } else if (way === 3) {
    // the rest never arrives
    steps.push(['send', first + framed.slice(0, place)]);
    request.sound = false;
  } else steps.push(['send', first + framed]);
}

function leaveEarly(random: SeededRandom, request: RandomRequest): void {
  const way = random.integer(1, 25);
  if (way > 3) return;
  request.stays = false;
  if (way === 1) request.leavesAt = 'HTTP/1.1 ';
  else if (way === 2) request.steps.push(['pause', random.integer(0, 40)], ['reset']);
  // the client has no more to send, but may still read
  else request.steps.push(['end']);
}
