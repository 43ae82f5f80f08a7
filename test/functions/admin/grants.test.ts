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

/** The user's own part of the audit that is about grants, as they read it. */
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

/** The user's own grants, as they read them. */
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

describe.each(Object.entries(askBy))('by %s, an admin', (_, ask) => {
  it.each<[string, () => string]>([
    ['id', () => user.id],
    ['id in upper case', () => user.id.toUpperCase()],
    ['e-mail address', () => user.email],
    ['e-mail address in another case', () => user.email.toUpperCase()],
  ])('lets a user mint keys of a tier, by the %s', async (_, name) => {
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

  it('leaves a grant that there is as it is, with one row', async () => {
    const first = await ask(calls.grant(admin, { user: user.id, tier, reason }));
    const again = await ask(
      calls.grant(await newAdmin(), { user: user.email, tier, reason: 'Again.' }),
    );
    expect(again).toEqual(first);
    expect(await readAudit()).toEqual([auditRow('tier_granted')]);
  });

  it('takes a grant back: no key more, and those that there are go on', async () => {
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

  it('may take back what is not granted, which leaves no row', async () => {
    expect((await ask(calls.revoke(admin, { user: user.id, tier, reason }))).status).toBe(204);
    await ask(calls.grant(admin, { user: user.id, tier, reason }));
    for (const _ of [1, 2]) {
      expect((await ask(calls.revoke(admin, { user: user.id, tier, reason }))).status).toBe(204);
    }
    expect(await readAudit()).toEqual([auditRow('tier_granted'), auditRow('tier_revoked')]);
  });

  it('grants again what was taken back, with the new reason', async () => {
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

  it('may grant a tier that is self-serve, and one to an admin', async () => {
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
    ['what is neither', '%'],
    ['an empty text', ''],
    ['an address within another', ' x@example.com '],
  ])('is told that there is no such user: %s', async (_, name) => {
    for (const call of [calls.grant, calls.revoke]) {
      expect(await ask(call(admin, { user: name, tier, reason }))).toMatchObject({
        status: 404,
        code: 'user_not_found',
      });
    }
  });

  it('is told so of an account that was removed', async () => {
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
    ['a tier that is null', { tier: null }, 'tier'],
    ['a user that is null', { user: null }, 'user'],
    ['an empty reason', { reason: '' }, 'reason'],
    ['a reason of spaces', { reason: ' \u3000' }, 'reason'],
    ['a reason of 501 characters', { reason: 'x'.repeat(501) }, 'reason'],
    ['a reason with a line end', { reason: 'a\nb' }, 'reason'],
    ['a reason that is null', { reason: null }, 'reason'],
  ])('is refused %s, by its name', async (_, fields, field) => {
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

it('who is no admin is refused, for themselves and others, who are there or not', async () => {
  const other = await newUser();
  for (const name of [user.id, user.email, other.email, randomUUID(), 'nobody@example.com']) {
    for (const call of [calls.grant, calls.revoke]) {
      await expectSameRefusal(call(user, { user: name, tier, reason }), 403, 'forbidden');
    }
  }
  await expectNoMint();
  expect(await readAudit()).toEqual([]);
});

describe('another user, and an admin too', () => {
  it('reads neither the grant nor its audit as if they were their own', async () => {
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
