import type { WorstRequest } from './worst-requests.ts';

/** A webhook with as many deliveries as fit on a page, and one of the deliveries. */
export interface BusyWebhook {
  webhook: string;
  delivery: string;
}

type Request = (
  name: string,
  method: string,
  path: string,
  more?: Partial<WorstRequest>,
) => WorstRequest;

/** Several types of alerts, in a body of the largest size. */
const types = ['key.quota', 'account.quota', 'key.expiring', 'key.unusual_usage', 'key.minted'];
const body = (fields: object) => JSON.stringify(fields).padEnd(16 * 1024);

/** The most expensive request to each route of alerts. */
export function worstAlertRequests(request: Request, key: string): WorstRequest[] {
  const alerts = '/api/v1/proxy/alerts';
  return [
    request('alerts, 200', 'GET', `${alerts}?limit=200`),
    request('thresholds', 'GET', `${alerts}/thresholds`),
    request('change thresholds', 'PATCH', `${alerts}/thresholds`, {
      body: body({ percents: [10, 20, 30, 40, 50], keyId: key }),
    }),
  ];
}

/** The most expensive request to each route of webhooks below `base`. */
export function worstWebhookRequests(
  request: Request,
  base: string,
  { webhook, delivery }: BusyWebhook,
): WorstRequest[] {
  const whose = base.startsWith('/admin') ? 'admins: ' : '';
  const one = `${base}/${webhook}`;
  return [
    request(`${whose}webhooks`, 'GET', base),
    request(`${whose}create webhook`, 'POST', base, {
      body: body({ kind: 'webhook', url: `https://example.com/${'w'.repeat(1_900)}`, types }),
      expect: 201,
    }),
    request(`${whose}update webhook`, 'PATCH', one, {
      body: body({ types, label: 'w'.repeat(80) }),
    }),
    request(`${whose}rotate webhook`, 'POST', `${one}/rotate`),
    request(`${whose}deliveries, 200`, 'GET', `${one}/deliveries?limit=200`),
    request(`${whose}resend`, 'POST', `${one}/deliveries/${delivery}/resend`),
    request(`${whose}test webhook`, 'POST', `${one}/test`, { expect: 201 }),
    request(`${whose}delete webhook`, 'DELETE', one, { expect: 204 }),
  ];
}
