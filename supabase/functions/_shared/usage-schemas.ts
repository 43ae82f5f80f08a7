import { z } from '@hono/zod-openapi';
import { count, ofRow, time, timeOrNull } from './answer.ts';

/** `proxy_usage_totals` as the API answers it. */
export const usageSummary = ofRow('UsageSummary', {
  totalBandwidthBytes: count.openapi({ description: 'In and out, over all keys.' }),
  totalRequests: count,
  activeKeys: count.openapi({ description: 'Now, whatever the period.' }),
  tierBreakdown: z
    .record(z.string(), z.int().positive())
    .openapi({ description: 'Active keys by tier, now.' }),
});

/** What one key used in a month. */
export const keyUsage = ofRow('KeyUsage', {
  id: z.uuid(),
  keyId: z.string(),
  label: z.string(),
  tier: z.string(),
  liveMode: z.boolean(),
  active: z.boolean(),
  requests: count,
  bytesSent: count,
  bytesReceived: count,
  lastUsedAt: timeOrNull.openapi({ description: 'In this month.' }),
});

/** What was used in one hour or day. */
export const usagePoint = ofRow('UsagePoint', {
  start: time,
  requests: count,
  bytesSent: count,
  bytesReceived: count,
});

/** One CONNECT or plain request, a slice of a long tunnel, or refusals of one kind. */
export const usageEvent = ofRow('UsageEvent', {
  eventId: z.uuid(),
  apiKeyId: z.uuid(),
  occurredAt: time,
  targetHost: z.string(),
  method: z.string(),
  statusCode: z.int(),
  bytesSent: count,
  bytesReceived: count,
  durationMs: count,
  servedByNodeId: z.string(),
  tunnelId: z.string().nullable().openapi({ description: 'Shared by the slices of one tunnel.' }),
  slice: count.openapi({ description: 'Only slice 0 counts as a request.' }),
  code: z
    .string()
    .nullable()
    .openapi({
      description:
        'Why the gateway refused it, or what failed, as its answer said; null for what it served. A ' +
        'refusal is no request.',
    }),
  count: z
    .int()
    .positive()
    .openapi({ description: 'How many refusals it stands for; 1 for anything else.' }),
});
