import type { SeededRandom } from '../../support/gateway/seeded-random.ts';
import type { Step } from './conversation.ts';
import { damage } from './damaged-answers.ts';
import type { Expected, FuzzCase } from './fuzz-case.ts';
import { bodyEnd, type RandomRequest, randomRequest } from './random-requests.ts';
import { type SoundAnswer, soundAnswer } from './sound-answers.ts';

/** The next case of a correct, broken or malicious target, with a client of any kind. */
export function targetCase(random: SeededRandom, basicAuth: string): FuzzCase {
  const request = randomRequest(random, basicAuth);
  const { asked, steps: client, leavesAt } = request;
  const made =
    random.integer(1, 2) === 1 ? soundTarget(random, request) : damagedTarget(random, request);
  return { ...made, asked, client, ...(leavesAt !== undefined && { leavesAt }) };
}

type Made = Pick<FuzzCase, 'kind' | 'target' | 'expected'>;

function damagedTarget(random: SeededRandom, request: RandomRequest): Made {
  const { kind, text } = damage(random, request.asked[0]?.method ?? 'GET');
  const target = [...start(random, request), ...inPieces(random, text)];
  target.push(...random.pick<Step[]>([[['end']], [['reset']], [['pause', 5], ['reset']], []]));
  // silence takes time, so there is less of it
  if (target.at(-1)?.[0] !== 'end' && random.integer(1, 3) > 1) target.push(['pause', 2], ['end']);
  return { kind: `damaged: ${kind}`, target };
}

function soundTarget(random: SeededRandom, request: RandomRequest): Made {
  if (request.upgrades && random.integer(1, 3) > 1) return upgradingTarget(request);
  const answer = soundAnswer(random, request.asked[0]?.method ?? 'GET');
  const { head, framed, framing } = answer;
  const text = answer.interim.join('') + head + framed;
  const begin = start(random, request);
  const expected = expectedOf(answer, request);
  const early = begin.length === 0 || !request.sound;
  const ways = {
    'whole, and an end': () => {
      expected.whole = 'yes';
      return { sent: text, after: [['end']] satisfies Step[] };
    },
    'whole, and open': () => {
      expected.whole = framing === 'end' && !bodyless(answer, request) ? 'no' : 'yes';
      return { sent: text, after: [] };
    },
    'whole, and more': () => {
      expected.whole = 'yes';
      const more = random.pick([text, 'x', '\r\n', '\0\xff'.repeat(500), head, '0\r\n\r\n']);
      // the extra bytes belong to the body
      if (framing === 'end') expected.body += bodyless(answer, request) ? '' : more;
      return { sent: text + more, after: [['end']] satisfies Step[] };
    },
    'whole, and a reset': () => {
      expected.whole = framing === 'end' && !bodyless(answer, request) ? 'no' : 'maybe';
      return { sent: text, after: random.pick<Step[]>([[['reset']], [['pause', 10], ['reset']]]) };
    },
    'a part, and an end': () => {
      const sent = text.slice(0, random.integer(0, text.length - 1));
      const body = sent.length - (text.length - framed.length);
      const open = framing === 'end' && body >= 0;
      if (open) expected.body = framed.slice(0, body);
      expected.whole = open || (body >= 0 && bodyless(answer, request)) ? 'yes' : 'no';
      return { sent, after: [['end']] satisfies Step[] };
    },
    'a part, and a reset': () => {
      const sent = text.slice(0, random.integer(0, text.length - 1));
      expected.whole = bodyless(answer, request) ? 'maybe' : 'no';
      return { sent, after: random.pick<Step[]>([[['reset']], [['pause', 10], ['reset']]]) };
    },
    'a part, and silence': () => {
      const sent = text.slice(0, random.integer(0, text.length - 1));
      const done = sent.length >= text.length - framed.length && bodyless(answer, request);
      expected.whole = done ? 'yes' : 'no';
      return { sent, after: [] };
    },
  };
  const kinds = Object.keys(ways) as (keyof typeof ways)[];
  let kind = random.pick([...kinds, ...kinds.slice(0, 6), kinds[0] ?? 'whole, and an end']);
  if (request.upgrades) kind = 'whole, and an end';
  const { sent, after } = ways[kind]();
  const target = [...begin, ...inPieces(random, sent), ...after];
  // with early answers, what the client got before a reset is not known
  const judged = request.stays && !(early && after.some(([does]) => does === 'reset'));
  return { kind: `sound: ${kind}`, target, ...(judged && { expected }) };
}

function upgradingTarget({ stays }: RandomRequest): Made {
  const head = 'HTTP/1.1 101 Taken\r\nX-A: 1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';
  const expected: Expected = {
    whole: 'yes',
    status: 101,
    reason: 'Taken',
    headers: [['X-A', '1']],
    body: 'first, second',
    trailers: [],
    interim: 0,
  };
  return {
    kind: 'sound: an upgrade',
    target: [
      ['hear', '\r\n\r\n'],
      ['send', `${head}first, `],
      ['hear', 'hello'],
      ['send', 'second'],
      ['end'],
    ],
    ...(stays && { expected }),
  };
}

function bodyless({ status }: SoundAnswer, { asked }: RandomRequest): boolean {
  return asked[0]?.method === 'HEAD' || status === 204 || status === 304;
}

function expectedOf(answer: SoundAnswer, request: RandomRequest): Expected {
  const { status, reason, headers, body, trailers, interim } = answer;
  return {
    whole: 'yes',
    status,
    reason,
    headers,
    body,
    trailers,
    interim: request.asked[0]?.version === '1.0' ? 0 : interim.length,
  };
}

/** When the target starts: at once, after the head, or at the end of the request body. */
function start(random: SeededRandom, { sound, steps }: RandomRequest): Step[] {
  const uploads = steps.some(([does, text]) => does === 'send' && text.includes(bodyEnd));
  const way = random.integer(1, 10);
  if (way === 1) return [];
  if (uploads && sound && way <= 7) return [['hear', bodyEnd]];
  return [['hear', '\r\n\r\n']];
}

/** All at once, in two pieces split at any place, or in many. */
function inPieces(random: SeededRandom, text: string): Step[] {
  const way = random.integer(1, 8);
  const place = random.integer(0, text.length);
  if (way <= 3 && text.length > 1) {
    const pause: Step[] = way === 1 ? [['pause', random.integer(1, 10)]] : [['pause', 0]];
    return [['send', text.slice(0, place)], ...pause, ['send', text.slice(place)]];
  }
  if (way === 4) return [['trickle', text, text.length < 400 ? 1 : Math.ceil(text.length / 50)]];
  return [['send', text]];
}
