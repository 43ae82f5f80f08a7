import { afterAll, describe, expect, it } from 'vitest';
import { expectProblem } from '../../support/contract.ts';
import { mintKey } from '../../support/key-scenes.ts';
import { connectOwner, newUser, type Persona } from '../../support/personas.ts';
import { ageWrites, secondsUntilRotation } from '../../support/write-windows.ts';

const sql = connectOwner();

afterAll(() => sql.end());

function rotate(user: Persona, id: string): Promise<Response> {
  return user.request('POST', `/api/v1/proxy/keys/${id}/rotate`);
}

/** The rotations left in `RateLimit`, and the seconds until there is one more. */
function rateLimit({ headers }: Response): { left: number; seconds: number } {
  expect(headers.get('RateLimit-Policy')).toBe('"rotate";q=5;w=60');
  const [, left, seconds] = /^"rotate";r=(\d+);t=(\d+)$/.exec(headers.get('RateLimit') ?? '') ?? [];
  return { left: Number(left), seconds: Number(seconds) };
}

/** The seconds until the oldest rotation of the window leaves it. */
const secondsLeft = (user: Persona) => secondsUntilRotation(sql, user.id);

/** Moves a user's rotations back in time. */
const age = (user: Persona, seconds: number) => ageWrites(sql, user.id, seconds);

describe('a user who rotates', () => {
  it('gets the number of remaining rotations in each answer', async () => {
    const user = await newUser();
    const { id } = await mintKey(user);
    const left: number[] = [];
    for (let turn = 0; turn < 5; turn++) {
      const response = await rotate(user, id);
      expect(response.status).toBe(200);
      left.push(rateLimit(response).left);
    }
    expect(left).toEqual([4, 3, 2, 1, 0]);
  });

  it('gets the seconds until the oldest rotation leaves the window', async () => {
    const user = await newUser();
    const { id } = await mintKey(user);
    await rotate(user, id);
    await age(user, 25);
    const most = await secondsLeft(user);
    const { seconds } = rateLimit(await rotate(user, id));
    expect(seconds).toBeLessThanOrEqual(most);
    expect(seconds).toBeGreaterThanOrEqual(await secondsLeft(user));
  });

  it('is refused the sixth rotation in 60 seconds, of any key, by route and RPC', async () => {
    const user = await newUser();
    const [one, two] = [await mintKey(user), await mintKey(user)];
    for (const { id } of [one, two, one]) expect((await rotate(user, id)).status).toBe(200);
    for (const { id } of [two, one]) {
      expect((await user.supabase.rpc('rotate_proxy_key', { id })).error).toBeNull();
    }
    await age(user, 20);
    const most = await secondsLeft(user);
    const response = await rotate(user, two.id);
    const least = await secondsLeft(user);
    await expectProblem(response, 429, 'rate_limited');
    const retryAfter = Number(response.headers.get('Retry-After'));
    expect(retryAfter).toBeLessThanOrEqual(most);
    expect(retryAfter).toBeGreaterThanOrEqual(least);
    expect(rateLimit(response)).toEqual({ left: 0, seconds: retryAfter });
    const { error } = await user.supabase.rpc('rotate_proxy_key', { id: two.id });
    expect(error).toMatchObject({ code: 'PT429', hint: 'rate_limited' });
  });
});
