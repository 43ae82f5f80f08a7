import { z } from '@hono/zod-openapi';
import { billedBytes, count, ofRow, time, timeOrNull } from './answer.ts';
import { interval } from './rollup-schemas.ts';

/** `proxy_usage_totals` as the API returns it. */
export const usageSummary = ofRow('UsageSummary', {
  totalBandwidthBytes: count.openapi({ description: 'Bytes in and out, over all keys.' }),
  totalRequests: count,
  activeKeys: count.openapi({ description: 'Keys that are active now, whatever the period.' }),
  tierBreakdown: z
    .record(z.string(), z.int().positive())
    .openapi({ description: 'Keys that are active now, by tier.' }),
});

const billed = z.boolean().openapi({ description: 'False for a test key, which is only metered.' });

/** A key's usage in a month. */
export const keyUsage = ofRow('KeyUsage', {
  id: z.uuid(),
  keyId: z.string(),
  label: z.string(),
  tier: z.string(),
  liveMode: z.boolean(),
  active: z.boolean(),
  billed,
  requests: count,
  bytesSent: count,
  bytesReceived: count,
  lastUsedAt: timeOrNull.openapi({ description: 'The last use within this month.' }),
});

/** Usage in one hour or day. */
const usagePoint = ofRow('UsagePoint', {
  start: time,
  requests: count,
  bytesSent: count,
  bytesReceived: count,
  billedBytes,
});

/** `proxy_usage_timeline` as the API returns it. */
export const usageSeries = {
  answer: z
    .strictObject({ interval, from: time, to: time, points: z.array(usagePoint.answer) })
    .openapi('UsageSeries'),
  row: z.object({
    interval,
    from: time,
    to: time,
    points: z.array(z.unknown()).transform((points) => points.map(usagePoint.read)),
  }),
};

/** One CONNECT or plain HTTP request in one hour, or refusals of one kind. */
export const usageEvent = ofRow('UsageEvent', {
  eventId: z.uuid().openapi({
    description:
      "The request's id. A tunnel that lasts for hours has one event per hour, all with the same id.",
  }),
  apiKeyId: z.uuid(),
  occurredAt: time.openapi({
    description:
      'When the request started, or the start of the hour if a tunnel was opened in an earlier hour.',
  }),
  targetHost: z.string(),
  method: z.string(),
  statusCode: z.int(),
  bytesSent: count,
  bytesReceived: count,
  durationMs: count,
  servedByNodeId: z.string(),
  code: z
    .string()
    .nullable()
    .openapi({
      description:
        'Why the gateway refused the request, or what failed, as in its response; null if it was ' +
        'served. A refusal does not count as a request.',
    }),
  count: count.openapi({
    description:
      'How many requests or refusals the event represents: 1, more for refusals of one kind within a ' +
      'minute, and 0 for a tunnel that was opened in an earlier hour.',
  }),
  howToFix: z
    .string()
    .nullable()
    .openapi({ description: 'How to fix the error; null without a code or for an unknown one.' }),
  billed,
});
