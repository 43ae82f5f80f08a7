import type { Correction } from './usage-corrections.ts';

/** Drift that a test introduces: the statement, and the findings that are expected. */
export const driftKinds: [
  name: string,
  statement: (key: string, begins: string) => string,
  found: Partial<Correction>,
][] = [
  [
    'an hour with too many bytes sent',
    (key, begins) => `update proxy_private.proxy_usage_hourly set bytes_sent = bytes_sent + 7
     where api_key_id = '${key}' and hour = timestamptz '${begins}' + interval '10 hours'`,
    { rollup: 'hourly', found: 'different', sent: '-7' },
  ],
  [
    'an hour with too few bytes received',
    (
      key,
      begins,
    ) => `update proxy_private.proxy_usage_hourly set bytes_received = bytes_received - 7
     where api_key_id = '${key}' and hour = timestamptz '${begins}'`,
    { rollup: 'hourly', found: 'different', received: '7' },
  ],
  [
    'a month with too many requests and too few bytes',
    (
      key,
      begins,
    ) => `update proxy_private.proxy_usage_monthly set requests = 30, bytes_sent = 0, bytes_received = 401
     where api_key_id = '${key}' and month = date_trunc('month', timestamptz '${begins}')::date`,
    { rollup: 'monthly', found: 'different', requests: '-27', sent: '40', received: '-1' },
  ],
  [
    'bytes counted in the wrong direction',
    (key) => `update proxy_private.proxy_usage_monthly
     set bytes_sent = bytes_received, bytes_received = bytes_sent where api_key_id = '${key}'`,
    { rollup: 'monthly', found: 'different', sent: '-360', received: '360' },
  ],
  [
    'a missing hour',
    (key, begins) =>
      `delete from proxy_private.proxy_usage_hourly where api_key_id = '${key}' and hour = timestamptz '${begins}'`,
    { rollup: 'hourly', found: 'missing', requests: '1', sent: '10', received: '100' },
  ],
  [
    'a missing month',
    (key) => `delete from proxy_private.proxy_usage_monthly where api_key_id = '${key}'`,
    { rollup: 'monthly', found: 'missing', requests: '3', sent: '40', received: '400' },
  ],
  [
    'a surplus hour',
    (key, begins) => `insert into proxy_private.proxy_usage_hourly
     values ('${key}', timestamptz '${begins}' + interval '1 hour', null, 1, 2, 3)`,
    { rollup: 'hourly', found: 'surplus', requests: '-1', sent: '-2', received: '-3' },
  ],
  [
    'a surplus hour without usage',
    (key, begins) => `insert into proxy_private.proxy_usage_hourly
     values ('${key}', timestamptz '${begins}' + interval '1 hour', null, 0, 0, 0)`,
    { rollup: 'hourly', found: 'surplus' },
  ],
  [
    'an hour that does not start on the hour',
    (key, begins) => `insert into proxy_private.proxy_usage_hourly
     values ('${key}', timestamptz '${begins}' + interval '30 minutes', null, 0, 5, 0)`,
    { rollup: 'hourly', found: 'surplus', sent: '-5' },
  ],
  [
    'a last use that is too late',
    (
      key,
    ) => `update proxy_private.proxy_usage_monthly set last_used_at = last_used_at + interval '1 day'
     where api_key_id = '${key}'`,
    { rollup: 'monthly', found: 'different', lastUse: '1 day' },
  ],
  [
    'a last use that is too early, by a microsecond',
    (
      key,
    ) => `update proxy_private.proxy_usage_monthly set last_used_at = last_used_at - interval '1 microsecond'
     where api_key_id = '${key}'`,
    { rollup: 'monthly', found: 'different', lastUse: '-00:00:00.000001' },
  ],
];
