import {
  AuthApiError,
  AuthRetryableFetchError,
  AuthWeakPasswordError,
} from '@supabase/supabase-js';
import { describe, expect, it } from 'vitest';
import { authWordsOf, linkWordsOf } from '../../dashboard/src/session/auth-words.ts';

describe('a refusal of Supabase Auth', () => {
  it('for a weak password names what is missing, and the length that the project requires', () => {
    const short = 'Password should be at least 12 characters.';
    const weak = (message: string, ...reasons: ('length' | 'characters' | 'pwned')[]) =>
      authWordsOf(new AuthWeakPasswordError(message, 422, reasons));
    expect(weak(short, 'length')).toBe(
      'This password is too weak. It needs at least 12 characters.',
    );
    expect(weak(short, 'length', 'characters')).toContain('digits');
    expect(weak('Password is known to be weak', 'pwned')).toContain('data breach');
    expect(weak('Too short', 'length')).toBe('This password is too weak. Choose a longer one.');
  });

  it("is never shown in Auth's own words", () => {
    const unknown = new AuthApiError('secret internals', 500, 'unexpected_failure');
    expect(authWordsOf(unknown)).toBe('That did not work. Try again in a moment.');
    expect(authWordsOf(new AuthRetryableFetchError('x', 0))).toContain('No connection');
    for (const code of ['<b>what the address says</b>', 'constructor']) {
      expect(linkWordsOf(code)).toBe('This link did not work. Request another one.');
    }
  });
});
