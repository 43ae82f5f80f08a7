import { Webhook } from 'standardwebhooks';
import { afterAll, expect, it } from 'vitest';
import { connectGateway, connectOwner, newAdmin } from '../support/personas.ts';
import { recordUsage, usageEvent } from '../support/usage-events.ts';
import { newCustomer } from './customer.ts';
import { type Received, startReceiver } from './receiver.ts';

const sql = connectOwner();
const gateway = connectGateway();
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const typeOf = ({ body }: Received) => (JSON.parse(body) as { type: string }).type;
const headersOf = ({ headers }: Received) => headers as Record<string, string>;

it('a receiver gets each alert of a key’s life once, in order, signed by the specification', async () => {
  const receiver = await startReceiver();
  const { user, webhook, mint } = await newCustomer(receiver.url);
  const admin = await newAdmin();
  const id = await mint();
  const reason = 'test';
  const limits = { bandwidth_limit_bytes: 1000 };
  await user.supabase.rpc('rotate_proxy_key', { id });
  await admin.supabase.rpc('set_proxy_key_limits', { id, reason, limits });
  await recordUsage(gateway, [usageEvent(id, { bytesSent: 800, bytesReceived: 0 })]);
  await recordUsage(gateway, [usageEvent(id, { bytesSent: 200, bytesReceived: 0 })]);
  await admin.supabase.rpc('suspend_proxy_key', { id, reason });
  await admin.supabase.rpc('reactivate_proxy_key', { id, reason });
  await sql`update proxy_private.proxy_keys set expires_at = now() + interval '3 days' where id = ${id}`;
  await sql`select proxy_private.alert_expiring_keys()`;
  await user.supabase.rpc('delete_proxy_key', { id });

  const received = await receiver.until(9);
  expect(received.map(typeOf)).toEqual([
    'key.minted',
    'key.rotated',
    'key.limits_changed',
    'key.quota',
    'key.quota',
    'key.suspended',
    'key.reactivated',
    'key.expiring',
    'key.deleted',
  ]);
  const verifier = new Webhook(webhook.secret ?? '');
  for (const one of received) {
    expect(verifier.verify(one.body, headersOf(one))).toMatchObject({ type: typeOf(one) });
    expect(one.headers['content-type']).toBe('application/json');
  }
  expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(9);
  const thresholds = received.map(({ body }) => JSON.parse(body).data.threshold).filter(Boolean);
  expect(thresholds).toEqual([80, 100]);
});

it('verification fails for a changed body, another secret and a wrong clock', async () => {
  const receiver = await startReceiver();
  const { webhook, mint } = await newCustomer(receiver.url);
  await mint();
  const [one] = (await receiver.until(1)) as [Received];
  const verifier = new Webhook(webhook.secret ?? '');
  expect(() => verifier.verify(one.body, headersOf(one))).not.toThrow();
  expect(() => verifier.verify(one.body.replace('minted', 'rotated'), headersOf(one))).toThrow();
  const other = new Webhook(`whsec_${Buffer.alloc(32, 1).toString('base64')}`);
  expect(() => other.verify(one.body, headersOf(one))).toThrow();
  const late = Number(one.headers['webhook-timestamp']) - 6 * 60;
  expect(() =>
    verifier.verify(one.body, { ...headersOf(one), 'webhook-timestamp': String(late) }),
  ).toThrow();
});

it('after a rotation, only the new secret signs', async () => {
  const receiver = await startReceiver();
  const { user, webhook, mint } = await newCustomer(receiver.url);
  const rotated = await user.supabase.rpc('rotate_proxy_webhook', { id: webhook.id });
  const { secret } = rotated.data as unknown as { secret: string };
  await mint();
  const [one] = (await receiver.until(1)) as [Received];
  expect(() => new Webhook(secret).verify(one.body, headersOf(one))).not.toThrow();
  expect(() => new Webhook(webhook.secret ?? '').verify(one.body, headersOf(one))).toThrow();
});

it('a webhook gets only its own types, and no alerts of another user', async () => {
  const receiver = await startReceiver();
  const { user, mint } = await newCustomer(receiver.url, ['key.deleted']);
  const somebody = await newCustomer((await startReceiver()).url);
  await somebody.mint();
  const id = await mint();
  await user.supabase.rpc('delete_proxy_key', { id });
  const [one] = (await receiver.until(1)) as [Received];
  expect(receiver.received.map(typeOf)).toEqual(['key.deleted']);
  expect(JSON.parse(one.body).data).toMatchObject({ apiKeyId: id });
});

it('a receiver that fails gets the same alert with the same id again, until it accepts it', async () => {
  const receiver = await startReceiver();
  const { webhook, mint, current } = await newCustomer(receiver.url);
  receiver.answer = (response) => response.writeHead(500).end('broken');
  await mint();
  await receiver.until(1);
  await expect.poll(async () => (await current()).failing_since).not.toBeNull();
  receiver.answer = (response) => response.end();
  const [first, second] = (await receiver.until(2)) as [Received, Received];
  expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
  await expect.poll(async () => (await current()).failing_since).toBeNull();
  const attempts = await sql`
    select a.number, a.outcome, a.status, a.answer
    from proxy_private.proxy_delivery_attempts as a
    join proxy_private.proxy_deliveries as d on d.id = a.delivery_id
    where d.webhook_id = ${webhook.id} order by a.number`;
  expect(attempts).toEqual([
    { number: 1, outcome: 'refused_status', status: 500, answer: 'broken' },
    { number: 2, outcome: 'delivered', status: 200, answer: '' },
  ]);
});

it('a receiver that answers 410 is disabled at once, and the owner’s other webhook is notified', async () => {
  const receiver = await startReceiver();
  const { user, webhook, mint, current } = await newCustomer(receiver.url);
  const other = await startReceiver();
  await user.supabase.rpc('create_proxy_webhook', { kind: 'webhook', url: other.url });
  receiver.answer = (response) => response.writeHead(410).end();
  await mint();
  await expect.poll(async () => (await current()).disabled_reason).toBe('gone');
  await other.until(2);
  expect(other.received.map(typeOf).sort()).toEqual(['key.minted', 'webhook.disabled']);
  const disabled = other.received.find((one) => typeOf(one) === 'webhook.disabled');
  expect(JSON.parse(disabled?.body ?? '').data).toMatchObject({ webhookId: webhook.id });
  await mint();
  await other.until(3);
  expect(receiver.received).toHaveLength(1);
});

it('a receiver that fails for three days is disabled', async () => {
  const receiver = await startReceiver();
  const { webhook, mint, current } = await newCustomer(receiver.url);
  receiver.answer = (response) => response.writeHead(503).end();
  await mint();
  await expect.poll(async () => (await current()).failing_since).not.toBeNull();
  await sql`
    update proxy_private.proxy_webhooks set failing_since = now() - interval '73 hours'
    where id = ${webhook.id}`;
  await expect.poll(async () => (await current()).disabled_reason).toBe('failing');
});
