import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { listenOnLoopback, loopback } from '../../scripts/stack/ports.ts';
import { type DeliveryStack, startDeliveryStack } from './own-delivery-stack.ts';

/** The requests that the services received, with their paths. */
interface Sent {
  path: string;
  headers: Record<string, string>;
  body: Record<string, unknown>;
}
const sent: Sent[] = [];
const services = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  const headers = request.headers as Record<string, string>;
  sent.push({ path: request.url ?? '', headers, body: JSON.parse(body) });
  response.writeHead(200).end('{"id": "1"}');
});
let origin: string;
let stack: DeliveryStack;

beforeAll(async () => {
  origin = `http://${loopback}:${await listenOnLoopback(services, 0, 'services')}`;
  stack = await startDeliveryStack({
    RESEND_API_KEY: 're_test_key',
    ALERTS_FROM: 'Proxy Keys <alerts@example.com>',
    RESEND_URL: `${origin}/emails`,
    PAGERDUTY_URL: `${origin}/v2/enqueue`,
  });
});
afterAll(async () => {
  await stack.stop();
  services.closeAllConnections();
  services.close();
});

/** Mints a key whose label has markup of each service, and waits for its alert at a path. */
async function alertBy(path: string, webhook: Record<string, unknown>): Promise<Sent> {
  const owner = await stack.newOwner();
  const { id } = await owner.createWebhook(webhook);
  onTestFinished(async () => {
    await owner.supabase.rpc('delete_proxy_webhook', { id });
  });
  const label = '<b>@everyone</b> & *x* [a](http://b) "q"';
  await owner.supabase.rpc('mint_proxy_key', { label });
  await expect.poll(() => sent.filter((one) => one.path === path)).not.toEqual([]);
  return sent.find((one) => one.path === path) as Sent;
}

it('Slack gets text, in which a label is plain text', async () => {
  const path = '/services/T000/B000/xyz';
  const { body } = await alertBy(path, { kind: 'slack', url: `${origin}${path}` });
  expect(Object.keys(body)).toEqual(['text']);
  expect(body.text).toContain('*Key created*');
  expect(body.text).toContain('&lt;b&gt;@everyone&lt;/b&gt; &amp;');
});

it('Discord gets content without mentions, in which a label has no formatting', async () => {
  const path = '/api/webhooks/1/token';
  const { body } = await alertBy(path, { kind: 'discord', url: `${origin}${path}` });
  expect(body).toMatchObject({ allowed_mentions: { parse: [] } });
  expect(body.content).toContain('\\*x\\* \\[a\\]\\(http://b\\)');
});

it('PagerDuty gets an Events API v2 incident, with a key that stops duplicates', async () => {
  const routing_key = 'R0123456789ABCDEFGHIJKLMNOPQRSTU'.slice(0, 32);
  const { body } = await alertBy('/v2/enqueue', { kind: 'pagerduty', routing_key });
  expect(body).toMatchObject({
    routing_key,
    event_action: 'trigger',
    dedup_key: expect.stringMatching(/^[0-9a-f-]{36}$/),
    payload: {
      severity: 'info',
      source: 'proxy-keys',
      class: 'key.minted',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      custom_details: { keyId: expect.stringMatching(/^avp_live_/) },
    },
  });
});

it('an email goes to the account’s own address, as text and as safe HTML', async () => {
  const { body, headers } = await alertBy('/emails', { kind: 'email' });
  expect(headers.authorization).toBe('Bearer re_test_key');
  expect(headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/);
  expect(body).toMatchObject({
    from: 'Proxy Keys <alerts@example.com>',
    to: [expect.stringMatching(/@example\.com$/)],
    subject: 'Proxy Keys: Key created',
  });
  expect(body.text).toContain('<b>@everyone</b>');
  expect(body.html).toContain('&lt;b&gt;@everyone&lt;/b&gt;');
  expect(body.html).not.toContain('<b>');
});

it('the webhooks that an owner lists show no secret', async () => {
  const owner = await stack.newOwner();
  const routing_key = 'abcdefghijklmnopqrstuvwxyzABCDEF';
  await owner.createWebhook({ kind: 'slack', url: `${origin}/services/secret-of-slack` });
  await owner.createWebhook({ kind: 'pagerduty', routing_key });
  await owner.createWebhook({ kind: 'webhook', url: `${origin}/hook` });
  const { data } = await owner.supabase.rpc('list_proxy_webhooks');
  const shown = JSON.stringify(data);
  for (const secret of ['secret-of-slack', routing_key, 'whsec_'])
    expect(shown).not.toContain(secret);
  expect((data as { address: string }[]).map(({ address }) => address)).toEqual([
    loopback,
    'events.pagerduty.com',
    `${origin}/hook`,
  ]);
});
