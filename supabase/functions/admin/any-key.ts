import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { account, keyOwner } from '../_shared/account-schemas.ts';
import { ofRow, time } from '../_shared/answer.ts';
import { declarePath } from '../_shared/declare-path.ts';
import { toArguments } from '../_shared/field-names.ts';
import { foundKey } from '../_shared/key-schemas.ts';
import { operation } from '../_shared/operation.ts';
import { linkHeader, respondWithPage } from '../_shared/paging.ts';
import {
  eventFilters,
  pageFields,
  periodField,
  spanFields,
  wholeNumber,
} from '../_shared/request-fields.ts';
import { interval, outcomeUsage, sort } from '../_shared/rollup-schemas.ts';
import { type Dependencies, keyReference, type ServiceEnv } from '../_shared/service.ts';
import { usageEvent, usageSeries } from '../_shared/usage-schemas.ts';

const reading = z
  .strictObject({
    key: foundKey.answer,
    owner: keyOwner.answer,
    // null if the account is removed
    account: z.union([account.answer, z.null()]),
    // the newest event that is kept
    lastEvent: z.union([usageEvent.answer, z.null()]),
  })
  .openapi('KeyReading');
const auditEntry = ofRow('AuditEntry', {
  id: z.uuid(),
  action: z.string().openapi({ example: 'suspended' }),
  actorId: z.uuid().nullable().openapi({ description: 'Null for a change made in SQL.' }),
  changes: z
    .record(z.string(), z.unknown())
    .nullable()
    .openapi({ description: 'The new values by column.' }),
  reason: z.string().nullable(),
  requestId: z.string().nullable(),
  occurredAt: time,
});
const problems = ['forbidden', 'second_factor_required'] as const;

/** `/admin/proxy/keys/{id}`: why any user's key is refused, and what its owner can read about it. */
export function declareAnyKey(app: OpenAPIHono<ServiceEnv>, dependencies: Dependencies): void {
  const { callDatabase } = dependencies;
  const path = '/admin/proxy/keys/{id}';
  declarePath(app, dependencies, path, {
    get: operation({
      operationId: 'readAnyKey',
      summary: 'Find out why a key is refused',
      description:
        "Returns any user's key, deleted or not, with its owner, the owner's account (null if it was " +
        'removed), and the newest event that is kept, if any. Reading a key is not audited.',
      tag: 'Admin',
      success: {
        status: 200,
        description: 'The key, without its secret.',
        content: { 'application/json': reading },
      },
      problems: [...problems],
      handle: async ({ context, caller }) => {
        const row = await callDatabase(caller, 'find_proxy_key', { id: keyReference(context) });
        return context.json({
          key: foundKey.read(row.key),
          owner: keyOwner.read(row.owner),
          account: row.account && account.read(row.account),
          lastEvent: row.last_event && usageEvent.read(row.last_event),
        });
      },
    }),
  });

  declarePath(app, dependencies, `${path}/events`, {
    get: operation({
      operationId: 'listAnyKeyEvents',
      summary: "List any key's usage events",
      description: 'The same events that its owner can read, as JSON only.',
      tag: 'Admin',
      query: { ...pageFields, ...eventFilters },
      success: {
        status: 200,
        description: 'The events, newest first.',
        content: { 'application/json': z.array(usageEvent.answer) },
        headers: linkHeader,
      },
      problems: [...problems],
      handle: async ({ context, caller, query }) => {
        const page = await callDatabase(caller, 'list_proxy_key_events', {
          id: keyReference(context),
          ...toArguments(query),
          as_admin: true,
        });
        return respondWithPage(context, page, usageEvent.read);
      },
    }),
  });

  declarePath(app, dependencies, `${path}/audit`, {
    get: operation({
      operationId: 'listAnyKeyAudit',
      summary: "List any key's audit entries",
      tag: 'Admin',
      query: pageFields,
      success: {
        status: 200,
        description: 'Each change, with the actor and the reason, newest first.',
        content: { 'application/json': z.array(auditEntry.answer) },
        headers: linkHeader,
      },
      problems: [...problems],
      handle: async ({ context, caller, query }) => {
        const page = await callDatabase(caller, 'list_proxy_key_audit', {
          id: keyReference(context),
          ...toArguments(query),
          as_admin: true,
        });
        return respondWithPage(context, page, auditEntry.read);
      },
    }),
  });

  declarePath(app, dependencies, `${path}/usage/series`, {
    get: operation({
      operationId: 'getAnyKeyUsage',
      summary: "Get any key's usage by hour or day",
      tag: 'Admin',
      query: { interval, ...spanFields },
      success: {
        status: 200,
        description: 'The same series that its owner can read.',
        content: { 'application/json': usageSeries.answer },
      },
      problems: [...problems],
      handle: async ({ context, caller, query }) => {
        const row = await callDatabase(caller, 'proxy_usage_series', {
          key_id: keyReference(context),
          interval: query.interval,
          ...toArguments(query),
          as_admin: true,
        });
        return context.json(usageSeries.row.parse(row));
      },
    }),
  });

  declarePath(app, dependencies, `${path}/usage/outcomes`, {
    get: operation({
      operationId: 'getAnyKeyOutcomes',
      summary: "Get any key's usage by outcome",
      description: 'The same figures that its owner can read, as JSON only.',
      tag: 'Admin',
      query: {
        period: periodField.optional(),
        interval: interval.optional(),
        ...spanFields,
        limit: wholeNumber(1, 200).optional(),
        sort: sort.optional(),
      },
      success: {
        status: 200,
        description: 'The outcomes, their totals, and a point for each interval.',
        content: { 'application/json': outcomeUsage.answer },
      },
      problems: [...problems],
      handle: async ({ context, caller, query }) => {
        const row = await callDatabase(caller, 'proxy_usage_outcomes', {
          key_id: keyReference(context),
          ...toArguments(query),
          as_admin: true,
        });
        return context.json(outcomeUsage.row.parse(row));
      },
    }),
  });
}
