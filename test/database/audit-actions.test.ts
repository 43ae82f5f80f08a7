import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askBy } from '../support/both-ways.ts';
import { type BothWays, type Caller, calls } from '../support/calls.ts';
import { connectOwner, newAdmin, newUser, type Persona } from '../support/personas.ts';

const sql = connectOwner();
const reason = 'Because.';
let owner: Persona;
let admin: Persona;

beforeAll(async () => {
  [owner, admin] = await Promise.all([newUser(), newAdmin()]);
});
afterAll(() => sql.end());

interface Step {
  action: string;
  by: () => Persona;
  call: (by: Caller, id: string) => BothWays;
  changes?: Record<string, unknown>;
  why?: string;
}

const limits = { bandwidthLimitBytes: 5, rateLimit: 6, tunnelLimit: 7 };
const grant = () => ({ user: owner.id, tier: 'enterprise', reason });

/** Every action on a key or a grant, in an order in which all can succeed. */
const steps: Step[] = [
  {
    action: 'updated',
    by: () => owner,
    call: (by, id) =>
      calls.update(by, id, { label: ' new ', allowedIps: ['192.0.2.1', '2001:db8::/32'] }),
    changes: { label: 'new', allowed_ips: ['192.0.2.1/32', '2001:db8::/32'] },
  },
  { action: 'rotated', by: () => owner, call: (by, id) => calls.rotate(by, id) },
  {
    action: 'suspended',
    by: () => admin,
    call: (by, id) => calls.suspend(by, id, { reason }),
    why: reason,
  },
  {
    action: 'limits_changed',
    by: () => admin,
    call: (by, id) => calls.limit(by, id, { ...limits, reason }),
    changes: {
      tier: 'developer',
      limit_overrides: { bandwidth_limit_bytes: 5, rate_limit: 6, tunnel_limit: 7 },
    },
    why: reason,
  },
  {
    action: 'reactivated',
    by: () => admin,
    call: (by, id) => calls.reactivate(by, id, { reason }),
    why: reason,
  },
  { action: 'deleted', by: () => owner, call: (by, id) => calls.delete(by, id) },
  { action: 'tier_granted', by: () => admin, call: (by) => calls.grant(by, grant()), why: reason },
  { action: 'tier_revoked', by: () => admin, call: (by) => calls.revoke(by, grant()), why: reason },
];

describe.each(Object.entries(askBy))('each action by %s', (_, ask) => {
  it('leaves one row with the actor, the owner, the action, the reason and the request', async () => {
    const minted = await owner.supabase.rpc('mint_proxy_key', { label: 'audited' });
    const id = minted.data?.id ?? '';
    for (const step of steps) {
      const requestId = `request-${randomUUID()}`;
      const by = { ...step.by(), headers: { 'X-Request-Id': requestId } };
      expect(await ask(step.call(by, id)), step.action).toMatchObject({ code: null });
      const rows = await sql`
        select api_key_id, tier, user_id, actor_id, action, changes, reason
        from proxy_private.proxy_key_audit where request_id = ${requestId}`;
      const ofGrant = step.action.startsWith('tier_');
      expect(rows, step.action).toEqual([
        {
          api_key_id: ofGrant ? null : id,
          tier: ofGrant ? 'enterprise' : null,
          user_id: owner.id,
          actor_id: step.by().id,
          action: step.action,
          changes: step.changes ?? null,
          reason: step.why ?? null,
        },
      ]);
    }
  });
});

describe('directly in SQL', () => {
  it('a change of anything except the state of a key is recorded with its new values', async () => {
    const { data } = await owner.supabase.rpc('mint_proxy_key', { label: 'by hand' });
    const id = data?.id ?? '';
    for (const assignments of [
      `label = 'another'`,
      `allowed_ips = '{192.0.2.0/24}'`,
      `expires_at = '2099-01-01T00:00:00Z'`,
      `expires_at = null, allowed_ips = '{}'`,
      `tier = 'team'`,
      `label = label, tier = tier`,
      `grace_ends_at = null`,
    ]) {
      await sql.unsafe(`update proxy_private.proxy_keys set ${assignments} where id = '${id}'`);
    }
    const rows = await sql`
      select action, changes, actor_id from proxy_private.proxy_key_audit
      where api_key_id = ${id} and action <> 'minted' order by occurred_at, id`;
    const row = { action: 'updated', actor_id: null };
    expect(rows).toEqual([
      { ...row, changes: { label: 'another' } },
      { ...row, changes: { allowed_ips: ['192.0.2.0/24'] } },
      { ...row, changes: { expires_at: '2099-01-01T00:00:00+00:00' } },
      { ...row, changes: { allowed_ips: [], expires_at: null } },
      {
        action: 'limits_changed',
        actor_id: null,
        changes: { tier: 'team', limit_overrides: {} },
      },
    ]);
  });

  it('a grant and its removal are recorded, with the reason if the operator gives one', async () => {
    const { id } = await newUser();
    await sql.begin(async (transaction) => {
      await transaction`select set_config('proxy_keys.reason', 'By hand.', true)`;
      await transaction`
        insert into proxy_private.proxy_tier_grants (user_id, tier) values (${id}, 'enterprise')`;
    });
    await sql`delete from proxy_private.proxy_tier_grants where user_id = ${id}`;
    const rows = await sql`
      select action, tier, actor_id, reason, request_id from proxy_private.proxy_key_audit
      where user_id = ${id} order by occurred_at, id`;
    const row = { tier: 'enterprise', actor_id: null, request_id: null };
    expect(rows).toEqual([
      { ...row, action: 'tier_granted', reason: 'By hand.' },
      { ...row, action: 'tier_revoked', reason: null },
    ]);
  });

  it.each([
    ['a row about a key that has no key', `('suspended', null, null)`],
    ['a row about a grant that has no tier', `('tier_granted', null, null)`],
    [
      'a row about a key that has a tier',
      `('suspended', (select id from proxy_private.proxy_keys limit 1), 'team')`,
    ],
    [
      'a row with an unknown action',
      `('forgotten', (select id from proxy_private.proxy_keys limit 1), null)`,
    ],
  ])('the audit log refuses %s', async (_, values) => {
    const written = sql.unsafe(
      `insert into proxy_private.proxy_key_audit (action, api_key_id, tier) values ${values}`,
    );
    await expect(written).rejects.toMatchObject({ code: '23514' });
  });
});
