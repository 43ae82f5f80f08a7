import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { declarePath } from '../_shared/declare-path.ts';
import { toArguments } from '../_shared/field-names.ts';
import { operation } from '../_shared/operation.ts';
import { linkHeader, respondWithPage } from '../_shared/paging.ts';
import {
  keyFilters,
  pageFields,
  periodField,
  spanFields,
  text,
} from '../_shared/request-fields.ts';
import { interval } from '../_shared/rollup-schemas.ts';
import type { Dependencies, ServiceEnv } from '../_shared/service.ts';
import { keyUsage, usageSeries, usageSummary } from '../_shared/usage-schemas.ts';

/** `/api/v1/proxy/usage`: a month in one sum and by key, and any time by hour or day. */
export function declareUsage(app: OpenAPIHono<ServiceEnv>, dependencies: Dependencies): void {
  const { callDatabase } = dependencies;
  declarePath(app, dependencies, '/api/v1/proxy/usage', {
    get: operation({
      operationId: 'getUsage',
      summary: 'A month over all of your keys',
      tag: 'Usage',
      query: { period: periodField.optional() },
      success: {
        status: 200,
        description: 'Bytes in and out and requests, deleted keys included.',
        content: { 'application/json': usageSummary.answer },
      },
      problems: [],
      handle: async ({ context, caller, query }) => {
        const row = await callDatabase(caller, 'proxy_usage_summary', toArguments(query));
        return context.json(usageSummary.read(row));
      },
    }),
  });

  declarePath(app, dependencies, '/api/v1/proxy/usage/keys', {
    get: operation({
      operationId: 'listUsageByKey',
      summary: 'A month, key by key',
      tag: 'Usage',
      description:
        'Newest key first; with `sort` those that used the most, up to `limit` (50 by default), without a `cursor`.',
      query: {
        period: periodField.optional(),
        ...pageFields,
        ...keyFilters,
        sort: z.enum(['bytes', 'requests']).optional(),
      },
      success: {
        status: 200,
        description: 'Each key with what it used in that month.',
        content: { 'application/json': z.array(keyUsage.answer) },
        headers: linkHeader,
      },
      problems: [],
      handle: async ({ context, caller, query }) => {
        const page = await callDatabase(caller, 'proxy_usage_by_key', toArguments(query));
        return respondWithPage(context, page, keyUsage.read);
      },
    }),
  });

  declarePath(app, dependencies, '/api/v1/proxy/usage/series', {
    get: operation({
      operationId: 'getUsageSeries',
      summary: 'Usage by hour or day',
      description:
        'Whole hours or days (UTC) from the one that `from` is in to the one that `to` is in or ends; ' +
        'by default the last 24 hours or 30 days. At most 1,000.',
      tag: 'Usage',
      query: {
        interval,
        ...spanFields,
        keyId: text
          .openapi({ description: 'One key, by its uuid or keyId; without it all of them.' })
          .optional(),
      },
      success: {
        status: 200,
        description: 'A point for each interval, also where nothing was used.',
        content: { 'application/json': usageSeries.answer },
      },
      problems: ['not_found'],
      handle: async ({ context, caller, query }) => {
        const row = await callDatabase(caller, 'proxy_usage_series', {
          interval: query.interval,
          ...toArguments(query),
        });
        return context.json(usageSeries.row.parse(row));
      },
    }),
  });
}
