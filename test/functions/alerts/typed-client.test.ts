import { afterAll, expect, it } from 'vitest';
import { connectOwner, newUser } from '../../support/personas.ts';
import { nowhere, removeIdleWebhooks } from '../../support/webhook-scenes.ts';

const sql = connectOwner();
afterAll(async () => {
  await removeIdleWebhooks(sql);
  await sql.end();
});

it('the typed client creates a webhook, tests it, and reads its deliveries and the alerts', async () => {
  const { api } = await newUser();
  const made = await api.POST('/api/v1/proxy/webhooks', {
    body: { kind: 'webhook', url: nowhere, types: ['key.quota'] },
  });
  const { id = '', secret, address } = made.data?.webhook ?? {};
  expect(secret).toMatch(/^whsec_/);
  expect(address).toBe(nowhere);
  const path = { id };
  const tested = await api.POST('/api/v1/proxy/webhooks/{id}/test', { params: { path } });
  const deliveries = await api.GET('/api/v1/proxy/webhooks/{id}/deliveries', {
    params: { path, query: { limit: 1 } },
  });
  expect(deliveries.data?.map((delivery) => delivery.id)).toEqual([tested.data?.delivery.id]);
  const resent = await api.POST('/api/v1/proxy/webhooks/{id}/deliveries/{deliveryId}/resend', {
    params: { path: { id, deliveryId: tested.data?.delivery.id ?? '' } },
  });
  expect(resent.data?.delivery.state).toBe('pending');

  const alerts = await api.GET('/api/v1/proxy/alerts', {
    params: { query: { type: 'webhook.test' } },
  });
  const [alert] = alerts.data ?? [];
  // its type determines the type of its data
  expect(alert?.type === 'webhook.test' && alert.data.webhookId).toBe(id);
  expect(alert?.type === 'key.quota' && alert.data.threshold).toBe(false);

  const set = await api.PATCH('/api/v1/proxy/alerts/thresholds', { body: { percents: [90] } });
  expect(set.data?.threshold).toEqual({
    apiKeyId: null,
    keyId: null,
    label: null,
    percents: [90],
  });

  const full = await api.PATCH('/api/v1/proxy/webhooks/{id}', {
    params: { path },
    body: { disabled: true },
  });
  expect(full.data?.webhook.disabledReason).toBe('owner');
  const refused = await api.POST('/api/v1/proxy/webhooks/{id}/test', { params: { path } });
  expect(refused.error?.code).toBe('webhook_disabled');
  const removed = await api.DELETE('/api/v1/proxy/webhooks/{id}', { params: { path } });
  expect(removed.response.status).toBe(204);
});
