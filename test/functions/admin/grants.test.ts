import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { askBy, expectSameRefusal } from '../../support/both-ways.ts';
import { calls, type Fields } from '../../support/calls.ts';
import { expectProblem } from '../../support/contract.ts';
import { mintKey } from '../../support/key-scenes.ts';
import { readOwnAudit, readOwnGrants } from '../../support/own-history.ts';
import {
  connectGateway,
  connectOwner,
  newAdmin,
  newUser,
  type Persona,
} from '../../support/personas.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
const reason = 'Signed the contract.';
const tier = 'enterprise';
let user: Persona;
let admin: Persona;

beforeAll(async () => {
  admin = await newAdmin();
});
beforeEach(async () => {
  user = await newUser();
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

/** The rows about grants in the user's audit log, as the user reads them. */
async function readAudit(by = user) {
  const rows = await readOwnAudit(by);
  return rows
    .filter(({ action }) => ['tier_granted', 'tier_revoked'].includes(action))
    .map(({ action, tier, actor_id, reason, api_key_id, changes }) => {
      return { action, tier, actor_id, reason, api_key_id, changes };
    });
}

const auditRow = (action: string, why = reason, actor = admin) => ({
  action,
  tier,
  actor_id: actor.id,
  reason: why,
  api_key_id: null,
  changes: null,
});

/** The user's grants, as the user reads them. */
async function readGrants(by = user) {
  const rows = await readOwnGrants(by);
  return rows.map(({ user_id, tier, granted_by, reason }) => {
    return { user_id, tier, granted_by, reason };
  });
}

async function expectNoMint() {
  const body = { label: 'big', tier };
  const response = await user.request('POST', '/api/v1/proxy/keys', body);
  await expectProblem(response, 403, 'tier_not_granted');
}

describe.each(Object.entries(askBy))('an admin, by %s,', (_, ask) => {
  it.each<[string, () => string]>([
    ['id', () => user.id],
    ['id in upper case', () => user.id.toUpperCase()],
    ['e-mail address', () => user.email],
    ['e-mail address in another case', () => user.email.toUpperCase()],
  ])('lets a user mint keys of a tier, naming the user by %s', async (_, name) => {
    await expectNoMint();
    const answer = await ask(calls.grant(admin, { user: name(), tier, reason }));
    expect(answer).toMatchObject({
      status: 200,
      data: { userId: user.id, tier, grantedBy: admin.id, reason },
    });
    expect(answer.data?.grantedAt).toEqual(expect.any(String));
    expect(await mintKey(user, { tier })).toMatchObject({ tier, active: true, rateLimit: 200 });
    expect(await readGrants()).toEqual([{ user_id: user.id, tier, granted_by: admin.id, reason }]);
    expect(await readAudit()).toEqual([auditRow('tier_granted')]);
  });

  it('leaves an existing grant unchanged, with one row', async () => {
    const first = await ask(calls.grant(admin, { user: user.id, tier, reason }));
    const again = await ask(
      calls.grant(await newAdmin(), { user: user.email, tier, reason: 'Again.' }),
    );
    expect(again).toEqual(first);
    expect(await readAudit()).toEqual([auditRow('tier_granted')]);
  });

  it('revokes a grant: no more keys can be minted, and existing keys keep working', async () => {
    await ask(calls.grant(admin, { user: user.id, tier, reason }));
    const key = await mintKey(user, { tier });
    const why = 'Left unpaid.';
    expect(await ask(calls.revoke(admin, { user: user.email, tier, reason: why }))).toMatchObject({
      status: 204,
      code: null,
      data: null,
    });
    await expectNoMint();
    const [row] = await gateway`
      select active, rate_limit from gateway.lookup_proxy_key(${key.keyId})`;
    expect(row).toEqual({ active: true, rate_limit: 200 });
    const path = `/api/v1/proxy/keys/${key.id}`;
    expect((await user.request('POST', `${path}/rotate`)).status).toBe(200);
    expect(await readGrants()).toEqual([]);
    expect(await readAudit()).toEqual([auditRow('tier_granted'), auditRow('tier_revoked', why)]);
  });

  it('can revoke a grant that does not exist, which adds no row', async () => {
    expect((await ask(calls.revoke(admin, { user: user.id, tier, reason }))).status).toBe(204);
    await ask(calls.grant(admin, { user: user.id, tier, reason }));
    for (const _ of [1, 2]) {
      expect((await ask(calls.revoke(admin, { user: user.id, tier, reason }))).status).toBe(204);
    }
    expect(await readAudit()).toEqual([auditRow('tier_granted'), auditRow('tier_revoked')]);
  });

  it('grants a revoked tier again, with the new reason', async () => {
    await ask(calls.grant(admin, { user: user.id, tier, reason }));
    await ask(calls.revoke(admin, { user: user.id, tier, reason }));
    const second = await newAdmin();
    const again = await ask(calls.grant(second, { user: user.id, tier, reason: 'Paid.' }));
    expect(again.data).toMatchObject({ grantedBy: second.id, reason: 'Paid.' });
    expect(await readAudit()).toEqual([
      auditRow('tier_granted'),
      auditRow('tier_revoked'),
      auditRow('tier_granted', 'Paid.', second),
    ]);
  });

  it('can grant a self-serve tier, and a tier to an admin', async () => {
    expect((await ask(calls.grant(admin, { user: user.id, tier: 'team', reason }))).status).toBe(
      200,
    );
    const other = await newAdmin();
    expect((await ask(calls.grant(admin, { user: other.id, tier, reason }))).status).toBe(200);
    expect(await mintKey(other, { tier })).toMatchObject({ tier });
  });

  it.each<[string, string]>([
    ['an unknown id', randomUUID()],
    ['an unknown address', 'nobody@example.com'],
    ['text that is neither', '%'],
    ['an empty text', ''],
    ['text that contains an address', ' x@example.com '],
  ])('gets user_not_found for %s', async (_, name) => {
    for (const call of [calls.grant, calls.revoke]) {
      expect(await ask(call(admin, { user: name, tier, reason }))).toMatchObject({
        status: 404,
        code: 'user_not_found',
      });
    }
  });

  it('gets user_not_found for a removed account', async () => {
    await ask(calls.grant(admin, { user: user.id, tier, reason }));
    await sql`delete from auth.users where id = ${user.id}`;
    for (const call of [calls.grant, calls.revoke]) {
      for (const name of [user.id, user.email]) {
        expect(await ask(call(admin, { user: name, tier, reason }))).toMatchObject({
          status: 404,
          code: 'user_not_found',
        });
      }
    }
  });

  it.each<[string, Fields, string]>([
    ['an unknown tier', { tier: 'gold' }, 'tier'],
    ['a tier in another case', { tier: 'Enterprise' }, 'tier'],
    ['an empty tier', { tier: '' }, 'tier'],
    ['a null tier', { tier: null }, 'tier'],
    ['a null user', { user: null }, 'user'],
    ['an empty reason', { reason: '' }, 'reason'],
    ['a reason of spaces', { reason: ' \u3000' }, 'reason'],
    ['a reason of 501 characters', { reason: 'x'.repeat(501) }, 'reason'],
    ['a reason with a line break', { reason: 'a\nb' }, 'reason'],
    ['a null reason', { reason: null }, 'reason'],
  ])('is refused %s, and the answer names the argument', async (_, fields, field) => {
    for (const call of [calls.grant, calls.revoke]) {
      expect(await ask(call(admin, { user: user.id, tier, reason, ...fields }))).toMatchObject({
        status: 400,
        code: 'invalid_request',
        field,
      });
    }
    expect(await readAudit()).toEqual([]);
  });
});

it('a caller who is not an admin is refused, for themselves, other users and unknown users', async () => {
  const other = await newUser();
  for (const name of [user.id, user.email, other.email, randomUUID(), 'nobody@example.com']) {
    for (const call of [calls.grant, calls.revoke]) {
      await expectSameRefusal(call(user, { user: name, tier, reason }), 403, 'forbidden');
    }
  }
  await expectNoMint();
  expect(await readAudit()).toEqual([]);
});

describe('another user, or an admin,', () => {
  it('does not see the grant or its audit rows as their own', async () => {
    await askBy.rpc(calls.grant(admin, { user: user.id, tier, reason }));
    await askBy.rpc(calls.revoke(admin, { user: user.id, tier, reason }));
    await askBy.rpc(calls.grant(admin, { user: user.id, tier, reason }));
    for (const other of [await newUser(), await newAdmin()]) {
      expect(await readGrants(other)).toEqual([]);
      expect(await readAudit(other)).toEqual([]);
    }
    expect(await readGrants()).toHaveLength(1);
    expect(await readAudit()).toHaveLength(3);
  });
});
