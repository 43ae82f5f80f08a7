import { z } from '@hono/zod-openapi';
import { billedBytes, count, ofRow, time } from './answer.ts';

const figures = {
  requests: count,
  errors: count.openapi({
    description: 'Requests that failed: no connection to the target, or no valid response from it.',
  }),
  bytesSent: count,
  bytesReceived: count,
  billedBytes,
};
const sums = ofRow('TargetFigures', figures);
const target = ofRow('TargetUsage', {
  host: z.string().nullable().openapi({
    description: 'Null for a site: the sum of its hosts that are not counted one by one.',
  }),
  site: z
    .string()
    .nullable()
    .openapi({
      description:
        'The registrable domain: `example.co.uk` for `www.example.co.uk`; null for an IP address or a ' +
        "name without one. Only registries' public suffixes count: the site of `alice.github.io` is " +
        '`github.io`.',
    }),
  ...figures,
});
const outcome = ofRow('OutcomeUsage', {
  outcome: z.string().openapi({
    description: '`ok`, the code of a refusal or failure, or `other`.',
    example: 'rate_limited',
  }),
  kind: z.enum(['ok', 'refused', 'failed']),
  requests: count,
  bytesSent: count,
  bytesReceived: count,
  billedBytes,
  howToFix: z.string().nullable().openapi({ description: 'How to fix it; null for `ok`.' }),
});
const outcomeTotals = ofRow('OutcomeTotals', {
  requests: count.openapi({ description: 'All requests, refusals included.' }),
  ok: count,
  refused: count,
  failed: count,
  successRate: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .openapi({ description: '`ok` divided by `requests`; null without requests.' }),
  bytesSent: count,
  bytesReceived: count,
  billedBytes,
});
const outcomePoint = ofRow('OutcomePoint', {
  start: time,
  ok: count,
  refused: count,
  failed: count,
});

const span = {
  from: time,
  to: time,
  keptFrom: time.openapi({ description: 'Older data is no longer kept.' }),
};
const spanRow = { from: time, to: time, kept_from: time };
const inCamelCase = <Row extends { kept_from: string }>({ kept_from: keptFrom, ...row }: Row) => ({
  ...row,
  keptFrom,
});
export const sort = z.enum(['bytes', 'requests', 'errors']);
export const by = z.enum(['host', 'site']);
export const interval = z.enum(['hour', 'day']);

const listOf = <Item>(read: (row: unknown) => Item) =>
  z.array(z.unknown()).transform((rows) => rows.map(read));

/** `proxy_target_usage` as the API returns it. */
export const targetUsage = {
  answer: z
    .strictObject({
      ...span,
      by,
      sort,
      targets: z.array(target.answer),
      totals: sums.answer,
      other: sums.answer.openapi({
        description:
          'Usage not counted by target, because a key, or all keys together, had over 1,000 hosts and ' +
          '1,000 sites in a day.',
      }),
      unlisted: sums.answer.openapi({ description: 'The sum of the targets beyond `limit`.' }),
    })
    .openapi('TargetUsageList'),
  row: z
    .object({
      ...spanRow,
      by,
      sort,
      targets: listOf(target.read),
      totals: z.unknown().transform(sums.read),
      other: z.unknown().transform(sums.read),
      unlisted: z.unknown().transform(sums.read),
    })
    .transform(inCamelCase),
};

/** `proxy_outcome_usage` as the API returns it. */
export const outcomeUsage = {
  answer: z
    .strictObject({
      interval,
      ...span,
      sort,
      outcomes: z.array(outcome.answer),
      totals: outcomeTotals.answer,
      points: z.array(outcomePoint.answer),
    })
    .openapi('OutcomeUsageList'),
  row: z
    .object({
      interval,
      ...spanRow,
      sort,
      outcomes: listOf(outcome.read),
      totals: z.unknown().transform(outcomeTotals.read),
      points: listOf(outcomePoint.read),
    })
    .transform(inCamelCase),
};
