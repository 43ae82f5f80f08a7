import type { BenchUser } from '../scene.ts';
import type { MeasuredRequest } from './measured-function.ts';
import {
  type BusyWebhook,
  worstAlertRequests,
  worstWebhookRequests,
} from './worst-alert-requests.ts';

/** A route's most expensive request. */
export interface WorstRequest extends MeasuredRequest {
  name: string;
  /** The expected status. */
  expect: number;
}

/** The largest body that is accepted. */
const mostBytes = 16 * 1024;
const hourMs = 3_600_000;

/** The data that the requests use. */
export interface Busy {
  user: BenchUser;
  key: string;
  admin: BenchUser;
  webhooks: { own: BusyWebhook; operator: BusyWebhook };
}

/** The most expensive request to each route, by the user with the key and by the admin. */
export function worstRequests({ user, key, admin, webhooks }: Busy): WorstRequest[] {
  const keys = '/api/v1/proxy/keys';
  const usage = '/api/v1/proxy/usage';
  const csv = { headers: { Accept: 'text/csv' } };
  // the series ends with the hour that `to` ends
  const hours = `interval=hour&from=${new Date(Date.now() - 999 * hourMs).toISOString()}`;
  const request = (
    name: string,
    method: string,
    path: string,
    more: Partial<WorstRequest> = {},
  ): WorstRequest => ({
    name,
    method,
    path,
    function: 'api',
    token: user.token,
    expect: 200,
    ...more,
  });
  const read = (name: string, path: string, more?: Partial<WorstRequest>) =>
    request(name, 'GET', path, more);
  const ofAdmin = { function: 'admin', token: admin.token } as const;
  const reason = 'w'.repeat(500);
  const allowedIps = Array.from({ length: 50 }, (_, n) => `2001:db8:${n.toString(16)}::/48`);
  return [
    read('events as CSV, all', `${keys}/${key}/events`, csv),
    read('events, 200', `${keys}/${key}/events?limit=200`),
    read('keys without a limit', keys),
    read('keys, 200', `${keys}?limit=200`),
    read('keys, by label', `${keys}?limit=200&sort=label`),
    read('keys as CSV', keys, csv),
    read('keys that need attention', `${keys}/attention?limit=200`),
    read('one key', `${keys}/${key}`),
    read('usage by key without a limit', `${usage}/keys`),
    read('usage of a month', usage),
    read('series, 1,000 hours', `${usage}/series?${hours}`),
    read('targets, 200', `${usage}/targets?limit=200`),
    read('targets as CSV', `${usage}/targets`, csv),
    read('outcomes, 1,000 hours', `${usage}/outcomes?${hours}`),
    read('outcomes as CSV', `${usage}/outcomes?${hours}`, csv),
    read('account', '/api/v1/proxy/account'),
    read('health', '/api/v1/health'),
    read('description', '/api/v1/openapi.json'),
    request('mint, 16 KiB', 'POST', keys, {
      body: JSON.stringify({ label: 'w' }).padEnd(mostBytes),
      expect: 201,
    }),
    request('mint, unknown fields in 16 KiB', 'POST', keys, {
      body: manyFields(),
      expect: 400,
    }),
    request('mint, 10 MB', 'POST', keys, { body: ' '.repeat(1e7), expect: 413 }),
    request('update, 50 ranges', 'PATCH', `${keys}/${key}`, {
      body: JSON.stringify({ label: 'w'.repeat(80), allowedIps }).padEnd(mostBytes),
    }),
    request('changes, 50 ranges', 'POST', `${keys}/changes`, {
      body: JSON.stringify({ ids: Array(300).fill(key), allowedIps }).padEnd(mostBytes),
    }),
    request('rotate', 'POST', `${keys}/${key}/rotate`),
    read('admins: keys, 200', '/admin/proxy/keys?limit=200', ofAdmin),
    read('admins: one key', `/admin/proxy/keys/${key}`, ofAdmin),
    read('admins: events, 200', `/admin/proxy/keys/${key}/events?limit=200`, ofAdmin),
    read('admins: audit, 200', `/admin/proxy/keys/${key}/audit?limit=200`, ofAdmin),
    read('admins: series, 1,000 hours', `/admin/proxy/keys/${key}/usage/series?${hours}`, ofAdmin),
    read(
      'admins: outcomes, 1,000 hours',
      `/admin/proxy/keys/${key}/usage/outcomes?${hours}`,
      ofAdmin,
    ),
    read('admins: users, 200', '/admin/proxy/users?limit=200', ofAdmin),
    read('admins: grants, 200', '/admin/proxy/grants?limit=200', ofAdmin),
    read('admins: account', `/admin/proxy/account?user=${user.id}`, ofAdmin),
    request('admins: suspend', 'POST', `/admin/proxy/keys/${key}/suspend`, {
      ...ofAdmin,
      body: JSON.stringify({ reason }),
    }),
    request('admins: reactivate', 'POST', `/admin/proxy/keys/${key}/reactivate`, {
      ...ofAdmin,
      body: JSON.stringify({ reason }),
    }),
    request('admins: limits', 'PATCH', `/admin/proxy/keys/${key}/limits`, {
      ...ofAdmin,
      body: JSON.stringify({ rateLimit: 1, reason }),
    }),
    request('admins: grant', 'POST', '/admin/proxy/grants', {
      ...ofAdmin,
      body: JSON.stringify({ user: user.id, tier: 'enterprise', reason }),
    }),
    request('admins: revoke', 'POST', '/admin/proxy/grants/revoke', {
      ...ofAdmin,
      body: JSON.stringify({ user: user.id, tier: 'enterprise', reason }),
      expect: 204,
    }),
    request('admins: account limits', 'PATCH', '/admin/proxy/account/limits', {
      ...ofAdmin,
      body: JSON.stringify({ user: user.id, tier: 'team', accountLimitBytes: 1, reason }),
    }),
    ...worstAlertRequests(request, key),
    ...worstWebhookRequests(request, '/api/v1/proxy/webhooks', webhooks.own),
    ...worstWebhookRequests(
      (name, method, path, more) => request(name, method, path, { ...ofAdmin, ...more }),
      '/admin/proxy/webhooks',
      webhooks.operator,
    ),
    request('delete', 'DELETE', `${keys}/${key}`, { expect: 204 }),
  ];
}

/** As many fields as fit in a body. */
function manyFields(): string {
  let body = '{"label":1';
  for (let n = 0; body.length < mostBytes - 12; n += 1) body += `,"${n.toString(36)}":1`;
  return `${body}}`;
}
