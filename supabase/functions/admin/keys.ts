import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { declarePath } from '../_shared/declare-path.ts';
import { toArguments } from '../_shared/field-names.ts';
import { foundKey, keyDetail, keySummary } from '../_shared/key-schemas.ts';
import { operation } from '../_shared/operation.ts';
import { linkHeader, respondWithPage } from '../_shared/paging.ts';
import { argumentRules } from '../_shared/refusals.ts';
import {
  keyFilters,
  limitField,
  pageFields,
  reasonField,
  stateFilter,
  text,
  userField,
} from '../_shared/request-fields.ts';
import { type Dependencies, keyReference, type ServiceEnv } from '../_shared/service.ts';

const suspendBody = z.strictObject({ reason: reasonField }).openapi('SuspendRequest');
const reactivateBody = z
  .strictObject({ reason: reasonField.optional() })
  .openapi('ReactivateRequest');
const limitsBody = z
  .strictObject({
    bandwidthLimitBytes: limitField(
      0,
      Number.MAX_SAFE_INTEGER,
      argumentRules.bandwidth_limit_bytes,
    ),
    rateLimit: limitField(1, 1_000_000, argumentRules.rate_limit),
    tunnelLimit: limitField(1, 1_000_000, argumentRules.tunnel_limit),
    reason: reasonField,
  })
  .openapi('LimitsRequest');
const oneKey = { 'application/json': z.strictObject({ key: keyDetail.answer }) };

/** `/admin/proxy/keys`: all users' keys. */
export function declareAdminKeys(app: OpenAPIHono<ServiceEnv>, dependencies: Dependencies): void {
  const { callDatabase } = dependencies;
  declarePath(app, dependencies, '/admin/proxy/keys', {
    get: operation({
      operationId: 'findKeys',
      summary: 'Find keys of all users',
      description:
        'Newest first, in pages of `limit` (50 by default). With `state`, a page scans at most 2,000 ' +
        'keys: it may be short, or empty, and still have a next page.',
      tag: 'Admin',
      query: {
        ...pageFields,
        keyId: text.openapi({ description: 'A uuid or a keyId.' }).optional(),
        user: userField.optional(),
        ...keyFilters,
        state: stateFilter,
      },
      success: {
        status: 200,
        description: 'The keys with their owners, without secrets.',
        content: { 'application/json': z.array(foundKey.answer) },
        headers: linkHeader,
      },
      problems: ['forbidden', 'second_factor_required'],
      handle: async ({ context, caller, query }) => {
        const page = await callDatabase(caller, 'find_proxy_keys', toArguments(query));
        return respondWithPage(context, page, foundKey.read);
      },
    }),
  });

  declarePath(app, dependencies, '/admin/proxy/keys/{id}/suspend', {
    post: operation({
      operationId: 'suspendKey',
      summary: 'Suspend a key until it is reactivated',
      description: 'The owner can read the reason. A key that is already suspended is unchanged.',
      tag: 'Admin',
      body: suspendBody,
      success: { status: 200, description: 'The updated key.', content: oneKey },
      problems: ['forbidden', 'second_factor_required', 'key_deleted'],
      handle: async ({ context, caller, body }) => {
        const row = await callDatabase(caller, 'suspend_proxy_key', {
          id: keyReference(context),
          reason: body.reason,
        });
        return context.json({ key: keyDetail.read(row) });
      },
    }),
  });

  declarePath(app, dependencies, '/admin/proxy/keys/{id}/reactivate', {
    post: operation({
      operationId: 'reactivateKey',
      summary: 'Reactivate a deleted or suspended key',
      description: 'The key keeps its secret. An active key is unchanged.',
      tag: 'Admin',
      body: reactivateBody,
      bodyOptional: true,
      success: {
        status: 200,
        description: 'The key, as in lists.',
        content: { 'application/json': z.strictObject({ key: keySummary.answer }) },
      },
      problems: ['forbidden', 'second_factor_required', 'key_deleted', 'key_limit_reached'],
      handle: async ({ context, caller, body }) => {
        const row = await callDatabase(caller, 'reactivate_proxy_key', {
          id: keyReference(context),
          ...toArguments(body),
        });
        return context.json({ key: keySummary.read(row) });
      },
    }),
  });

  declarePath(app, dependencies, '/admin/proxy/keys/{id}/limits', {
    patch: operation({
      operationId: 'setKeyLimits',
      summary: "Change a key's limits",
      description: "Limits that the body omits are unchanged; null restores the tier's.",
      tag: 'Admin',
      body: limitsBody,
      success: { status: 200, description: 'The updated key.', content: oneKey },
      problems: ['forbidden', 'second_factor_required', 'key_deleted'],
      handle: async ({ context, caller, body: { reason, ...limits } }) => {
        const row = await callDatabase(caller, 'set_proxy_key_limits', {
          id: keyReference(context),
          reason,
          limits: toArguments(limits) as Record<string, number | null>,
        });
        return context.json({ key: keyDetail.read(row) });
      },
    }),
  });
}
