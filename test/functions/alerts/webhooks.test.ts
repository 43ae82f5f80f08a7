import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import {
  type Answer,
  askBy,
  expectSameAnswer,
  expectSameRefusal,
} from '../../support/both-ways.ts';
import {
  connectOwner,
  createSupabase,
  newAdmin,
  newUser,
  type Persona,
} from '../../support/personas.ts';
import { operatorWebhooks, ownWebhooks } from '../../support/webhook-calls.ts';
import {
  idleWebhook,
  makeWebhook,
  nowhere,
  removeIdleWebhooks,
  testWebhook,
} from '../../support/webhook-scenes.ts';

const { secretKey } = inject('stack');
const sql = connectOwner();
let admin: Persona;

beforeAll(async () => {
  admin = await newAdmin();
});
afterAll(async () => {
  await removeIdleWebhooks(sql);
  await sql.end();
});

describe.each(['route', 'rpc'] as const)('by %s', (way) => {
  const ask = askBy[way];

  it('a user creates a webhook of each kind, and no answer shows a secret part of an address', async () => {
    const user = await newUser();
    const key = 'a'.repeat(32);
    const kinds = [
      [{ kind: 'webhook', url: nowhere }, nowhere],
      [{ kind: 'slack', url: 'https://hooks.slack.com/services/T0/B0/hidden' }, 'hooks.slack.com'],
      [{ kind: 'discord', url: 'https://discord.com/api/webhooks/1/hidden' }, 'discord.com'],
      [{ kind: 'pagerduty', routingKey: key }, 'events.pagerduty.com'],
      [{ kind: 'email' }, user.email],
    ] as const;
    for (const [body, address] of kinds) {
      const { data } = await ask(ownWebhooks.create(user, { ...body, label: body.kind }));
      expect(data).toMatchObject({ kind: body.kind, label: body.kind, address, types: null });
      if (body.kind === 'webhook') expect(data?.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
      else expect(data?.secret).toBeNull();
      expect(JSON.stringify(data)).not.toMatch(/hidden|aaaa/);
    }
    const { items } = await ask(ownWebhooks.list(user));
    expect(items.map(({ kind }) => kind)).toEqual(kinds.map(([{ kind }]) => kind));
    expect(JSON.stringify(items)).not.toMatch(/hidden|aaaa|whsec_/);
  });

  it('a webhook is changed, disabled, enabled and deleted', async () => {
    const user = await newUser();
    const { data } = await ask(ownWebhooks.create(user, idleWebhook));
    const id = String(data?.id);
    const types = ['key.quota', 'key.minted', 'key.quota'];
    expect(await ask(ownWebhooks.update(user, id, { label: ' mine ', types }))).toMatchObject({
      data: { label: 'mine', types: ['key.minted', 'key.quota'], disabledAt: null },
    });
    expect(await ask(ownWebhooks.update(user, id, { disabled: true, label: null }))).toMatchObject({
      data: { label: null, disabledReason: 'owner', disabledAt: expect.any(String) },
    });
    expect(await ask(ownWebhooks.update(user, id, { disabled: false, types: null }))).toMatchObject(
      {
        data: { disabledReason: null, disabledAt: null, types: null },
      },
    );
    expect(await ask(ownWebhooks.delete(user, id))).toMatchObject({ status: 204, code: null });
    expect((await ask(ownWebhooks.list(user))).items).toEqual([]);
    expect(await ask(ownWebhooks.delete(user, id))).toMatchObject({ code: 'webhook_not_found' });
  });

  it('a signing secret is shown only when it is created or rotated', async () => {
    const user = await newUser();
    const made = await ask(ownWebhooks.create(user, { kind: 'webhook', url: nowhere }));
    const id = String(made.data?.id);
    const rotated = await ask(ownWebhooks.rotate(user, id));
    const secrets = [made, rotated].map(({ data }) => String(data?.secret));
    expect(new Set(secrets).size).toBe(2);
    await ask(ownWebhooks.test(user, id));
    const { data: key } = await user.supabase.rpc('mint_proxy_key', { label: 'key' });
    const said = [
      await ask(ownWebhooks.list(user)),
      await ask(ownWebhooks.update(user, id, { label: 'x' })),
      await ask(ownWebhooks.deliveries(user, id)),
      await user.supabase.rpc('list_proxy_alerts'),
      await user.supabase.rpc('list_proxy_key_audit'),
      await sql`
        select d::text, a::text, w::text from proxy_private.proxy_deliveries as d
        join proxy_private.proxy_alerts as a on a.id = d.alert_id
        join proxy_private.proxy_webhooks as w on w.id = d.webhook_id where w.id = ${id}`,
    ];
    expect(key).not.toBeNull();
    const text = JSON.stringify(said);
    for (const secret of secrets) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(secret.replace('whsec_', ''));
    }
    expect(text).not.toContain('whsec_');
  });

  it('admins create, see and delete the operator’s webhooks, and users do not see them', async () => {
    const user = await newUser();
    const made = await ask(operatorWebhooks.create(admin, idleWebhook));
    const id = String(made.data?.id);
    expect(made.data?.secret).toMatch(/^whsec_/);
    const listed = async (by: Persona, calls = ownWebhooks) =>
      (await ask(calls.list(by))).items.map((item) => item.id);
    expect(await listed(admin, operatorWebhooks)).toContain(id);
    expect(await listed(admin)).not.toContain(id);
    expect(await listed(user)).not.toContain(id);
    expect(await ask(operatorWebhooks.test(admin, id))).toMatchObject({ code: null });
    expect((await ask(operatorWebhooks.deliveries(admin, id))).items).toMatchObject([
      { type: 'webhook.test' },
    ]);
    await ask(operatorWebhooks.delete(admin, id));
    expect(await listed(admin, operatorWebhooks)).not.toContain(id);
  });

  it('the deliveries of a webhook are listed in pages, newest first', async () => {
    const user = await newUser();
    const id = await makeWebhook(user);
    const made: string[] = [];
    for (let n = 0; n < 5; n += 1) made.unshift(await testWebhook(user, id));
    const seen: unknown[] = [];
    let cursor: string | null = null;
    do {
      const page: Answer = await ask(
        ownWebhooks.deliveries(user, id, { limit: 2, ...(cursor && { cursor }) }),
      );
      expect(page.items.length).toBeLessThanOrEqual(2);
      seen.push(...page.items.map((item) => item.id));
      ({ cursor } = page);
    } while (cursor);
    expect(seen).toEqual(made);
  });

  it('writes are counted: once over the limit, they are refused with the seconds to wait', async () => {
    const user = await newUser();
    const id = await makeWebhook(user);
    await sql`
      update proxy_private.write_windows set recent = array_fill(clock_timestamp(), array[120])
      where user_id = ${user.id} and action = 'change'`;
    for (const ways of [
      ownWebhooks.create(user, idleWebhook),
      ownWebhooks.update(user, id, { label: 'x' }),
      ownWebhooks.rotate(user, id),
      ownWebhooks.test(user, id),
      ownWebhooks.delete(user, id),
    ]) {
      expect(await ask(ways)).toMatchObject({
        status: 429,
        code: 'rate_limited',
        retryAfter: expect.any(Number),
      });
    }
  });
});

it('the route and the RPC show the same webhooks and deliveries', async () => {
  const user = await newUser();
  const id = await makeWebhook(user);
  await testWebhook(user, id);
  // prevent an attempt meanwhile: once the delivery is unclaimed, postpone it by a day
  await expect
    .poll(async () => {
      await sql`
        update proxy_private.proxy_deliveries set next_attempt_at = now() + interval '1 day'
        where webhook_id = ${id} and claim is null`;
      return sql`
        select from proxy_private.proxy_deliveries
        where webhook_id = ${id} and (claim is not null or next_attempt_at < now() + interval '1 hour')`;
    })
    .toHaveLength(0);
  await expectSameAnswer(ownWebhooks.list(user));
  const { items } = await expectSameAnswer(ownWebhooks.deliveries(user, id));
  expect(items).toHaveLength(1);
});

describe('the operator’s webhooks', () => {
  const all = (by: Persona, id: string) => [
    operatorWebhooks.list(by),
    operatorWebhooks.create(by, idleWebhook),
    operatorWebhooks.update(by, id, { disabled: true }),
    operatorWebhooks.rotate(by, id),
    operatorWebhooks.test(by, id),
    operatorWebhooks.deliveries(by, id),
    operatorWebhooks.resend(by, id, id),
    operatorWebhooks.delete(by, id),
  ];

  it('are forbidden to users, and to a demoted admin', async () => {
    const [user, demoted] = [await newUser(), await newAdmin()];
    const id = await makeWebhook(demoted, true);
    const { auth } = createSupabase(secretKey);
    const { error } = await auth.admin.updateUserById(demoted.id, { app_metadata: { role: null } });
    expect(error).toBeNull();
    for (const by of [user, demoted]) {
      for (const ways of all(by, id)) await expectSameRefusal(ways, 403, 'forbidden');
    }
    const [kept] = await sql`select disabled_at from proxy_private.proxy_webhooks where id = ${id}`;
    expect(kept).toEqual({ disabled_at: null });
  });
});
