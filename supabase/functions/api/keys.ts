import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { keyAttention } from '../_shared/attention-schemas.ts';
import { declarePath } from '../_shared/declare-path.ts';
import { toArguments } from '../_shared/field-names.ts';
import { idempotencyKeyOf } from '../_shared/idempotency-key.ts';
import {
  changesBody,
  keyChanges,
  keySummary,
  mintBody,
  mintedKey,
} from '../_shared/key-schemas.ts';
import { operation } from '../_shared/operation.ts';
import { linkHeader, respondWithPage } from '../_shared/paging.ts';
import { keyFilters, keyListFields, pageFields, wholeNumber } from '../_shared/request-fields.ts';
import { type Dependencies, type ServiceEnv, tellFailure } from '../_shared/service.ts';
import { announceCsv, csvHeaders, refuseWithCsv, streamCsv, wantsCsv } from './csv-stream.ts';

/** `/api/v1/proxy/keys`: list and mint. */
export function declareKeys(app: OpenAPIHono<ServiceEnv>, dependencies: Dependencies): void {
  const { callDatabase } = dependencies;
  declarePath(app, dependencies, '/api/v1/proxy/keys', {
    get: operation({
      operationId: 'listKeys',
      summary: 'Your keys',
      description:
        "All of them, deleted ones too, newest first, with this month's usage; with a `limit` in pages. " +
        'Sorted, but by age, of the deleted the newest, up to 2,000 in all. With `Accept: text/csv` all ' +
        'in one stream, without `limit` and `cursor`.',
      tag: 'Keys',
      query: { ...pageFields, ...keyFilters, ...keyListFields },
      success: {
        status: 200,
        description: 'The keys. Never a secret.',
        content: { 'application/json': z.array(keySummary.answer), 'text/csv': z.string() },
        headers: { ...linkHeader, ...csvHeaders },
      },
      problems: [],
      handle: async ({ context, caller, query }) => {
        if (wantsCsv(context)) {
          refuseWithCsv(query, ['limit', 'cursor']);
          if (context.req.method === 'HEAD') {
            await callDatabase(caller, 'list_proxy_keys', { limit: 1, ...toArguments(query) });
            return announceCsv(context, 'keys');
          }
          const readPart = (cursor: string | undefined) =>
            callDatabase(caller, 'export_proxy_keys', toArguments({ ...query, cursor }));
          return streamCsv(context, 'keys', readPart, (error) =>
            tellFailure(dependencies, caller.requestId, error),
          );
        }
        const page = await callDatabase(caller, 'list_proxy_keys', toArguments(query));
        return respondWithPage(context, page, keySummary.read);
      },
    }),
    post: operation({
      operationId: 'mintKey',
      summary: 'Mint a key',
      description: 'The answer is the one place where its secret is ever shown.',
      tag: 'Keys',
      body: mintBody,
      retried: true,
      success: {
        status: 201,
        description: 'The key, with its secret.',
        content: { 'application/json': z.strictObject({ key: mintedKey.answer }) },
      },
      problems: ['tier_not_granted', 'key_limit_reached'],
      handle: async ({ context, caller, body }) => {
        const row = await callDatabase(caller, 'mint_proxy_key', {
          label: body.label,
          ...toArguments({ ...body, idempotencyKey: idempotencyKeyOf(context) }),
        });
        return context.json({ key: mintedKey.read(row) }, 201);
      },
    }),
  });

  declarePath(app, dependencies, '/api/v1/proxy/keys/attention', {
    get: operation({
      operationId: 'getKeyAttention',
      summary: 'Your keys at a glance',
      description:
        'How many are in which state, and which need attention: their quota is used up or nearly, or they ' +
        'are suspended, expired or about to. The most pressing, up to `limit` (5 by default).',
      tag: 'Keys',
      query: { limit: wholeNumber(1, 200).optional() },
      success: {
        status: 200,
        description: 'What needs attention.',
        content: { 'application/json': keyAttention.answer },
      },
      problems: [],
      handle: async ({ context, caller, query }) => {
        const row = await callDatabase(caller, 'proxy_key_attention', toArguments(query));
        return context.json(keyAttention.read(row));
      },
    }),
  });

  declarePath(app, dependencies, '/api/v1/proxy/keys/changes', {
    post: operation({
      operationId: 'changeKeys',
      summary: 'Change up to 300 keys at once',
      description:
        'All of them or none: `deleted`, or what there is of `allowedIps` and `expiresAt`. It counts as one ' +
        'write, and may be sent again.',
      tag: 'Keys',
      body: changesBody,
      success: {
        status: 200,
        description: 'What it came to.',
        content: { 'application/json': keyChanges.answer },
      },
      problems: ['not_found', 'key_deleted'],
      handle: async ({ context, caller, body: { ids, ...changes } }) => {
        const row = await callDatabase(caller, 'change_proxy_keys', {
          ids,
          changes: toArguments(changes) as Record<string, string>,
        });
        return context.json(keyChanges.read(row));
      },
    }),
  });
}
