import { expect, it } from 'vitest';
import { duration, statusWords } from '../../dashboard/src/key/event-words.ts';
import { refusalCodes } from '../../gateway/refusal.ts';

it.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [1_000, '1.0 s'],
  [59_949, '59.9 s'],
  [59_950, '1 min'],
  [200_000, '3 min 20 s'],
  [3_599_499, '59 min 59 s'],
  [3_599_500, '1 h'],
  [7_500_000, '2 h 5 min'],
  [86_400_000 * 3, '72 h'],
])('%i ms are shown as %s', (milliseconds, words) => {
  expect(duration(milliseconds)).toBe(words);
});

it('every code that the gateway records has words', () => {
  // codes of requests without a key, which are in no event
  const ofNobody = [
    'credentials_required',
    'head_too_large',
    'method_not_allowed',
    'not_implemented',
    'request_timeout',
  ];
  for (const code of [...refusalCodes, 'client_closed_request']) {
    const words = statusWords({ method: 'CONNECT', code });
    if (ofNobody.includes(code)) expect(words, code).toBeUndefined();
    else expect(words, code).toEqual(expect.any(String));
  }
});

it('the words explain the gateway’s own answers, but not a target’s', () => {
  expect(statusWords({ method: 'CONNECT', code: null })).toBe('connected');
  expect(statusWords({ method: 'GET', code: null })).toBeUndefined();
  expect(statusWords({ method: 'CONNECT', code: 'quota_exceeded' })).toBe('quota used up');
  expect(statusWords({ method: 'GET', code: 'quota_exceeded' })).toBe('quota used up');
  expect(statusWords({ method: 'GET', code: 'account_quota_exceeded' })).toBe(
    'shared quota used up',
  );
  expect(statusWords({ method: 'CONNECT', code: 'constructor' })).toBeUndefined();
});
