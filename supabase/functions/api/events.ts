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

/** `/api/v1/proxy/keys/{id}/events`: each CONNECT of a key, as JSON by pages or all as CSV. */
export function declareEvents(app: OpenAPIHono<ServiceEnv>, dependencies: Dependencies): void {
  const { callDatabase } = dependencies;
  declarePath(app, dependencies, '/api/v1/proxy/keys/{id}/events', {
    get: operation({
      operationId: 'listKeyEvents',
      summary: "A key's usage events",
      description:
        'Newest first, in pages of `limit` (50 by default): by `cursor`, where what arrives meanwhile ' +
        'moves nothing, or by the number of a `page` among the newest 10,000. With `Accept: text/csv` ' +
        'all of them in one stream, without `limit`, `page` and `cursor`; one that breaks off has no ' +
        'proper end, so a client can tell. To go on, ask again with `to` one millisecond after the last ' +
        'whole line, and leave out the events that you have.',
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
            // the same refusals, for one event and not for a part of the export
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
