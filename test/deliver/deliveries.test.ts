import { Webhook } from 'standardwebhooks';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { askBy } from '../support/both-ways.ts';
import type { Fields } from '../support/calls.ts';
import { connectOwner, newAdmin } from '../support/personas.ts';
import { operatorWebhooks, ownWebhooks } from '../support/webhook-calls.ts';
import { newCustomer } from './customer.ts';
import { checkPayload } from './payload.ts';
import { type Received, startReceiver } from './receiver.ts';

const check = checkPayload(inject('description'));
const sql = connectOwner();
afterAll(() => sql.end());

const payloadOf = ({ body }: Received) => JSON.parse(body) as { type: string; data: Fields };

describe.each(['route', 'rpc'] as const)('by %s', (way) => {
  const ask = askBy[way];

  it('an owner sees each attempt at a delivery, with the receiver’s answer', async () => {
    const receiver = await startReceiver();
    const { user, webhook, mint } = await newCustomer(receiver.url);
    receiver.answer = (response) => response.writeHead(503).end('busy');
    const key = await mint();
    await receiver.until(1);
    const newest = async () => (await ask(ownWebhooks.deliveries(user, webhook.id))).items[0];
    await expect.poll(async () => (await newest())?.attempts).toBe(1);
    expect(await newest()).toMatchObject({
      type: 'key.minted',
      state: 'pending',
      nextAttemptAt: expect.stringMatching(/Z$/),
      attemptLog: [{ number: 1, outcome: 'refused_status', status: 503, answer: 'busy' }],
    });
    receiver.answer = (response) => response.end('taken');
    await expect.poll(async () => (await newest())?.state).toBe('delivered');
    expect(await newest()).toEqual({
      id: expect.any(String),
      alertId: receiver.received[0]?.headers['webhook-id'],
      type: 'key.minted',
      occurredAt: expect.stringMatching(/Z$/),
      state: 'delivered',
      attempts: 2,
      nextAttemptAt: null,
      attemptLog: [
        {
          number: 1,
          startedAt: expect.stringMatching(/Z$/),
          durationMs: expect.any(Number),
          outcome: 'refused_status',
          status: 503,
          answer: 'busy',
        },
        {
          number: 2,
          startedAt: expect.stringMatching(/Z$/),
          durationMs: expect.any(Number),
          outcome: 'delivered',
          status: 200,
          answer: 'taken',
        },
      ],
    });
    expect(payloadOf(receiver.received[0] as Received).data.apiKeyId).toBe(key);
  });

  it('a finished delivery can be resent: the same alert with the same id', async () => {
    const receiver = await startReceiver();
    const { user, webhook, mint } = await newCustomer(receiver.url);
    await mint();
    const newest = async () => (await ask(ownWebhooks.deliveries(user, webhook.id))).items[0];
    await expect.poll(async () => (await newest())?.state).toBe('delivered');
    const delivery = String((await newest())?.id);
    const { data } = await ask(ownWebhooks.resend(user, webhook.id, delivery));
    expect(data).toMatchObject({ id: delivery, state: 'pending', attempts: 1 });
    const [first, again] = (await receiver.until(2)) as [Received, Received];
    expect(again.headers['webhook-id']).toBe(first.headers['webhook-id']);
    expect(again.body).toBe(first.body);
    const verifier = new Webhook(webhook.secret ?? '');
    expect(() =>
      verifier.verify(again.body, again.headers as Record<string, string>),
    ).not.toThrow();
    await expect.poll(async () => (await newest())?.attemptLog).toHaveLength(2);
  });

  it('a failed delivery gets one attempt each time it is resent', async () => {
    const receiver = await startReceiver();
    const { user, webhook, mint } = await newCustomer(receiver.url);
    receiver.answer = (response) => response.writeHead(500).end();
    await mint();
    await receiver.until(1);
    const newest = async () => (await ask(ownWebhooks.deliveries(user, webhook.id))).items[0];
    await expect.poll(async () => (await newest())?.attempts).toBeGreaterThan(0);
    // the ten waits before it are 24 hours in all
    const lastFails = () => sql`
      update proxy_private.proxy_deliveries set attempts = 10, next_attempt_at = now()
      where webhook_id = ${webhook.id} and claim is null and attempts < 10`;
    await expect.poll(async () => (await lastFails()).count).toBe(1);
    await expect.poll(async () => (await newest())?.state).toBe('failed');
    await ask(ownWebhooks.resend(user, webhook.id, String((await newest())?.id)));
    await expect.poll(async () => (await newest())?.attempts).toBe(12);
    expect(await newest()).toMatchObject({ state: 'failed', nextAttemptAt: null });
  });

  it('a delivery that waits for its next attempt is attempted at once', async () => {
    const receiver = await startReceiver();
    const { user, webhook, mint } = await newCustomer(receiver.url);
    receiver.answer = (response) => response.writeHead(500).end();
    await mint();
    await receiver.until(1);
    await expect
      .poll(
        async () =>
          (
            await sql`
            update proxy_private.proxy_deliveries set next_attempt_at = now() + interval '1 day'
            where webhook_id = ${webhook.id} and claim is null and attempts > 0`
          ).count,
      )
      .toBe(1);
    receiver.answer = (response) => response.end();
    const [delivery] = (await ask(ownWebhooks.deliveries(user, webhook.id))).items;
    await ask(ownWebhooks.resend(user, webhook.id, String(delivery?.id)));
    await receiver.until(2);
  });

  it('a test alert arrives only at its webhook, which need not subscribe to the type', async () => {
    const [tested, other] = [await startReceiver(), await startReceiver()];
    const { user, webhook } = await newCustomer(tested.url, ['key.deleted']);
    await user.supabase.rpc('create_proxy_webhook', { kind: 'webhook', url: other.url });
    const { data } = await ask(ownWebhooks.test(user, webhook.id));
    const [one] = (await tested.until(1)) as [Received];
    expect(one.headers['webhook-id']).toBe(data?.alertId);
    expect(payloadOf(one)).toMatchObject({
      type: 'webhook.test',
      data: { webhookId: webhook.id, kind: 'webhook' },
    });
    expect(check(payloadOf(one))).toEqual([]);
    const newest = async () => (await ask(ownWebhooks.deliveries(user, webhook.id))).items[0];
    await expect.poll(newest).toMatchObject({ id: data?.id, state: 'delivered' });
    const queued = await sql`
      select w.address from proxy_private.proxy_deliveries as d
      join proxy_private.proxy_webhooks as w on w.id = d.webhook_id
      where d.alert_id = ${String(data?.alertId)}`;
    expect([...queued]).toEqual([{ address: tested.url }]);
    expect(other.received).toEqual([]);
  });

  it('a test of the operator’s webhook arrives too, and names the admin who sent it', async () => {
    const receiver = await startReceiver();
    const [admin, owner] = [await newAdmin(), await newCustomer((await startReceiver()).url)];
    const types = ['key.minted'];
    const made = await ask(
      operatorWebhooks.create(admin, { kind: 'webhook', url: receiver.url, types }),
    );
    const id = String(made.data?.id);
    try {
      await ask(operatorWebhooks.test(admin, id));
      await receiver.until(1);
      const key = await owner.mint();
      const ofKey = () =>
        receiver.received.map(payloadOf).find(({ data }) => data.apiKeyId === key);
      await expect.poll(ofKey).toMatchObject({ data: { userId: owner.user.id } });
      expect(ofKey()?.data).not.toHaveProperty('label');
      const test = receiver.received.map(payloadOf).find(({ type }) => type === 'webhook.test');
      expect(test?.data).toEqual({ webhookId: id, kind: 'webhook', userId: admin.id });
      expect(receiver.received.map(payloadOf).flatMap(check)).toEqual([]);
    } finally {
      await ask(operatorWebhooks.delete(admin, id));
    }
  });
});
