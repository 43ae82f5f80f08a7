import { describe, expect, it } from 'vitest';
import { createCheckedTokens } from '../../supabase/functions/_shared/checked-tokens.ts';

describe('a token that passed its check', () => {
  const at = (seconds: number) => ({ now: seconds * 1_000 });

  it('is remembered until it expires, unlike any other token', () => {
    const clock = at(1_000);
    const tokens = createCheckedTokens(undefined, () => clock.now);
    expect(tokens.has('a.b.c')).toBe(false);
    tokens.add('a.b.c', 1_060);
    expect(tokens.has('a.b.c')).toBe(true);
    expect(tokens.has('a.b.d')).toBe(false);
    clock.now = 1_059_999;
    expect(tokens.has('a.b.c')).toBe(true);
    clock.now = 1_060_000;
    expect(tokens.has('a.b.c')).toBe(false);
  });

  it('is remembered no longer than its signing keys', () => {
    const clock = at(1_000);
    const tokens = createCheckedTokens(600_000, () => clock.now);
    tokens.add('a.b.c', 9_000);
    clock.now = 1_599_999;
    expect(tokens.has('a.b.c')).toBe(true);
    clock.now = 1_600_000;
    expect(tokens.has('a.b.c')).toBe(false);
  });

  it('is not remembered if it never expires', () => {
    const tokens = createCheckedTokens();
    tokens.add('a.b.c', undefined);
    expect(tokens.has('a.b.c')).toBe(false);
  });

  it('is replaced by newer ones: at most 10,000 are remembered', () => {
    const clock = at(1_000);
    const tokens = createCheckedTokens(undefined, () => clock.now);
    for (let n = 0; n < 10_001; n += 1) tokens.add(`token ${n}`, 2_000);
    expect(tokens.has('token 0')).toBe(false);
    expect(tokens.has('token 1')).toBe(true);
    expect(tokens.has('token 10000')).toBe(true);
  });
});
