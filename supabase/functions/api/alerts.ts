import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { alert, threshold, thresholdsBody } from '../_shared/alert-schemas.ts';
import { alertTypes } from '../_shared/alert-types.ts';
import { declarePath } from '../_shared/declare-path.ts';
import { toArguments } from '../_shared/field-names.ts';
import { operation } from '../_shared/operation.ts';
import { linkHeader, respondWithPage } from '../_shared/paging.ts';
import { pageFields, text } from '../_shared/request-fields.ts';
import type { Dependencies, ServiceEnv } from '../_shared/service.ts';

/** `/api/v1/proxy/alerts`: a user's alerts, and the percentages of a quota that raise one. */
export function declareAlerts(app: OpenAPIHono<ServiceEnv>, dependencies: Dependencies): void {
  const { callDatabase } = dependencies;
  declarePath(app, dependencies, '/api/v1/proxy/alerts', {
    get: operation({
      operationId: 'listAlerts',
      summary: 'List your alerts',
      description:
        'The alerts of the last 90 days, newest first, in pages of `limit` (50 by default).',
      tag: 'Alerts',
      query: {
        ...pageFields,
        keyId: text
          .openapi({ description: 'The uuid or keyId of one key. The default is all keys.' })
          .optional(),
        type: z.enum(alertTypes).optional(),
      },
      success: {
        status: 200,
        description: 'The alerts. `type` determines the fields of `data`.',
        content: { 'application/json': z.array(alert.answer) },
        headers: linkHeader,
      },
      problems: ['not_found'],
      handle: async ({ context, caller, query: { keyId: id, ...query } }) => {
        const page = await callDatabase(caller, 'list_proxy_alerts', toArguments({ id, ...query }));
        return respondWithPage(context, page, alert.read);
      },
    }),
  });

  declarePath(app, dependencies, '/api/v1/proxy/alerts/thresholds', {
    get: operation({
      operationId: 'listAlertThresholds',
      summary: 'List the percentages of a quota at which you are alerted',
      description:
        "The account's thresholds come first: they also apply to keys without their own. Then those of " +
        'individual keys.',
      tag: 'Alerts',
      success: {
        status: 200,
        description: 'The thresholds.',
        content: { 'application/json': z.array(threshold.answer) },
      },
      problems: [],
      handle: async ({ context, caller }) => {
        const rows = await callDatabase(caller, 'list_proxy_alert_thresholds', {});
        return context.json(rows.map(threshold.read));
      },
    }),
    patch: operation({
      operationId: 'setAlertThresholds',
      summary: 'Set the percentages of a quota at which you are alerted',
      description:
        'Sets them for one key, or for the account and all keys without their own. A threshold that is ' +
        'already exceeded raises an alert at once.',
      tag: 'Alerts',
      body: thresholdsBody,
      success: {
        status: 200,
        description: 'The updated thresholds.',
        content: { 'application/json': z.strictObject({ threshold: threshold.answer }) },
      },
      problems: ['not_found', 'key_deleted'],
      handle: async ({ context, caller, body: { percents, keyId: id } }) => {
        const row = await callDatabase(caller, 'set_proxy_alert_thresholds', {
          // null restores the default, which the generated types do not allow
          percents: percents as number[],
          ...(id === undefined ? {} : { id }),
        });
        return context.json({ threshold: threshold.read(row) });
      },
    }),
  });
}
