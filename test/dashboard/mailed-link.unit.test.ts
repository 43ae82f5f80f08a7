import { describe, expect, it } from 'vitest';
import { readMailedLink } from '../../dashboard/src/session/mailed-link.ts';

const page = 'https://keys.example.com/developer/';

describe('an address', () => {
  it.each([
    ['for the browser that asked', '?code=abc', { kind: 'code', code: 'abc' }],
    [
      'for any browser',
      '?token_hash=pkce_1&type=recovery',
      { kind: 'hash', tokenHash: 'pkce_1', type: 'recovery' },
    ],
    [
      'in a fragment, which no server sees',
      '#token_hash=1&type=email',
      { kind: 'hash', tokenHash: '1', type: 'email' },
    ],
    ['of an unknown kind', '#token_hash=1&type=sms', { kind: 'refused', code: 'unasked_link' }],
    [
      'that was used before',
      '?error=access_denied&error_code=otp_expired#error_code=otp_expired',
      { kind: 'refused', code: 'otp_expired' },
    ],
    ['with only an error', '#error=server_error&sb=', { kind: 'refused', code: 'server_error' }],
    [
      "with any user's session",
      '#access_token=a&refresh_token=b',
      { kind: 'refused', code: 'unasked_link' },
    ],
    [
      'with a session and a code',
      '?code=abc#access_token=a',
      { kind: 'refused', code: 'unasked_link' },
    ],
  ])('from a mailed link is recognized: %s', (_, rest, link) => {
    expect(readMailedLink(page + rest)).toEqual(link);
  });

  it.each([
    '',
    '#/',
    '#/keys?state=&code=402',
    '#/keys/avp_live_0?x=1&error_code=407&token_hash=1',
    '?utm=1#/alerts',
  ])('of a page is not a mailed link: %s', (rest) => {
    expect(readMailedLink(page + rest)).toBeNull();
  });
});
