import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { ofRow, time } from '../_shared/answer.ts';
import { declarePath } from '../_shared/declare-path.ts';
import { toArguments } from '../_shared/field-names.ts';
import { operation } from '../_shared/operation.ts';
import { linkHeader, respondWithPage } from '../_shared/paging.ts';
import { pageFields, reasonField, tierField, userField } from '../_shared/request-fields.ts';
import type { Dependencies, ServiceEnv } from '../_shared/service.ts';

const grant = {
  userId: z.uuid(),
  tier: z.string(),
  grantedAt: time,
  grantedBy: z
    .uuid()
    .nullable()
    .openapi({ description: 'The admin; null for a grant made in SQL.' }),
  reason: z.string().nullable(),
};
const tierGrant = ofRow('TierGrant', grant);
const foundGrant = ofRow('FoundTierGrant', { ...grant, email: z.string().nullable() });
const grantBody = z
  .strictObject({ user: userField, tier: tierField, reason: reasonField })
  .openapi('GrantRequest');

/** `/admin/proxy/grants`: which users may mint keys of the tiers that are not self-serve. */
export function declareAdminGrants(app: OpenAPIHono<ServiceEnv>, dependencies: Dependencies): void {
  const { callDatabase } = dependencies;
  declarePath(app, dependencies, '/admin/proxy/grants', {
    get: operation({
      operationId: 'listGrants',
      summary: 'List the grants of all users',
      description: 'Newest first, in pages of `limit` (50 by default).',
      tag: 'Admin',
      query: { ...pageFields, user: userField.optional(), tier: tierField.optional() },
      success: {
        status: 200,
        description: 'The grants.',
        content: { 'application/json': z.array(foundGrant.answer) },
        headers: linkHeader,
      },
      problems: ['forbidden', 'second_factor_required'],
      handle: async ({ context, caller, query }) => {
        const page = await callDatabase(caller, 'list_proxy_tier_grants', toArguments(query));
        return respondWithPage(context, page, foundGrant.read);
      },
    }),
    post: operation({
      operationId: 'grantTier',
      summary: 'Grant a tier to a user',
      description: 'An existing grant is unchanged.',
      tag: 'Admin',
      body: grantBody,
      success: {
        status: 200,
        description: 'The grant.',
        content: { 'application/json': z.strictObject({ grant: tierGrant.answer }) },
      },
      problems: ['forbidden', 'second_factor_required', 'user_not_found'],
      handle: async ({ context, caller, body }) => {
        const row = await callDatabase(caller, 'grant_proxy_tier', body);
        return context.json({ grant: tierGrant.read(row) });
      },
    }),
  });

  declarePath(app, dependencies, '/admin/proxy/grants/revoke', {
    post: operation({
      operationId: 'revokeTier',
      summary: "Revoke a user's grant of a tier",
      description: 'Existing keys of the tier keep working: suspend those that should not.',
      tag: 'Admin',
      body: grantBody,
      success: { status: 204, description: 'Revoked, or the user had no grant.' },
      problems: ['forbidden', 'second_factor_required', 'user_not_found'],
      handle: async ({ context, caller, body }) => {
        await callDatabase(caller, 'revoke_proxy_tier', body);
        return context.body(null, 204);
      },
    }),
  });
}
