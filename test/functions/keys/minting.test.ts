import { createHash, randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { expectAnswer, expectProblem, mintedAnswer } from '../../support/contract.ts';
import { insertKeys, listKeys, mintKey } from '../../support/key-scenes.ts';
import { connectOwner, newUser } from '../../support/personas.ts';

const path = '/api/v1/proxy/keys';
const sql = connectOwner();

afterAll(() => sql.end());

describe('a user who mints a key', () => {
  it('gets a live developer key by the label alone', async () => {
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

  it('gets a test key of another tier by asking for it', async () => {
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

  it('gets an id, a keyId and a secret of its own each time', async () => {
    const user = await newUser();
    const [one, two] = [await mintKey(user), await mintKey(user)];
    expect(new Set([one.id, two.id, one.keyId, two.keyId, one.secret, two.secret]).size).toBe(6);
  });

  it('leaves of the secret nothing but the SHA-256 of keyId:secret', async () => {
    const { id, basicAuth } = await mintKey(await newUser());
    const [stored] = await sql`
      select secret_hash from private.proxy_key_secrets where api_key_id = ${id}`;
    expect(stored).toEqual({
      secret_hash: createHash('sha256').update(basicAuth, 'ascii').digest(),
    });
  });

  it('leaves an audit row with who and in which request', async () => {
    const user = await newUser();
    const requestId = randomUUID();
    const { response } = await user.api.POST(path, {
      body: { label: 'audited' },
      headers: { 'X-Request-Id': requestId },
      parseAs: 'stream',
    });
    const { key } = await expectAnswer(response, 201, mintedAnswer);
    const rows = await sql`
      select user_id, actor_id, action, request_id from private.proxy_key_audit
      where api_key_id = ${key.id}`;
    expect([...rows]).toEqual([
      { user_id: user.id, actor_id: user.id, action: 'minted', request_id: requestId },
    ]);
  });

  it.each([
    ['one character', 'x'],
    ['80 characters', 'x'.repeat(80)],
    ['80 characters outside the basic plane', '🔑'.repeat(80)],
    ['letters of any script', 'Ключ für 東京'],
    ['markup, quotes and backslashes', `<b>'"\\\${}%s`],
  ])('may use a label of %s', async (_, label) => {
    expect(await mintKey(await newUser(), { label })).toMatchObject({ label });
  });

  it.each([
    ['spaces', '  two words  ', 'two words'],
    ['line ends and tabs', '\r\n\ttabbed\n', 'tabbed'],
    ['spaces of Unicode', '\u00a0\u2003\u3000wide\ufeff\u2028', 'wide'],
    ['spaces beyond the 80th character', ` ${'x'.repeat(80)} `, 'x'.repeat(80)],
  ])('has a label trimmed of %s', async (_, label, trimmed) => {
    const user = await newUser();
    expect(await mintKey(user, { label })).toMatchObject({ label: trimmed });
    expect(await listKeys(user)).toMatchObject([{ label: trimmed }]);
  });

  it('may use one label twice', async () => {
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
      insert into private.proxy_tier_grants (user_id, tier) values (${user.id}, 'enterprise')`;
    expect(await mintKey(user, body)).toMatchObject({
      tier: 'enterprise',
      bandwidthLimitBytes: 1_000_000_000_000,
      rateLimit: 200,
    });
  });

  it('is not helped by the grant of another user', async () => {
    const [user, other] = [await newUser(), await newUser()];
    await sql`
      insert into private.proxy_tier_grants (user_id, tier) values (${other.id}, 'enterprise')`;
    const response = await user.request('POST', path, { label: 'large', tier: 'enterprise' });
    await expectProblem(response, 403, 'tier_not_granted');
  });

  it('has room for 100 undeleted keys of a tier, and for one more after deleting one', async () => {
    const user = await newUser();
    await insertKeys(sql, user.id, { count: 1, deleted: true });
    await insertKeys(sql, user.id, { count: 99 });
    const { id } = await mintKey(user);
    const body = { label: 'one too many' };
    await expectProblem(await user.request('POST', path, body), 409, 'key_limit_reached');
    expect(await mintKey(user, { tier: 'team' })).toMatchObject({ tier: 'team' });

    await user.api.DELETE(`${path}/{id}`, { params: { path: { id } } });
    expect(await mintKey(user)).toMatchObject({ tier: 'developer' });
    await expectProblem(await user.request('POST', path, body), 409, 'key_limit_reached');
  });

  it('counts a suspended key as undeleted', async () => {
    const user = await newUser();
    await insertKeys(sql, user.id, { count: 100 });
    await sql`update private.proxy_keys set suspended_at = now() where user_id = ${user.id}`;
    const response = await user.request('POST', path, { label: 'one too many' });
    await expectProblem(response, 409, 'key_limit_reached');
  });
});
