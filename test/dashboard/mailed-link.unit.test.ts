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
      'that no server sees',
      '#token_hash=1&type=email',
      { kind: 'hash', tokenHash: '1', type: 'email' },
    ],
    [
      'of no kind that is known',
      '#token_hash=1&type=sms',
      { kind: 'refused', code: 'unasked_link' },
    ],
    [
      'that was used before',
      '?error=access_denied&error_code=otp_expired#error_code=otp_expired',
      { kind: 'refused', code: 'otp_expired' },
    ],
    ['with an error alone', '#error=server_error&sb=', { kind: 'refused', code: 'server_error' }],
    [
      'with a session of anybody',
      '#access_token=a&refresh_token=b',
      { kind: 'refused', code: 'unasked_link' },
    ],
    [
      'with a session and a code',
      '?code=abc#access_token=a',
      { kind: 'refused', code: 'unasked_link' },
    ],
  ])('that a link led to is read: %s', (_, rest, link) => {
    expect(readMailedLink(page + rest)).toEqual(link);
  });

  it.each([
    '',
    '#/',
    '#/keys?state=&code=402',
    '#/keys/avp_live_0?x=1&error_code=407&token_hash=1',
    '?utm=1#/alerts',
  ])('of a page is none: %s', (rest) => {
    expect(readMailedLink(page + rest)).toBeNull();
  });
});
