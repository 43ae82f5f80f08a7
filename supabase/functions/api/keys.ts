import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { declarePath } from '../_shared/declare-path.ts';
import { toArguments } from '../_shared/field-names.ts';
import { idempotencyKeyOf } from '../_shared/idempotency-key.ts';
import { keySummary, mintBody, mintedKey } from '../_shared/key-schemas.ts';
import { operation } from '../_shared/operation.ts';
import { linkHeader, respondWithPage } from '../_shared/paging.ts';
import { keyFilters, pageFields } from '../_shared/request-fields.ts';
import type { Dependencies, ServiceEnv } from '../_shared/service.ts';

/** `/api/v1/proxy/keys`: list and mint. */
export function declareKeys(app: OpenAPIHono<ServiceEnv>, dependencies: Dependencies): void {
  const { callDatabase } = dependencies;
  declarePath(app, dependencies, '/api/v1/proxy/keys', {
    get: operation({
      operationId: 'listKeys',
      summary: 'Your keys',
      description:
        "All of them, deleted ones too, newest first, with this month's usage; with a `limit` in pages.",
      tag: 'Keys',
      query: { ...pageFields, ...keyFilters },
      success: {
        status: 200,
        description: 'The keys. Never a secret.',
        content: { 'application/json': z.array(keySummary.answer) },
        headers: linkHeader,
      },
      problems: [],
      handle: async ({ context, caller, query }) => {
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
}
