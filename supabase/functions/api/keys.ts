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
      summary: 'List your keys',
      description:
        "Newest first, with this month's usage, in pages if `limit` is set. Deleted keys are included: " +
        'without a `limit`, or sorted by anything but age, only the newest of them, up to 2,000 keys in ' +
        'all. With `Accept: text/csv`, all keys in one stream, without `limit` and `cursor`.',
      tag: 'Keys',
      query: { ...pageFields, ...keyFilters, ...keyListFields },
      success: {
        status: 200,
        description: 'The keys, without secrets.',
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
      description: 'Only this response shows the secret.',
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
      summary: 'Get an overview of your keys',
      description:
        'How many keys are in each state, and which need attention: the quota is used up or nearly used ' +
        'up, or the key is suspended, expired or about to expire. Lists the most urgent, up to `limit` ' +
        '(5 by default).',
      tag: 'Keys',
      query: { limit: wholeNumber(1, 200).optional() },
      success: {
        status: 200,
        description: 'The number of keys in each state, and the keys that need attention.',
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
        'Changes all of the keys or none: sets `deleted`, or else `allowedIps`, `expiresAt` or both. The ' +
        'request counts as one write and is idempotent.',
      tag: 'Keys',
      body: changesBody,
      success: {
        status: 200,
        description: 'The number of keys changed and unchanged.',
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
