import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  askBy,
  expectSameAnswer,
  expectSameRefusal,
} from '../../support/both-ways.ts';
import { calls } from '../../support/calls.ts';
import { mintKey } from '../../support/key-scenes.ts';
import { connectGateway, connectOwner, newAdmin, newUser } from '../../support/personas.ts';
import { recordUsage, usageEvent } from '../../support/usage-events.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const typesOf = ({ items }: Answer) => items.map(({ type }) => type);

describe('alerts', () => {
  it('are listed newest first, alike over HTTP and RPC, and match the OpenAPI description', async () => {
    const [user, admin] = [await newUser(), await newAdmin()];
    const { id, keyId } = await mintKey(user, { label: 'scraper' });
    const reason = 'because';
    await askBy.route(calls.limit(admin, id, { bandwidthLimitBytes: 1_000, reason }));
    await recordUsage(gateway, [usageEvent(id, { bytesSent: 900, bytesReceived: 0 })]);
    await askBy.route(calls.suspend(admin, id, { reason }));
    await askBy.route(calls.reactivate(admin, id, { reason }));
    await askBy.route(calls.rotate(user, id));
    await askBy.route(calls.grant(admin, { user: user.id, tier: 'enterprise', reason }));
    const limits = { user: user.id, tier: 'developer', accountLimitBytes: 950, reason };
    await askBy.route(calls.limitAccount(admin, limits));
    await askBy.route(calls.revoke(admin, { user: user.id, tier: 'enterprise', reason }));
    await sql`update proxy_private.proxy_keys set expires_at = now() + interval '3 days' where id = ${id}`;
    await sql`select proxy_private.alert_expiring_keys()`;
    await askBy.route(calls.delete(user, id));

    const listed = await expectSameAnswer(calls.alerts(user));
    expect(typesOf(listed).toSorted()).toEqual(
      [
        'key.minted',
        'key.limits_changed',
        'key.quota',
        'key.suspended',
        'key.reactivated',
        'key.rotated',
        'tier.granted',
        'account.quota',
        'account.limits_changed',
        'tier.revoked',
        'key.expiring',
        'key.deleted',
      ].toSorted(),
    );
    expect([listed.items[0]?.type, listed.items.at(-1)?.type]).toEqual([
      'key.deleted',
      'key.minted',
    ]);
    expect(listed.items.at(-1)).toMatchObject({
      apiKeyId: id,
      data: { apiKeyId: id, keyId, label: 'scraper' },
    });
  });

  it('are filtered by key and by type, and paged', async () => {
    const user = await newUser();
    const [one, two] = [await mintKey(user), await mintKey(user)];
    await askBy.route(calls.rotate(user, one.id));
    expect(typesOf(await expectSameAnswer(calls.alerts(user, { keyId: one.keyId })))).toEqual([
      'key.rotated',
      'key.minted',
    ]);
    const minted = await expectSameAnswer(calls.alerts(user, { type: 'key.minted' }));
    expect(minted.items.map(({ apiKeyId }) => apiKeyId)).toEqual([two.id, one.id]);
    const first = await expectSameAnswer(calls.alerts(user, { limit: 2 }));
    const second = await expectSameAnswer(
      calls.alerts(user, { limit: 2, cursor: first.cursor ?? '' }),
    );
    expect([...typesOf(first), ...typesOf(second)]).toEqual([
      'key.rotated',
      'key.minted',
      'key.minted',
    ]);
    expect(second.cursor).toBeNull();
  });

  it.each<[string, Record<string, unknown>, number, string, string?]>([
    ['an unknown type', { type: 'key.gone' }, 400, 'invalid_request', 'type'],
    ['a limit of 0', { limit: 0 }, 400, 'invalid_request', 'limit'],
    ['an invalid cursor', { cursor: 'x' }, 400, 'invalid_request', 'cursor'],
    ['a key that does not exist', { keyId: randomUUID() }, 404, 'not_found'],
  ])('are refused with %s', async (_, fields, status, code, field) => {
    await expectSameRefusal(calls.alerts(await newUser(), fields), status, code, field);
  });

  it('of another user’s key are refused like those of an unknown key', async () => {
    const { id, keyId } = await mintKey(await newUser());
    for (const by of [await newUser(), await newAdmin()]) {
      for (const named of [id, keyId]) {
        await expectSameRefusal(calls.alerts(by, { keyId: named }), 404, 'not_found');
      }
      expect((await askBy.route(calls.alerts(by))).items).toEqual([]);
    }
  });
});

describe('alert thresholds', () => {
  it.each(['route', 'rpc'] as const)(
    'are set for the account and for a key: by %s',
    async (way) => {
      const ask = askBy[way];
      const user = await newUser();
      const { id, keyId } = await mintKey(user);
      const account = { apiKeyId: null, keyId: null, label: null };
      expect((await ask(calls.thresholds(user))).items).toEqual([
        { ...account, percents: [80, 95, 100] },
      ]);
      expect((await ask(calls.setThresholds(user, { percents: [100, 50, 50] }))).data).toEqual({
        ...account,
        percents: [50, 100],
      });
      expect((await ask(calls.setThresholds(user, { percents: [], keyId }))).data).toEqual({
        apiKeyId: id,
        keyId,
        label: 'key',
        percents: [],
      });
      expect((await expectSameAnswer(calls.thresholds(user))).items).toEqual([
        { ...account, percents: [50, 100] },
        { apiKeyId: id, keyId, label: 'key', percents: [] },
      ]);
      // null restores the default
      await ask(calls.setThresholds(user, { percents: null, keyId }));
      await ask(calls.setThresholds(user, { percents: null }));
      expect((await ask(calls.thresholds(user))).items).toEqual([
        { ...account, percents: [80, 95, 100] },
      ]);
    },
  );

  it.each<[string, unknown]>([
    ['a percentage below 10', [9]],
    ['a percentage over 100', [101]],
    ['a percentage below 0', [-80]],
    ['six percentages', [10, 20, 30, 40, 50, 60]],
  ])('are refused with %s', async (_, percents) => {
    const ways = calls.setThresholds(await newUser(), { percents });
    await expectSameRefusal(ways, 400, 'invalid_request', 'percents');
  });

  it('are refused for a key that is another user’s, unknown or deleted', async () => {
    const user = await newUser();
    const theirs = await mintKey(await newUser());
    const set = (keyId: string) => calls.setThresholds(user, { percents: [50], keyId });
    await expectSameRefusal(set(theirs.keyId), 404, 'not_found');
    await expectSameRefusal(set(randomUUID()), 404, 'not_found');
    const { id } = await mintKey(user);
    await askBy.route(calls.delete(user, id));
    await expectSameRefusal(set(id), 409, 'key_deleted');
  });

  it('count as writes', async () => {
    const user = await newUser();
    await askBy.route(calls.setThresholds(user, { percents: [50] }));
    await sql`
      update proxy_private.write_windows set recent = array_fill(clock_timestamp(), array[120])
      where user_id = ${user.id} and action = 'change'`;
    const ways = calls.setThresholds(user, { percents: [60] });
    await expectSameRefusal(ways, 429, 'rate_limited');
  });
});
