import { ownMessages } from '../../scripts/stack/own-messages.ts';
import type { Answer } from './answer-checker.ts';

/** The local API gateway's own answers when no function can answer. */
const ownAnswers: [status: number, message: string][] = [
  [503, ownMessages.starting],
  [503, ownMessages.away],
  [404, ownMessages.noRoute],
];

/** Whether an answer comes from the local API gateway instead of a function. */
export function isGatewayAnswer({ method, status, headers, body }: Answer): boolean {
  if (headers.has('X-Request-Id') || headers.get('Content-Type') !== 'application/json') {
    return false;
  }
  return ownAnswers.some(
    ([ownStatus, message]) =>
      status === ownStatus && body === (method === 'HEAD' ? '' : JSON.stringify({ message })),
  );
}
