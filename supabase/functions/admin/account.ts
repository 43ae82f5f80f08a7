import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { account } from '../_shared/account-schemas.ts';
import { declarePath } from '../_shared/declare-path.ts';
import { toArguments } from '../_shared/field-names.ts';
import { operation } from '../_shared/operation.ts';
import { argumentRules } from '../_shared/refusals.ts';
import { limitField, reasonField, tierField, userField } from '../_shared/request-fields.ts';
import type { Dependencies, ServiceEnv } from '../_shared/service.ts';

const limitsBody = z
  .strictObject({
    user: userField,
    tier: tierField,
    accountLimitBytes: limitField(
      0,
      Number.MAX_SAFE_INTEGER,
      `The quota of all live keys together. ${argumentRules.account_limit_bytes}`,
    ),
    testLimitBytes: limitField(
      0,
      Number.MAX_SAFE_INTEGER,
      `The quota of all test keys together. ${argumentRules.test_limit_bytes}`,
    ),
    reason: reasonField,
  })
  .openapi('AccountLimitsRequest');
const content = { 'application/json': account.answer };

/** `/admin/proxy/account`: the quotas that all keys of a user share, for any user. */
export function declareAdminAccount(
  app: OpenAPIHono<ServiceEnv>,
  dependencies: Dependencies,
): void {
  const { callDatabase } = dependencies;
  declarePath(app, dependencies, '/admin/proxy/account', {
    get: operation({
      operationId: 'findAccount',
      summary: "Get a user's account",
      tag: 'Admin',
      query: { user: userField },
      success: { status: 200, description: 'The account, as the user sees it.', content },
      problems: ['forbidden', 'second_factor_required', 'user_not_found'],
      handle: async ({ context, caller, query: { user } }) =>
        context.json(account.read(await callDatabase(caller, 'find_proxy_account', { user }))),
    }),
  });

  declarePath(app, dependencies, '/admin/proxy/account/limits', {
    patch: operation({
      operationId: 'setAccountLimits',
      summary: 'Change the quotas that all keys of a user and tier share',
      description: "Limits that the body omits are unchanged; null restores the tier's.",
      tag: 'Admin',
      body: limitsBody,
      success: { status: 200, description: 'The updated account.', content },
      problems: ['forbidden', 'second_factor_required', 'user_not_found'],
      handle: async ({ context, caller, body: { user, tier, reason, ...limits } }) => {
        const row = await callDatabase(caller, 'set_proxy_account_limits', {
          user,
          tier,
          reason,
          limits: toArguments(limits) as Record<string, number | null>,
        });
        return context.json(account.read(row));
      },
    }),
  });
}
