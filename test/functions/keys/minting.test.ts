import { afterAll, describe, expect, it } from 'vitest';
import { askBy, expectSameRefusal, keyOf } from '../../support/both-ways.ts';
import { calls } from '../../support/calls.ts';
import { expectAnswer, expectProblem, mintedAnswer } from '../../support/contract.ts';
import { getKey, listKeys, mintKey } from '../../support/key-scenes.ts';
import { connectOwner, newUser } from '../../support/personas.ts';

const path = '/api/v1/proxy/keys';
const sql = connectOwner();

afterAll(() => sql.end());

describe('a user who mints a key', () => {
  it('needs only a label to get a live developer key', async () => {
    const user = await newUser();
    const { response } = await user.api.POST(path, {
      body: { label: 'prod-scraper' },
      parseAs: 'stream',
    });
    const { key } = await expectAnswer(response, 201, mintedAnswer);
    expect(key).toMatchObject({
      keyId: expect.stringMatching(/^avp_live_/),
      label: 'prod-scraper',
      tier: 'developer',
      liveMode: true,
      bandwidthLimitBytes: 5_000_000_000,
      rateLimit: 10,
      active: true,
      rotatedAt: null,
    });
  });

  it('gets a test key of another tier on request', async () => {
    const user = await newUser();
    const key = await mintKey(user, { label: 'staging', tier: 'team', liveMode: false });
    expect(key).toMatchObject({
      keyId: expect.stringMatching(/^avp_test_/),
      tier: 'team',
      liveMode: false,
      bandwidthLimitBytes: 50_000_000_000,
      rateLimit: 50,
    });
  });

  it.each(Object.entries(askBy))('can set clients and an expiry, by %s', async (_, ask) => {
    const user = await newUser();
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const fields = { label: 'staging', allowedIps: ['203.0.113.7', '203.0.113.7/32'], expiresAt };
    const { id } = keyOf(await ask(calls.mint(user, fields, 'once')));
    expect(await getKey(user, id)).toMatchObject({ allowedIps: ['203.0.113.7/32'], expiresAt });
    expect(await ask(calls.mint(user, fields, 'once'))).toMatchObject({ code: 'already_done' });
    const other = calls.mint(user, { ...fields, allowedIps: [] }, 'once');
    expect(await ask(other)).toMatchObject({ code: 'idempotency_mismatch' });
    const plain = keyOf(
      await ask(calls.mint(user, { label: 'x', allowedIps: [], expiresAt: null })),
    );
    expect(await getKey(user, plain.id)).toMatchObject({ allowedIps: [], expiresAt: null });
  });

  it.each<[Record<string, unknown>, string]>([
    [{ expiresAt: '2026-01-01T00:00:00Z' }, 'expiresAt'],
    [{ allowedIps: ['203.0.113.7/24'] }, 'allowedIps'],
    [{ allowedIps: ['::ffff:203.0.113.7'] }, 'allowedIps'],
  ])('is refused %j over HTTP and RPC, and gets no key', async (fields, field) => {
    const user = await newUser();
    const ways = calls.mint(user, { label: 'x', ...fields });
    await expectSameRefusal(ways, 400, 'invalid_request', field);
    expect(await listKeys(user)).toEqual([]);
  });

  it('gets a new id, keyId and secret each time', async () => {
    const user = await newUser();
    const [one, two] = [await mintKey(user), await mintKey(user)];
    expect(new Set([one.id, two.id, one.keyId, two.keyId, one.secret, two.secret]).size).toBe(6);
  });

  it.each([
    ['one character', 'x'],
    ['80 characters', 'x'.repeat(80)],
    ['80 characters outside the basic plane', '🔑'.repeat(80)],
    ['letters of any script', 'Ключ für 東京'],
    ['markup, quotes and backslashes', `<b>'"\\\${}%s`],
  ])('can use a label of %s', async (_, label) => {
    expect(await mintKey(await newUser(), { label })).toMatchObject({ label });
  });

  it.each([
    ['spaces', '  two words  ', 'two words'],
    ['line breaks and tabs', '\r\n\ttabbed\n', 'tabbed'],
    ['Unicode spaces', '\u00a0\u2003\u3000wide\ufeff\u2028', 'wide'],
    ['spaces beyond the 80th character', ` ${'x'.repeat(80)} `, 'x'.repeat(80)],
  ])('has %s trimmed from a label', async (_, label, trimmed) => {
    const user = await newUser();
    expect(await mintKey(user, { label })).toMatchObject({ label: trimmed });
    expect(await listKeys(user)).toMatchObject([{ label: trimmed }]);
  });

  it('can use a label twice', async () => {
    const user = await newUser();
    await mintKey(user, { label: 'same' });
    expect(await mintKey(user, { label: 'same' })).toMatchObject({ label: 'same' });
  });

  it('is refused an enterprise key until it is granted', async () => {
    const user = await newUser();
    const body = { label: 'large', tier: 'enterprise' };
    await expectProblem(await user.request('POST', path, body), 403, 'tier_not_granted');
    expect(await listKeys(user)).toEqual([]);

    await sql`
      insert into proxy_private.proxy_tier_grants (user_id, tier) values (${user.id}, 'enterprise')`;
    expect(await mintKey(user, body)).toMatchObject({
      tier: 'enterprise',
      bandwidthLimitBytes: 1_000_000_000_000,
      rateLimit: 200,
    });
  });

  it("does not benefit from another user's grant", async () => {
    const [user, other] = [await newUser(), await newUser()];
    await sql`
      insert into proxy_private.proxy_tier_grants (user_id, tier) values (${other.id}, 'enterprise')`;
    const response = await user.request('POST', path, { label: 'large', tier: 'enterprise' });
    await expectProblem(response, 403, 'tier_not_granted');
  });
});
