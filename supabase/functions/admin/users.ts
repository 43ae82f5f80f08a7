import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { userUsage } from '../_shared/account-schemas.ts';
import { declarePath } from '../_shared/declare-path.ts';
import { toArguments } from '../_shared/field-names.ts';
import { operation } from '../_shared/operation.ts';
import { linkHeader, respondWithPage } from '../_shared/paging.ts';
import { pageFields, userField } from '../_shared/request-fields.ts';
import type { Dependencies, ServiceEnv } from '../_shared/service.ts';

/** `/admin/proxy/users`: the users with the most usage this month. */
export function declareAdminUsers(app: OpenAPIHono<ServiceEnv>, dependencies: Dependencies): void {
  const { callDatabase } = dependencies;
  declarePath(app, dependencies, '/admin/proxy/users', {
    get: operation({
      operationId: 'listUsers',
      summary: 'List users by usage',
      description:
        'Users whose keys moved bytes this calendar month (UTC), the most bytes first, in pages of ' +
        '`limit` (50 by default). With `user`, only that user, with or without usage. A user whose ' +
        'usage rises between two pages may be missing.',
      tag: 'Admin',
      query: { ...pageFields, user: userField.optional() },
      success: {
        status: 200,
        description: 'The users, each with its account.',
        content: { 'application/json': z.array(userUsage.answer) },
        headers: linkHeader,
      },
      problems: ['forbidden', 'second_factor_required'],
      handle: async ({ context, caller, query }) => {
        const page = await callDatabase(caller, 'list_proxy_users', toArguments(query));
        return respondWithPage(context, page, userUsage.read);
      },
    }),
  });
}
