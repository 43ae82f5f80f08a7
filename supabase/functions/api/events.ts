import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { declarePath } from '../_shared/declare-path.ts';
import { toArguments } from '../_shared/field-names.ts';
import { operation } from '../_shared/operation.ts';
import { linkHeader, respondWithPage } from '../_shared/paging.ts';
import { eventFilters, pageFields } from '../_shared/request-fields.ts';
import {
  type Dependencies,
  keyReference,
  type ServiceEnv,
  tellFailure,
} from '../_shared/service.ts';
import { usageEvent } from '../_shared/usage-schemas.ts';
import { announceCsv, csvHeaders, refuseWithCsv, streamCsv, wantsCsv } from './csv-stream.ts';

/** `/api/v1/proxy/keys/{id}/events`: a key's events, as JSON in pages or all of them as CSV. */
export function declareEvents(app: OpenAPIHono<ServiceEnv>, dependencies: Dependencies): void {
  const { callDatabase } = dependencies;
  declarePath(app, dependencies, '/api/v1/proxy/keys/{id}/events', {
    get: operation({
      operationId: 'listKeyEvents',
      summary: "List a key's usage events",
      description:
        'Newest first, in pages of `limit` (50 by default). Request pages by `cursor`, which new events ' +
        'do not shift, or by `page` number among the newest 10,000 events. With `Accept: text/csv`, ' +
        'all events in one stream, without `limit`, `page` and `cursor`. A stream that fails is ' +
        'aborted, so that a client can detect it. To resume, send the request again with `to` one ' +
        'millisecond after the last complete line, and skip the events that you already have.',
      tag: 'Usage',
      query: { ...pageFields, ...eventFilters },
      success: {
        status: 200,
        description: 'The events.',
        content: {
          'application/json': z.array(usageEvent.answer),
          'text/csv': z.string(),
        },
        headers: {
          ...linkHeader,
          ...csvHeaders,
        },
      },
      problems: [],
      handle: async ({ context, caller, query }) => {
        const id = keyReference(context);
        if (wantsCsv(context)) {
          refuseWithCsv(query, ['limit', 'cursor', 'page']);
          if (context.req.method === 'HEAD') {
            // the same refusals, at the cost of one event rather than a part of the export
            await callDatabase(caller, 'list_proxy_key_events', {
              id,
              limit: 1,
              ...toArguments(query),
            });
            return announceCsv(context, 'events');
          }
          const readPart = (cursor: string | undefined) =>
            callDatabase(caller, 'export_proxy_key_events', {
              id,
              ...toArguments({ ...query, cursor }),
            });
          return streamCsv(context, 'events', readPart, (error) =>
            tellFailure(dependencies, caller.requestId, error),
          );
        }
        const page = await callDatabase(caller, 'list_proxy_key_events', {
          id,
          ...toArguments(query),
        });
        return respondWithPage(context, page, usageEvent.read);
      },
    }),
  });
}
