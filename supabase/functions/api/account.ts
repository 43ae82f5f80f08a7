import type { OpenAPIHono } from '@hono/zod-openapi';
import { account } from '../_shared/account-schemas.ts';
import { declarePath } from '../_shared/declare-path.ts';
import { operation } from '../_shared/operation.ts';
import type { Dependencies, ServiceEnv } from '../_shared/service.ts';

/** `/api/v1/proxy/account`: the quotas that all of a user's keys share. */
export function declareAccount(app: OpenAPIHono<ServiceEnv>, dependencies: Dependencies): void {
  declarePath(app, dependencies, '/api/v1/proxy/account', {
    get: operation({
      operationId: 'getAccount',
      summary: "Get your account's quotas and usage this month",
      description:
        'By tier: the bytes that all live keys share, and those that all test keys share, deleted ' +
        'keys included. A key is refused (402) when its own quota or the shared one is used up.',
      tag: 'Usage',
      success: {
        status: 200,
        description: 'The account.',
        content: { 'application/json': account.answer },
      },
      problems: [],
      handle: async ({ context, caller }) =>
        context.json(account.read(await dependencies.callDatabase(caller, 'proxy_account', {}))),
    }),
  });
}
