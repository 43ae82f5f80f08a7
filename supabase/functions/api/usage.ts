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

/** `/api/v1/proxy/usage`: a month in total and by key, and any span by hour or day. */
export function declareUsage(app: OpenAPIHono<ServiceEnv>, dependencies: Dependencies): void {
  const { callDatabase } = dependencies;
  declarePath(app, dependencies, '/api/v1/proxy/usage', {
    get: operation({
      operationId: 'getUsage',
      summary: "Get a month's usage over all your keys",
      tag: 'Usage',
      query: { period: periodField.optional() },
      success: {
        status: 200,
        description: 'The bytes in and out and the requests, deleted keys included.',
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
      summary: "List a month's usage by key",
      tag: 'Usage',
      description:
        'Newest key first. With `sort`, the keys with the most usage, up to `limit` (50 by default), ' +
        'without a `cursor`.',
      query: {
        period: periodField.optional(),
        ...pageFields,
        ...keyFilters,
        sort: z.enum(['bytes', 'requests']).optional(),
      },
      success: {
        status: 200,
        description: "Each key with its month's usage.",
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
      summary: 'Get usage by hour or day',
      description:
        'Whole hours or days (UTC), from the one that contains `from` to the one that `to` is in or ' +
        'ends; at most 1,000, and the last 24 hours or 30 days by default.',
      tag: 'Usage',
      query: {
        interval,
        ...spanFields,
        keyId: text
          .openapi({ description: 'The uuid or keyId of one key. The default is all keys.' })
          .optional(),
      },
      success: {
        status: 200,
        description: 'A point for each interval, including intervals without usage.',
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
