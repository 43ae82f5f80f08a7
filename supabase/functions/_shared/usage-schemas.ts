import { z } from '@hono/zod-openapi';
import { billedBytes, count, ofRow, time, timeOrNull } from './answer.ts';
import { interval } from './rollup-schemas.ts';

/** `proxy_usage_totals` as the API answers it. */
export const usageSummary = ofRow('UsageSummary', {
  totalBandwidthBytes: count.openapi({ description: 'In and out, over all keys.' }),
  totalRequests: count,
  activeKeys: count.openapi({ description: 'Now, whatever the period.' }),
  tierBreakdown: z
    .record(z.string(), z.int().positive())
    .openapi({ description: 'Active keys by tier, now.' }),
});

const billed = z.boolean().openapi({ description: 'False for a test key, which is metered only.' });

/** What one key used in a month. */
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
  lastUsedAt: timeOrNull.openapi({ description: 'In this month.' }),
});

/** What was used in one hour or day. */
const usagePoint = ofRow('UsagePoint', {
  start: time,
  requests: count,
  bytesSent: count,
  bytesReceived: count,
  billedBytes,
});

/** `proxy_usage_timeline` as the API answers it. */
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

/** One CONNECT or plain request in one hour, or refusals of one kind. */
export const usageEvent = ofRow('UsageEvent', {
  eventId: z.uuid().openapi({
    description: 'Of the request. A tunnel that lasts for hours has one event per hour, of one id.',
  }),
  apiKeyId: z.uuid(),
  occurredAt: time.openapi({
    description: 'When the request began, or the hour of a tunnel that goes on.',
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
        'Why the gateway refused it, or what failed, as its answer said; null for what it served. A ' +
        'refusal is no request.',
    }),
  count: count.openapi({
    description:
      'How many requests or refusals it stands for: 1, more for refusals of one kind within a minute, ' +
      'and 0 for a tunnel that goes on from an earlier hour.',
  }),
  howToFix: z
    .string()
    .nullable()
    .openapi({ description: 'What to do about the code; null without one, and for one unknown.' }),
  billed,
});
