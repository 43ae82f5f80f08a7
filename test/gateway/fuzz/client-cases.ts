import type { SeededRandom } from '../../support/gateway/seeded-random.ts';
import { randomAttempt } from '../malformed-requests.ts';
import type { Step } from './conversation.ts';
import { deafPlace, type FuzzCase, targetPlace } from './fuzz-case.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** The next case of a broken, hurried or malicious client. */
export function clientCase(random: SeededRandom, basicAuth: string): FuzzCase {
  const { kind, bytes, ending, after } = randomAttempt(random, {
    basicAuth,
    target: targetPlace,
    deaf: deafPlace,
  });
  const text = bytes.toString('latin1');
  const client: Step[] = [['send', text]];
  if (ending === 'end') client.push(['end']);
  if (ending === 'drip') client.push(['drip']);
  if (ending === 'reset') {
    client.push(after === 'answer' ? ['hear', 'H'] : ['pause', after], ['reset']);
  }
  const asked = {
    method: /^\r?\n?(\w+)/.exec(text)?.[1] ?? '',
    version: text.includes('HTTP/1.0\r\n') ? '1.0' : '1.1',
  };
  return {
    kind,
    asked: [asked],
    client,
    target: [['hear', '\r\n\r\n'], ['send', ok], ['end']],
    // the client has its tunnel, and nothing to send
    leavesAt: 'HTTP/1.1 200 ',
  };
}
