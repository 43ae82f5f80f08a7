import type { Seen } from './conversation.ts';
import type { Expected, FuzzCase } from './fuzz-case.ts';
import { hopByHop } from './sound-answers.ts';
import { type Answer, type Answers, NotStrict, strictAnswers, valuesOf } from './strict-answers.ts';
import { strictRequest } from './strict-request.ts';

/**
 * The fault in a case's outcome, or null. `inTime`: the case was too short to be
 * closed for silence by accident.
 */
export function findingIn(
  { asked, expected }: FuzzCase,
  client: Seen,
  targets: readonly Seen[],
  inTime: boolean,
): string | null {
  try {
    for (const { text } of targets) strictRequest(text);
    const answers = strictAnswers(client.text, asked, client.ended);
    if (!expected || client.ended === 'left') return null;
    const whole = expected.whole === 'yes' && !inTime ? 'maybe' : expected.whole;
    return difference({ ...expected, whole }, answers);
  } catch (error) {
    if (error instanceof NotStrict) return error.message;
    throw error;
  }
}

/** Whether the gateway made the answer itself, by its Proxy-Status: RFC 9209. */
function isOwn(answer: Answer): boolean {
  return valuesOf(answer, 'proxy-status').some((value) => value.startsWith('proxy-keys'));
}

function difference(expected: Expected, { interim, final }: Answers): string | null {
  // the answer to a second request on the connection is the same
  for (const answer of final) {
    const found = isOwn(answer) ? ownDifference(expected) : differenceOf(expected, answer);
    if (found) return found;
  }
  if (expected.whole !== 'yes') return null;
  if (final.length === 0) return 'no answer, where a whole one was sent';
  const interims = interim.length / final.length;
  if (interims !== expected.interim && final.length === 1)
    return `${interims} interim answers of ${expected.interim}`;
  return null;
}

function ownDifference({ whole }: Expected): string | null {
  return whole === 'yes' ? 'an answer of the gateway, where the target’s was whole' : null;
}

function differenceOf(expected: Expected, answer: Answer): string | null {
  if (answer.whole && expected.whole === 'no') return 'a whole answer, where a part was sent';
  if (!answer.whole && expected.whole === 'yes') return 'a part of an answer, where all was sent';
  if (answer.status !== expected.status) return `status ${answer.status} for ${expected.status}`;
  if (answer.reason !== expected.reason.trim()) return `another reason: ${answer.reason}`;
  const headers = JSON.stringify(endToEnd(answer.headers));
  if (headers !== JSON.stringify(endToEnd(expected.headers).map(trimmed)))
    return `other headers: ${headers.slice(0, 300)}`;
  if (!expected.body.startsWith(answer.body)) return 'another body';
  if (answer.whole && answer.body !== expected.body)
    return 'a whole answer with a part of the body';
  if (
    answer.whole &&
    answer.framing === 'chunked' &&
    JSON.stringify(answer.trailers) !== JSON.stringify(expected.trailers)
  )
    return 'other trailers';
  return null;
}

/** Headers that the gateway reframes, and its own. */
const notCompared: ReadonlySet<string> = new Set([
  ...hopByHop,
  'content-length',
  'trailer',
  'proxy-request-id',
]);

function endToEnd(headers: [string, string][]): [string, string][] {
  return headers.filter(([name]) => !notCompared.has(name.toLowerCase()));
}

function trimmed([name, value]: [string, string]): [string, string] {
  return [name, value.replace(/^[\t ]+|[\t ]+$/g, '')];
}
