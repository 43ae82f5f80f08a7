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
    .openapi({ description: 'The uuid or keyId of one key. The default is all keys.' })
    .optional(),
  limit: wholeNumber(1, 200).optional(),
  sort: sort
    .optional()
    .openapi({ description: 'The figure to sort by, descending; `bytes` by default.' }),
};
const csvHeader = {
  'Content-Disposition': z.string().optional().openapi({ description: 'Only with CSV.' }),
};

/** `/api/v1/proxy/usage/targets` and `/outcomes`: usage by target and by outcome. */
export function declareRollups(app: OpenAPIHono<ServiceEnv>, dependencies: Dependencies): void {
  const { callDatabase } = dependencies;
  declarePath(app, dependencies, '/api/v1/proxy/usage/targets', {
    get: operation({
      operationId: 'getUsageByTarget',
      summary: 'Get usage by target',
      description:
        'Usage by host or site: in a month (`period`), or in the whole days (UTC) that `from` and `to` ' +
        'span, at most 92 days and the last 30 by default. Lists the top `limit` (50 by default). ' +
        '`totals` is the sum of `targets`, `unlisted` and `other`. Refusals are not included. With ' +
        '`Accept: text/csv`, the top 10,000, a line for all others (`unlisted`) and one for `other`, ' +
        'without `limit`.',
      tag: 'Usage',
      query: {
        ...common,
        by: by.optional().openapi({
          description:
            'What to group by; `host` by default. With `site`, a name without a site has its own row.',
        }),
      },
      success: {
        status: 200,
        description: 'The targets and the totals.',
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
      summary: 'Get usage by outcome',
      description:
        'Each outcome with how to fix it, and the requests served, refused and failed by hour or day: ' +
        'in a month (`period`), or in the whole hours or days (UTC) that `from` and `to` span, at most ' +
        '1,000 hours or 92 days, and the last 24 hours or 30 days by default. Refusals count as requests ' +
        'here. With `Accept: text/csv`, one line per outcome and interval in which it occurred, without ' +
        '`limit`.',
      tag: 'Usage',
      query: {
        ...common,
        interval: interval.optional().openapi({ description: '`day` by default.' }),
      },
      success: {
        status: 200,
        description: 'The outcomes, their totals, and a point for each interval.',
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
