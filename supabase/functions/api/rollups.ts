import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { declarePath } from '../_shared/declare-path.ts';
import { toArguments } from '../_shared/field-names.ts';
import { operation } from '../_shared/operation.ts';
import { periodField, spanFields, text, wholeNumber } from '../_shared/request-fields.ts';
import { by, interval, outcomeUsage, sort, targetUsage } from '../_shared/rollup-schemas.ts';
import type { Dependencies, ServiceEnv } from '../_shared/service.ts';
import { refuseWithCsv, respondWithCsv, wantsCsv } from './csv-stream.ts';

const common = {
  period: periodField.optional(),
  ...spanFields,
  keyId: text
    .openapi({ description: 'One key, by its uuid or keyId; without it all of them.' })
    .optional(),
  limit: wholeNumber(1, 200).optional(),
  sort: sort
    .optional()
    .openapi({ description: 'What the first have most of; by default `bytes`.' }),
};
const csvHeader = {
  'Content-Disposition': z.string().optional().openapi({ description: 'With CSV.' }),
};

/** `/api/v1/proxy/usage/targets` and `/outcomes`: what burns usage, and how requests end. */
export function declareRollups(app: OpenAPIHono<ServiceEnv>, dependencies: Dependencies): void {
  const { callDatabase } = dependencies;
  declarePath(app, dependencies, '/api/v1/proxy/usage/targets', {
    get: operation({
      operationId: 'getUsageByTarget',
      summary: 'Usage by target',
      description:
        'What was moved to each host or site: in a month (`period`), or in the whole days (UTC) that ' +
        '`from` and `to` span, by default the last 30, at most 92. The first `limit` (50 by default) with ' +
        'the most. `totals` is the sum of `targets`, `unlisted` and `other`. Refusals are not in it. With ' +
        '`Accept: text/csv` the first 10,000, a line for all others (`unlisted`), and one for `other`, ' +
        'without `limit`.',
      tag: 'Usage',
      query: {
        ...common,
        by: by.optional().openapi({
          description:
            'What is added up; by default `host`. By site, a name without one stands alone.',
        }),
      },
      success: {
        status: 200,
        description: 'The targets, and what they are of all.',
        content: { 'application/json': targetUsage.answer, 'text/csv': z.string() },
        headers: csvHeader,
      },
      problems: ['not_found'],
      handle: async ({ context, caller, query }) => {
        if (wantsCsv(context)) {
          refuseWithCsv(query, ['limit']);
          const csv = await callDatabase(caller, 'export_proxy_usage_targets', toArguments(query));
          return respondWithCsv(context, 'targets', csv);
        }
        const row = await callDatabase(caller, 'proxy_usage_targets', toArguments(query));
        return context.json(targetUsage.row.parse(row));
      },
    }),
  });

  declarePath(app, dependencies, '/api/v1/proxy/usage/outcomes', {
    get: operation({
      operationId: 'getUsageByOutcome',
      summary: 'How requests ended',
      description:
        'Each outcome with what to do about it, and by hour or day how many were served, refused and ' +
        'failed: in a month (`period`), or in the whole hours or days (UTC) that `from` and `to` span, by ' +
        'default the last 24 hours or 30 days, at most 1,000 hours or 92 days. Refusals are requests here. ' +
        'With `Accept: text/csv` one line per outcome and interval in which it occurred, without `limit`.',
      tag: 'Usage',
      query: {
        ...common,
        interval: interval.optional().openapi({ description: 'By default `day`.' }),
      },
      success: {
        status: 200,
        description: 'The outcomes, their sums, and a point for each interval.',
        content: { 'application/json': outcomeUsage.answer, 'text/csv': z.string() },
        headers: csvHeader,
      },
      problems: ['not_found'],
      handle: async ({ context, caller, query }) => {
        if (wantsCsv(context)) {
          refuseWithCsv(query, ['limit']);
          const csv = await callDatabase(caller, 'export_proxy_usage_outcomes', toArguments(query));
          return respondWithCsv(context, 'outcomes', csv);
        }
        const row = await callDatabase(caller, 'proxy_usage_outcomes', toArguments(query));
        return context.json(outcomeUsage.row.parse(row));
      },
    }),
  });
}
