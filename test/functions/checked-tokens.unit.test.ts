import { describe, expect, it } from 'vitest';
import { createCheckedTokens } from '../../supabase/functions/_shared/checked-tokens.ts';

describe('a token that was found good', () => {
  const at = (seconds: number) => ({ now: seconds * 1_000 });

  it('is known until it expires, and another is not', async () => {
    const clock = at(1_000);
    const tokens = createCheckedTokens(undefined, () => clock.now);
    expect(await tokens.has('a.b.c')).toBe(false);
    await tokens.add('a.b.c', 1_060);
    expect(await tokens.has('a.b.c')).toBe(true);
    expect(await tokens.has('a.b.d')).toBe(false);
    clock.now = 1_059_999;
    expect(await tokens.has('a.b.c')).toBe(true);
    clock.now = 1_060_000;
    expect(await tokens.has('a.b.c')).toBe(false);
  });

  it('is known for no longer than its signing keys', async () => {
    const clock = at(1_000);
    const tokens = createCheckedTokens(600_000, () => clock.now);
    await tokens.add('a.b.c', 9_000);
    clock.now = 1_599_999;
    expect(await tokens.has('a.b.c')).toBe(true);
    clock.now = 1_600_000;
    expect(await tokens.has('a.b.c')).toBe(false);
  });

  it('is not kept where it never expires', async () => {
    const tokens = createCheckedTokens();
    await tokens.add('a.b.c', undefined);
    expect(await tokens.has('a.b.c')).toBe(false);
  });

  it('makes way for newer ones, of which there are 10,000 at most', async () => {
    const clock = at(1_000);
    const tokens = createCheckedTokens(undefined, () => clock.now);
    for (let n = 0; n < 10_001; n += 1) await tokens.add(`token ${n}`, 2_000);
    expect(await tokens.has('token 0')).toBe(false);
    expect(await tokens.has('token 1')).toBe(true);
    expect(await tokens.has('token 10000')).toBe(true);
  });
});
